"""One peer in a process of its own that stays alive between its turns.

    worker.py KIND FOLDER THREADS TYPE

Reads one JSON object a line, answers each with one:
    {"batch", "beams", "new_tokens", "sources": [[id]], "repeat"}
                         -> {"ms": [..]}  one whole generation each
    {"encode": true, "sources", "repeat"}
                         -> {"ms": [..]}  the encoder alone; {"ms": null} where
                                          the engine gives no way to run it
The first line written says {"ready": true, "versions": {..}, "type": ..}.
"""
import json
import os
import sys
import time


def versions(*names):
    from importlib.metadata import version
    return {name: version(name) for name in names}


class CTranslate2:
    def __init__(self, folder, threads, compute_type):
        import ctranslate2
        self.translator = ctranslate2.Translator(
            folder, device="cpu", inter_threads=1, intra_threads=threads,
            compute_type=compute_type)
        self.type = self.translator.compute_type
        self.versions = versions("ctranslate2")

    def prepare(self, sources):
        return [[f"t{token}" for token in source] for source in sources]

    encode = None # no way to run the encoder alone

    def generate(self, sources, beams, new_tokens):
        # A minimum length suppresses the end token; no limit on the batch keeps
        # the engine from cutting or sorting it.
        results = self.translator.translate_batch(
            sources, beam_size=beams, max_batch_size=0, max_input_length=0,
            min_decoding_length=new_tokens, max_decoding_length=new_tokens)
        return [len(result.hypotheses[0]) for result in results]


class Transformers:
    """Also the base of the peers that borrow its generate()."""

    def __init__(self, folder, threads, kind):
        import torch
        self.torch, self.type = torch, kind
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.model = self.load(folder, threads)
        self.generations = {}

    def load(self, folder, threads):
        from transformers import AutoModelForSeq2SeqLM
        self.versions = versions("transformers", "torch")
        return AutoModelForSeq2SeqLM.from_pretrained(
            folder, dtype=self.torch.float32).eval()

    def prepare(self, sources):
        ids = self.torch.tensor(sources)
        return {"input_ids": ids, "attention_mask": self.torch.ones_like(ids)}

    def encode(self, sources):
        with self.torch.inference_mode():
            self.model.get_encoder()(**sources)

    def generation(self, beams, new_tokens):
        """Nothing of the checkpoint's own generation settings but its tokens:
        no forced end, no forbidden words."""
        from transformers import GenerationConfig
        config = self.model.config
        return GenerationConfig(
            num_beams=beams, do_sample=False, min_new_tokens=new_tokens,
            max_new_tokens=new_tokens, use_cache=True,
            pad_token_id=config.pad_token_id, eos_token_id=config.eos_token_id,
            decoder_start_token_id=config.decoder_start_token_id)

    def generate(self, sources, beams, new_tokens):
        key = beams, new_tokens
        if key not in self.generations:
            self.generations[key] = self.generation(*key)
        with self.torch.inference_mode():
            ids = self.model.generate(**sources,
                                      generation_config=self.generations[key])
        return [len(row) - 1 for row in ids] # without the start token


class OpenVINO(Transformers):
    def load(self, folder, threads):
        from optimum.intel import OVModelForSeq2SeqLM
        self.versions = versions("openvino", "optimum-intel", "transformers")
        return OVModelForSeq2SeqLM.from_pretrained(folder, ov_config={
            "INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1",
            "PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": ""})


class OnnxRuntime(Transformers):
    def load(self, folder, threads):
        import onnxruntime
        from optimum.onnxruntime import ORTModelForSeq2SeqLM
        self.versions = versions("onnxruntime", "optimum-onnx", "transformers")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        return ORTModelForSeq2SeqLM.from_pretrained(
            folder, session_options=options, provider="CPUExecutionProvider")


KINDS = {"ctranslate2": CTranslate2, "transformers": Transformers,
         "openvino": OpenVINO, "onnxruntime": OnnxRuntime}


def answer(engine, request):
    sources = engine.prepare(request["sources"])
    if request.get("encode"):
        if engine.encode is None:
            return {"ms": None}
        run = lambda: engine.encode(sources)
    else:
        run = lambda: engine.generate(sources, request["beams"],
                                      request["new_tokens"])
    times = []
    for _ in range(request["repeat"]):
        start = time.perf_counter()
        lengths = run()
        times.append((time.perf_counter() - start) * 1e3)
        if not request.get("encode"):
            expected = [request["new_tokens"]] * len(request["sources"])
            if lengths != expected:
                raise ValueError(f"lengths {lengths}, expected {expected}")
    return {"ms": times}


def main():
    kind, folder, threads, compute_type = sys.argv[1:]
    # Libraries print; only answers may reach the pipe.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engine = KINDS[kind](folder, int(threads), compute_type)
    print(json.dumps({"ready": True, "versions": engine.versions,
                      "type": engine.type}), file=pipe)
    for line in sys.stdin:
        try:
            reply = answer(engine, json.loads(line))
        except Exception as error: # said to the parent, which leaves this peer out
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=pipe)


if __name__ == "__main__":
    main()
