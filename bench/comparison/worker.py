"""One peer in a process of its own that stays alive between its turns.

    worker.py KIND FOLDER THREADS TYPE SETTING

SETTING is a JSON object, of the peer's own options. Reads one JSON object a line,
answers each with one:
    {"sources": [[id]], "beams", "new_tokens", "repeat"}
              -> {"ms": [..], "ids": [[id]]}  whole generations; the ids of the last
    {"judge": [[id]], "sources", "banned": [id]}
              -> {"gaps": [[x]]} of each token after those before it: how far its
                                 logit lies below the best, in standard deviations
                                 of the logits; 0 for the best. transformers alone
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
    def __init__(self, folder, threads, kind, setting):
        import ctranslate2
        self.translator = ctranslate2.Translator(
            folder, device="cpu", inter_threads=1, intra_threads=threads,
            compute_type={"f32": "float32"}.get(kind, kind), **setting)
        self.type = self.translator.compute_type
        self.versions = versions("ctranslate2")

    def prepare(self, sources):
        return [[f"t{token}" for token in source] for source in sources]

    def generate(self, sources, beams, new_tokens):
        # A minimum length suppresses the end token; no limit on the batch keeps
        # the engine from cutting or sorting it.
        results = self.translator.translate_batch(
            sources, beam_size=beams, max_batch_size=0, max_input_length=0,
            min_decoding_length=new_tokens, max_decoding_length=new_tokens)
        return [[int(token.removeprefix("t")) for token in result.hypotheses[0]]
                for result in results]


class Transformers:
    """transformers, and the base of the peers that use its generate()."""

    def __init__(self, folder, threads, kind, setting):
        import torch
        from transformers import GenerationConfig
        self.torch, self.type = torch, kind
        # Where another library multiplies, torch's threads only disturb it.
        torch.set_num_threads(setting.pop("torch_threads", threads))
        torch.set_num_interop_threads(1)
        self.model = self.load(folder, threads, setting)
        # generate() takes unset options from this object: a forced end, for example.
        self.model.generation_config = GenerationConfig()
        self.generations = {}

    def load(self, folder, threads, setting):
        from transformers import AutoModelForSeq2SeqLM
        self.versions = versions("transformers", "torch")
        return AutoModelForSeq2SeqLM.from_pretrained(
            folder, dtype=self.torch.float32).eval()

    def prepare(self, sources):
        ids = self.torch.tensor(sources)
        return {"input_ids": ids, "attention_mask": self.torch.ones_like(ids)}

    def generation(self, beams, new_tokens):
        """Of the checkpoint's own generation settings the tokens alone: no forced end, no
        forbidden words."""
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
        return ids[:, 1:].tolist() # without the start token

    def judge(self, sources, ids, banned):
        ids = self.torch.tensor(ids)
        start = self.torch.full((len(ids), 1), self.model.config.decoder_start_token_id)
        with self.torch.inference_mode():
            logits = self.model(**sources, decoder_input_ids=self.torch.cat(
                [start, ids[:, :-1]], dim=1)).logits # [B, T, V]
            spread = logits.std(dim=-1)
            logits[:, :, banned] = -float("inf")
            chosen = logits.gather(-1, ids.unsqueeze(-1)).squeeze(-1)
            return ((logits.max(dim=-1).values - chosen) / spread).tolist()


class OpenVINO(Transformers):
    def load(self, folder, threads, setting):
        from optimum.intel import OVModelForSeq2SeqLM
        self.versions = versions("openvino", "optimum-intel", "transformers")
        return OVModelForSeq2SeqLM.from_pretrained(folder, ov_config={
            "INFERENCE_NUM_THREADS": str(threads), "NUM_STREAMS": "1",
            "PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": "", **setting})

    judge = None


class OnnxRuntime(Transformers):
    def load(self, folder, threads, setting):
        import onnxruntime
        from optimum.onnxruntime import ORTModelForSeq2SeqLM
        self.versions = versions("onnxruntime", "optimum-onnx", "transformers")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        for key, value in setting.items():
            if key.startswith("session."):
                options.add_session_config_entry(key, value)
        return ORTModelForSeq2SeqLM.from_pretrained(
            folder, session_options=options, provider="CPUExecutionProvider",
            use_io_binding=setting.get("use_io_binding", False))

    judge = None


KINDS = {"ctranslate2": CTranslate2, "transformers": Transformers,
         "openvino": OpenVINO, "onnxruntime": OnnxRuntime}


def answer(engine, request):
    sources = engine.prepare(request["sources"])
    if "judge" in request:
        return {"gaps": engine.judge(sources, request["judge"], request["banned"])}
    times, ids = [], []
    for _ in range(request["repeat"]):
        start = time.perf_counter()
        ids = engine.generate(sources, request["beams"], request["new_tokens"])
        times.append((time.perf_counter() - start) * 1e3)
        lengths = [len(row) for row in ids]
        if lengths != [request["new_tokens"]] * len(request["sources"]):
            raise ValueError(f"lengths {lengths}, expected {request['new_tokens']} each")
    return {"ms": times, "ids": ids}


def main():
    kind, folder, threads, weights, setting = sys.argv[1:]
    # Libraries print; only answers may reach the pipe.
    pipe = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    engine = KINDS[kind](folder, int(threads), weights, json.loads(setting))
    print(json.dumps({"ready": True, "versions": engine.versions,
                      "type": engine.type}), file=pipe)
    for line in sys.stdin:
        try:
            reply = answer(engine, json.loads(line))
        except Exception as error: # said to the parent, which counts it as a failure
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply), file=pipe)


if __name__ == "__main__":
    main()
