#!/usr/bin/env python3
"""The oracle: what Transformers itself generates, for the tests to compare with.

    goldens.py --refresh            rewrites goldens/*.json (commit them)
    goldens.py --check              fails if the goldens would change
    goldens.py --model FOLDER TSV OUT.json [--limit N]
                                    greedy ids of a checkpoint for the first
                                    column of a table of sentences

Needs torch, transformers 5.23 and (for --model) sentencepiece; run it with the
Python of an environment that has them. Arithmetic is float64 on the weights as
stored; the constants that float32 models round (attention scale, embedding
scale) are rounded the same way. A float32 run must agree wherever it is compared.

Compared are tokens up to the first step whose margin (best minus second score
after processors) is below 1e-4 of the range of finite scores: beyond that,
rounding may choose. `compare` counts the compared tokens. For beam search see beams.py.
"""
import argparse
import json
import math
import os
import random
import struct
import sys
import tempfile

import beams
import make_checkpoint

HERE = os.path.dirname(os.path.abspath(__file__))
MARGIN = 1e-4
EOS_BIASES = [7.0, 5.0, 8.5, 4.0, 6.0, 3.0, 2.0, 10.0, 1.0]


def f32(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def load(folder, dtype):
    from transformers import MarianMTModel
    model = MarianMTModel.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    model.eval()
    for module in model.modules():
        for name in ("scaling", "embed_scale"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, f32(getattr(module, name)))
    return model


def generate(model, source):
    """(ids without start, their log-probs under the raw logits, how many of them to
    compare, gaps between best and second score)."""
    import torch
    with torch.no_grad():
        out = model.generate(torch.tensor([source]), num_beams=1, do_sample=False,
                             attention_mask=torch.ones(1, len(source), dtype=torch.long),
                             return_dict_in_generate=True, output_scores=True)
    start, *ids = out.sequences[0].tolist()
    # generate hands out float32 logits, whatever the model's type.
    with torch.no_grad():
        raw = model(input_ids=torch.tensor([source]),
                    decoder_input_ids=torch.tensor([[start] + ids[:-1]])).logits[0]
    log_probs = torch.log_softmax(raw.double(), -1).gather(1, torch.tensor(ids)[:, None])[:, 0].tolist()
    gaps, relative = [], []
    for scores in out.scores:
        finite = scores[0][torch.isfinite(scores[0])].double()
        if len(finite) < 2:  # a forced token
            relative.append(math.inf)
            continue
        best = torch.topk(finite, 2).values
        gaps.append((best[0] - best[1]).item())
        relative.append(gaps[-1] / (finite.max() - finite.min()).item())
    compare = next((i for i, margin in enumerate(relative) if margin < MARGIN), len(ids))
    return ids, log_probs, compare, gaps


def sources(spec, count):
    """Odd lengths on purpose; every row ends with the eos as Marian's do."""
    draw = random.Random(make_checkpoint.fnv(f"{spec['seed']}/sources"))
    s = make_checkpoint.complete(spec)
    lengths = [1, 2, 3, 5, 7, 11, 16, 17, 23, 33]
    rows = []
    for i in range(count):
        length = min(lengths[i % len(lengths)], s["positions"])
        rows.append([draw.randrange(1, s["vocab"]) for _ in range(length - 1)]
                    + [make_checkpoint.eos(s)])
    return rows


def specifications():
    """Name -> specification: every variant at least once, odd sizes included."""
    specs = {
        "plain": {},
        "one-head": {"encoder_heads": 1, "decoder_heads": 1},
        "head-size-20": {"d_model": 40, "encoder_heads": 2, "decoder_heads": 2},
        "ffn-333": {"encoder_ffn": 333, "decoder_ffn": 333},
        "one-decoder-layer": {"decoder_layers": 1, "encoder_layers": 3},
        "one-layer-each": {"decoder_layers": 1, "encoder_layers": 1},
        "large-vocabulary": {"vocab": 58101, "d_model": 8, "encoder_heads": 2, "decoder_heads": 2,
                             "dtype": "F16", "encoder_layers": 1, "decoder_layers": 1},
        "large-target-vocabulary": {"vocab": 97, "decoder_vocab": 58101, "share": False,
                                    "d_model": 8, "encoder_heads": 1, "decoder_heads": 2,
                                    "encoder_layers": 1, "decoder_layers": 1},
        "relu-unscaled": {"activation": "relu", "scale_embedding": False},
        "gelu": {"activation": "gelu"},
        "gelu-unscaled": {"activation": "gelu", "scale_embedding": False},
        "swish": {"activation": "swish"},
        "swish-unscaled": {"activation": "swish", "scale_embedding": False},
        "silu": {"activation": "silu"},
        "gelu-new": {"activation": "gelu_new"},
        "f16": {"dtype": "F16"},
        "bf16": {"dtype": "BF16"},
        "bf16-v4": {"dtype": "BF16", "names": "v4", "config": "v4"},
        "f16-v4": {"dtype": "F16", "names": "v4", "config": "v4"},
        "v4-names": {"names": "v4"},
        "v4-config": {"config": "v4", "separate_generation": False},
        "separate-vocabularies": {"share": False, "vocab": 211, "decoder_vocab": 157},
        "separate-v4": {"share": False, "vocab": 131, "decoder_vocab": 257, "names": "v4"},
        "separate-untied": {"share": False, "vocab": 131, "decoder_vocab": 257, "tie": False},
        "shared-untied": {"tie": False},
        "own-head": {"own_head": True},
        "no-logit-bias": {"logit_bias": False, "generation": {"eos_token_id": [0, 3, 5, 8, 9, 12, 44, 45, 46, 47, 48]}},
        "stored-positions": {"stored_positions": True},
        "stored-positions-f16": {"stored_positions": True, "dtype": "F16", "scale_embedding": False},
        "sharded": {"shards": 3},
        "sharded-bf16": {"shards": 2, "dtype": "BF16", "share": False},
        "sides-differ": {"encoder_layers": 3, "decoder_layers": 1, "encoder_heads": 8,
                         "decoder_heads": 2, "encoder_ffn": 96, "decoder_ffn": 48},
        "odd-width": {"d_model": 21, "encoder_heads": 3, "decoder_heads": 7, "encoder_ffn": 37,
                      "decoder_ffn": 53},
        "width-17": {"d_model": 17, "encoder_heads": 1, "decoder_heads": 17, "encoder_ffn": 5,
                     "decoder_ffn": 129},
        "head-size-1": {"d_model": 6, "encoder_heads": 6, "decoder_heads": 6, "vocab": 61},
        "wide-heads": {"d_model": 96, "encoder_heads": 1, "decoder_heads": 1, "encoder_ffn": 112,
                       "decoder_ffn": 16, "encoder_layers": 1, "decoder_layers": 1},
        "deep": { "encoder_layers": 6, "decoder_layers": 6, "encoder_ffn": 24,
                 "decoder_ffn": 24, "block_gain": 0.4, "ffn_gain": 0.4},
        "max-new-tokens": {"generation": {"max_new_tokens": 9, "max_length": None}},
        "default-length": {"generation": {"max_length": None, "forced_eos_token_id": None}},
        "min-length": {"generation": {"min_length": 8}},
        "min-new-tokens": {"generation": {"min_new_tokens": 6, "max_length": 15}},
        "forced-bos": {"generation": {"forced_bos_token_id": 7}},
        "bad-words": {"generation": {"bad_words_ids": [[210], [5], [17], [0], [30], [31, 32]]}},
        "short-positions": {"positions": 24, "generation": {"max_length": 24}},
        "vocabulary-128": {"vocab": 128, "d_model": 64, "encoder_heads": 4, "decoder_heads": 4,
                           "encoder_layers": 1, "decoder_layers": 1},
        "tiny-vocabulary": {"vocab": 5, "d_model": 12, "encoder_heads": 3, "decoder_heads": 2},
    }
    for index, name in enumerate(specs):
        specs[name] = {"seed": 1000 + index, **specs[name]}
    return specs


def run_spec(spec, count):
    import torch
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint.write(spec, folder)
        exact, single = load(folder, torch.float64), load(folder, torch.float32)
    cases, absolute, ended = [], [], 0
    for source in sources(spec, count):
        ids, log_probs, compare, gaps = generate(exact, source)
        again = generate(single, source)[0]
        if again[:compare] != ids[:compare]:
            sys.exit(f"float32 disagrees beyond the margin rule: {spec} {source}\n{ids}\n{again}")
        absolute += gaps
        limit = exact.generation_config.max_new_tokens or (exact.generation_config.max_length or 21) - 1
        ended += len(ids) < limit
        cases.append({"source": source, "ids": ids, "compare": compare,
                      "log_probs": [round(p, 12) for p in log_probs]})
    return cases, sorted(absolute)[len(absolute) // 2], ended / count


def non_vacuous(cases, median, ended, variety):
    """Whether sentences differ, end by themselves at various lengths, and are decided: a
    model whose steps are near ties would be compared in its first tokens only."""
    outputs = {tuple(case["ids"]) for case in cases}
    lengths = {len(case["ids"]) for case in cases}
    tokens = [t for case in cases for t in case["ids"]]
    decided = sum(case["compare"] for case in cases)
    return (median > 0.1 and ended >= 0.3 and decided >= 0.98 * len(tokens) and len(outputs) >= 0.6 * len(cases)
            and len(lengths) >= 3 and len(set(tokens)) >= variety
            and len(tokens) >= 3 * len(cases))


def search(name, spec, count):
    """The first seed and eos bias whose outputs are not vacuous."""
    base = spec["seed"]
    variety = min(12, max(2, make_checkpoint.complete(spec)["decoder_vocab"] // 10))
    for attempt in range(90):
        trial = {**spec, "seed": base + 1000 * attempt}
        if complete_bias(spec):
            trial["eos_bias"] = EOS_BIASES[attempt % len(EOS_BIASES)]
        result = run_spec(trial, count)
        if non_vacuous(*result, variety):
            return trial, result
    sys.exit(f"{name}: no seed gives outputs that test anything")


def complete_bias(spec):
    return make_checkpoint.complete(spec)["logit_bias"]


def dump(path, head, key, rows):
    """One row a line, so that a refresh reads well in a diff."""
    lines = ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    text = json.dumps(head)[:-1] + f', "{key}": [\n{lines}\n]}}\n'
    json.loads(text)
    with open(path, "w") as file:
        file.write(text)


def refresh_random(path, only):
    import transformers
    models, compared, total = [], 0, 0
    for name, spec in specifications().items():
        if only and name not in only:
            continue
        spec, (cases, median, ended) = search(name, spec, 10)
        compared += sum(case["compare"] for case in cases)
        total += sum(len(case["ids"]) for case in cases)
        print(f"{name}: seed {spec['seed']}, median margin {median:.2f}, "
              f"{ended:.0%} end by eos, {sum(len(c['ids']) for c in cases)} tokens", flush=True)
        models.append({"name": name, "spec": spec, "cases": cases})
    print(f"{len(models)} models, {compared} of {total} tokens compared ({compared / total:.2%})")
    if compared < 0.98 * total:
        sys.exit("fewer than 98 % of the tokens are decided well enough to compare")
    dump(path, {"transformers": transformers.__version__}, "models", models)


def refresh_beams(random_path, path):
    """Beam searches on the random models of `random_path`."""
    import torch
    import transformers
    with open(random_path) as file:
        models = json.load(file)["models"]
    rows, decided, total = [], 0, 0
    for model in models:
        with tempfile.TemporaryDirectory() as folder:
            make_checkpoint.write(model["spec"], folder)
            exact = load(folder, torch.float64)
        cases = beams.cases(exact, model["spec"]["seed"],
                            [case["source"] for case in model["cases"]], 4)
        decided += sum(case["decided"] for case in cases)
        total += len(cases)
        rows.append({"name": model["name"], "cases": cases})
    print(f"{len(rows)} models, {decided} of {total} beam searches decided beyond rounding")
    if decided < 0.5 * total:
        sys.exit("fewer than half of the beam searches are decided well enough")
    dump(path, {"transformers": transformers.__version__}, "models", rows)


def read_tsv(path, limit):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip()]
    return lines[:limit] if limit else lines


def run_model(folder, table, out, limit):
    """Greedy ids of a real checkpoint; source ids by its own tokenizer."""
    import torch
    import transformers
    tokenizer = transformers.MarianTokenizer.from_pretrained(folder)
    exact, single = load(folder, torch.float64), load(folder, torch.float32)
    rows, compared, total = [], 0, 0
    for fields in read_tsv(table, limit):
        source = tokenizer(fields[0]).input_ids
        ids, log_probs, compare, _ = generate(exact, source)
        if generate(single, source)[0][:compare] != ids[:compare]:
            sys.exit(f"float32 disagrees beyond the margin rule: {fields[0]}")
        compared, total = compared + compare, total + len(ids)
        rows.append({"text": fields[0], "source": source, "ids": ids, "compare": compare,
                     "log_prob": round(sum(log_probs), 9),
                     "output": tokenizer.decode(ids, skip_special_tokens=True)})
    print(f"{folder}: {compared} of {total} tokens compared ({compared / total:.2%})")
    dump(out, {"transformers": transformers.__version__}, "lines", rows)


def same(a, b):
    """Whether two goldens say the same: reals up to the order of a sum's terms."""
    if isinstance(a, float) or isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-5)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", action="append", help="a name; with --refresh, prints only")
    parser.add_argument("--model", nargs=3, metavar=("FOLDER", "TSV", "OUT"))
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    from transformers.utils import logging
    logging.disable_progress_bar()
    root = os.path.join(HERE, "..", "..")
    places = {"random": os.path.join(HERE, "goldens", "random.json"),
              "beams": os.path.join(HERE, "goldens", "beams.json"),
              "en-fr": os.path.join(HERE, "goldens", "en-fr-200.json")}
    if options.model:
        return run_model(*options.model, options.limit)
    if not (options.refresh or options.check):
        parser.error("say --refresh, --check or --model")
    with tempfile.TemporaryDirectory() as scratch:
        made = {key: os.path.join(scratch, key) for key in places}
        refresh_random(made["random"], options.only)
        if options.only:
            return
        refresh_beams(made["random"], made["beams"])
        run_model(os.path.join(root, "examples", "models", "en-fr"),
                  os.path.join(root, "tests", "data", "en-fr-200.tsv"), made["en-fr"], 0)
        for key, path in places.items():
            with open(made[key]) as file:
                text = file.read()
            if options.check:
                with open(path) as file:
                    if not same(json.load(file), json.loads(text)):
                        sys.exit(f"{path}: out of date; run goldens.py --refresh")
            else:
                with open(path, "w") as file:
                    file.write(text)


if __name__ == "__main__":
    main()
