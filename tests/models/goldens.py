#!/usr/bin/env python3
"""The oracle: what Transformers itself generates, for the tests to compare with.

    goldens.py --refresh [--family NAME]    rewrites goldens/*.json (commit them)
    goldens.py --check [--family NAME]      fails if the goldens would change
    goldens.py --random N --seed S FOLDER   goldens of N random configurations a family
    goldens.py --model FOLDER TSV OUT.json [--limit N]
                                    greedy ids of a checkpoint for the first
                                    column of a table of sentences

Needs torch, transformers 5.24 and (for --model) sentencepiece; run it with the
Python of an environment that has them. reference.py loads models: arithmetic is float64
on the weights as stored. A float32 run must agree wherever it is compared.

Compared are tokens up to the first step whose margin (best minus second score
after processors) is below 1e-4 of the range of finite scores, or where float32 finds
another id or log-probability: beyond that, rounding may choose. `compare` counts the compared
tokens. For beam search see beams.py.
"""
import argparse
import json
import math
import os
import random
import sys
import tempfile

import beams
import make_checkpoint
import reference
from families import FAMILIES
from specifications import drawn, specifications

HERE = os.path.dirname(os.path.abspath(__file__))
MARGIN = 1e-4
ROUNDING = 3e-5
ENORMOUS = 1e30  # greater scores stand for infinite ones (remove_invalid_values)
EOS_BIASES = [7.0, 5.0, 8.5, 4.0, 6.0, 3.0, 2.0, 10.0, 1.0]
EOS_GAINS = [2.0, 2.5, 1.6, 3.0, 2.2, 1.3, 4.0]
LENGTHS = [1, 3, 17, 7, 33, 12]


def generate(model, source, prefix=(), **options):
    """(the run, the log-probs of its ids under the raw logits, how many of them to
    compare, gaps between best and second score)."""
    import torch
    run = beams.Run(model, source, {"num_beams": 1, "do_sample": False, **options}, prefix)
    ids = run.sequences[0]
    log_probs = reference.log_probs(model, source, run.prompt, ids)
    gaps, relative = [], []
    for scores in run.scores:
        finite = scores[0][scores[0].abs() < ENORMOUS].double()
        if len(finite) == 0:  # no token may be chosen
            relative.append(0)
            continue
        if finite.min() == finite.max():  # forced ones, of which the lowest is taken
            relative.append(math.inf)
            continue
        best = torch.topk(finite, 2).values
        gaps.append((best[0] - best[1]).item())
        relative.append(gaps[-1] / (finite.max() - finite.min()).item())
    compare = next((i for i, margin in enumerate(relative) if margin < MARGIN), len(ids))
    return run, log_probs, compare, gaps


def judged(exact, single, source, prefix=(), **options):
    """(run, log-probs, compare, gaps) of the float64 model. Compared is what float32 finds
    too: the same ids, and log-probs that its rounding moves by less than the tests allow."""
    run, log_probs, compare, gaps = generate(exact, source, prefix, **options)
    again, rounded, _, _ = generate(single, source, prefix, **options)
    agree = [a == b and abs(p - q) < ROUNDING * max(1, abs(p))
             for a, b, p, q in zip(run.sequences[0], again.sequences[0], log_probs, rounded)]
    return run, log_probs, min([compare] + [i for i, same in enumerate(agree) if not same]), gaps


def sources(spec):
    """Odd lengths on purpose; every row ends with eos, and no other token is special."""
    s = make_checkpoint.complete(spec)
    draw = random.Random(make_checkpoint.fnv(f"{s['seed']}/sources"))
    eos = make_checkpoint.eos(s)
    return [[draw.randrange(eos + 1, s["vocab"]) for _ in range(min(length, s["positions"]) - 1)]
            + [eos] for length in s["source_lengths"] or LENGTHS]


def run_spec(spec):
    import torch
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint.write(spec, folder)
        exact, single = reference.load(folder, torch.float64), reference.load(folder, torch.float32)
    cases, absolute, ended = [], [], 0
    generation = exact.generation_config
    limit = generation.max_new_tokens or (generation.max_length or 21) - 1
    for source in sources(spec):
        run, log_probs, compare, gaps = judged(exact, single, source)
        ids = run.sequences[0]
        absolute += gaps
        ended += len(ids) < limit
        cases.append({"source": source, "ids": ids, "compare": compare,
                      "log_probs": [round(p, 12) for p in log_probs]})
    return exact, cases, sorted(absolute)[len(absolute) // 2], ended / len(cases)


def non_vacuous(cases, median, ended, variety):
    """Whether sentences differ, end by themselves at various lengths, and are decided: a
    model whose steps are near ties would be compared in its first tokens only."""
    outputs = {tuple(case["ids"]) for case in cases}
    lengths = {len(case["ids"]) for case in cases}
    tokens = [t for case in cases for t in case["ids"]]
    decided = sum(case["compare"] for case in cases)
    return (median > 0.1 and ended >= 0.3 and decided >= 0.98 * len(tokens)
            and len(outputs) >= 0.6 * len(cases)
            and len(lengths) >= 3 and len(set(tokens)) >= variety
            and len(tokens) >= 3 * len(cases))


class Vacuous(Exception):
    """No seed of a specification gives outputs that test anything."""


def search(name, spec, attempts):
    """(specification, Transformers' model, its cases) of the first seed and the first
    weight of the end whose outputs are not vacuous."""
    complete = make_checkpoint.complete(spec)
    variety = min(12, max(2, complete["decoder_vocab"] // 10))
    biased = complete["logit_bias"] and make_checkpoint.family(spec)["logit_bias"]
    for attempt in range(attempts):
        key, ends = ("eos_bias", EOS_BIASES) if biased else ("eos_gain", EOS_GAINS)
        trial = {**spec, "seed": spec["seed"] + 1000 * attempt, key: ends[attempt % len(ends)]}
        model, cases, median, ended = run_spec(trial)
        if non_vacuous(cases, median, ended, variety):
            print(f"{name}: seed {trial['seed']}, median margin {median:.2f}, {ended:.0%} end "
                  f"by eos, {sum(len(c['ids']) for c in cases)} tokens", flush=True)
            return trial, model, cases
    raise Vacuous(f"{name}: none of {attempts} seeds gives outputs that test anything")


def golden(name, spec, attempts=90):
    """One model's entry: its specification, greedy cases and beam searches."""
    spec, model, cases = search(name, spec, attempts)
    return {"name": name, "spec": spec, "cases": cases,
            "beams": beams.cases(model, spec["seed"], [case["source"] for case in cases])}


def dump(path, head, key, rows):
    """One row a line, so that a refresh reads well in a diff."""
    lines = ",\n".join(json.dumps(row, separators=(",", ":"), ensure_ascii=False) for row in rows)
    text = json.dumps(head)[:-1] + f', "{key}": [\n{lines}\n]}}\n'
    json.loads(text)
    with open(path, "w") as file:
        file.write(text)


def dump_models(path, models):
    """Writes what golden() gave."""
    import transformers
    cases = [case for model in models for case in model["cases"]]
    compared, total = sum(c["compare"] for c in cases), sum(len(c["ids"]) for c in cases)
    searches = [beam["decided"] for model in models for beam in model["beams"]]
    print(f"{len(models)} models, {compared} of {total} tokens compared ({compared / total:.2%}), "
          f"{sum(searches)} of {len(searches)} beam searches decided beyond rounding")
    if compared < 0.98 * total or sum(searches) < 0.5 * len(searches):
        sys.exit("too few decisions are beyond rounding: at least 98 % of the tokens and half "
                 "of the searches must be")
    dump(path, {"transformers": transformers.__version__}, "models", models)


def dump_random(folder, count, seed):
    os.makedirs(folder, exist_ok=True)
    for family in FAMILIES:
        draw = random.Random(make_checkpoint.fnv(f"{family}/{seed}"))
        dump_models(os.path.join(folder, family + ".json"),
                    [drawn_golden(f"random-{i + 1}", family, draw) for i in range(count)])


def drawn_golden(name, family, draw):
    """The golden of the first drawn specification that tests something. Some are too
    narrow to say different things, whatever the seed, or decide their beams by rounding."""
    while True:
        spec = {"seed": draw.randrange(1, 1 << 30), "family": family, **drawn(family, draw)}
        try:
            model = golden(name, spec, attempts=12)
        except Vacuous as vacuous:
            print(f"{family}: {vacuous}; another is drawn", flush=True)
            continue
        decided = [beam["decided"] for beam in model["beams"]]
        if sum(decided) >= 0.5 * len(decided):
            return model
        print(f"{family}: {name} decides {sum(decided)} of {len(decided)} searches beyond "
              "rounding; another is drawn", flush=True)


def read_tsv(path, limit):
    with open(path, encoding="utf-8") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if line.strip()]
    return lines[:limit] if limit else lines


def run_model(folder, table, out, limit):
    """Greedy ids of a real checkpoint; source ids by its own tokenizer."""
    import torch
    import transformers
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    exact, single = reference.load(folder, torch.float64), reference.load(folder, torch.float32)
    rows, compared, total = [], 0, 0
    for fields in read_tsv(table, limit):
        source = tokenizer(fields[0]).input_ids
        run, log_probs, compare, _ = judged(exact, single, source)
        ids = run.sequences[0]
        compared, total = compared + compare, total + len(ids)
        rows.append({"text": fields[0], "source": source, "ids": ids, "compare": compare,
                     "log_prob": round(sum(log_probs), 9),
                     "output": tokenizer.decode(ids, skip_special_tokens=True)})
    print(f"{folder}: {compared} of {total} tokens compared ({compared / total:.2%})")
    dump(out, {"transformers": transformers.__version__}, "lines", rows)


def same(a, b):
    """Whether two goldens say the same: reals up to the order of a sum's terms. What was
    drawn differs between machines."""
    if isinstance(a, float) or isinstance(b, float):
        return math.isclose(a, b, rel_tol=1e-5, abs_tol=1e-5)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(key == "drawn" or same(a[key], b[key])
                                             for key in a)
    return a == b


def settle(path, make, check):
    """Rewrites the file at `path` by `make`, or ends the program if that would change it."""
    with tempfile.TemporaryDirectory() as scratch:
        made = os.path.join(scratch, "made")
        make(made)
        with open(made) as file:
            text = file.read()
    if not check:
        with open(path, "w") as file:
            file.write(text)
        return
    with open(path) as file:
        if not same(json.load(file), json.loads(text)):
            sys.exit(f"{path}: out of date; run goldens.py --refresh")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    parser.add_argument("--only", action="append", help="a name; prints, writes nothing")
    parser.add_argument("--random", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--model", nargs=2, metavar=("FOLDER", "TSV"))
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("out", nargs="?")
    options = parser.parse_args()
    from transformers.utils import logging
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    if options.model:
        return run_model(*options.model, options.out, options.limit)
    if options.random:
        return dump_random(options.out, options.random, options.seed)
    if not (options.refresh or options.check or options.only):
        parser.error("say --refresh, --check, --random or --model")
    for family in options.family or FAMILIES:
        specs = specifications(family)
        if options.only:
            for name in specs.keys() & set(options.only):
                golden(name, specs[name])
            continue
        print(f"== {family}", flush=True)
        settle(os.path.join(HERE, "goldens", family + ".json"),
               lambda path: dump_models(path, [golden(*item) for item in specs.items()]),
               options.check)
    if not (options.family or options.only):
        root = os.path.join(HERE, "..", "..")
        table = os.path.join(root, "tests", "data", "en-fr-200.tsv")
        for name, folder in (("en-fr-200", os.path.join(root, "examples", "models", "en-fr")),
                             ("small-t5", os.path.join(HERE, "small-t5"))):
            settle(os.path.join(HERE, "goldens", name + ".json"),
                   lambda path, of=folder: run_model(of, table, path, 0), options.check)


if __name__ == "__main__":
    try:
        main()
    except Vacuous as vacuous:
        sys.exit(str(vacuous))
