#!/usr/bin/env python3
"""The oracle of option sets: what Transformers makes of random ones (optionsets.py).

    options.py --refresh                          rewrites goldens/options.json (commit it)
    options.py --check                            fails if it would change
    options.py --random N --seed S FILE [--family NAME]
                                                  N sets of each family, new ones by S

Needs torch and transformers 5.24, as goldens.py does, whose rules say what of a greedy
search is compared; beams.py has those of a beam search. Of a draw the golden holds the
probabilities of the first token: softmax of what Transformers' processors leave. Of a beam
search that draws it holds what Transformers itself drew: each sequence with its score, and
how often it came first and last. Some sets have a prefix, which sequences begin with.
"""
import argparse
import collections
import math
import os
import random
import sys
import tempfile

import beams
import goldens
import make_checkpoint
import optionsets
import reference
from families import FAMILIES
from specifications import specifications

HERE = os.path.dirname(os.path.abspath(__file__))
PATH = os.path.join(HERE, "goldens", "options.json")
GOLDEN_FAMILIES, GOLDEN_SETS = ("marian", "t5", "m2m100"), 32
KINDS = ["greedy"] * 3 + ["beams"] * 4 + ["sampling", "beam_sampling", "doubtful"]
PREFIXED = 0.25  # of the sets
DRAWS = 300  # of a beam search


def small(spec):
    """Whether a model of the goldens is quick and has no options of its own."""
    return spec.get("vocab", 0) < 1000 and not spec.keys() & {"generation", "decoder_vocab"}


def variety(model):
    """How many different tokens its outputs have: rules about tokens should meet some."""
    return len({token for case in model["cases"] for token in case["ids"]})


class Judge:
    """Transformers' model of a family whose outputs vary most, asked about option sets."""

    def __init__(self, family):
        import json
        with open(os.path.join(HERE, "goldens", family + ".json")) as file:
            models = json.load(file)["models"]
        self.model = max((model for model in models if small(model["spec"])), key=variety)
        spec = self.spec = self.model["spec"]
        import torch
        with tempfile.TemporaryDirectory() as folder:
            make_checkpoint.write(spec, folder)
            self.exact = reference.load(folder, torch.float64)
            self.single = reference.load(folder, torch.float32)
        complete = make_checkpoint.complete(spec)
        banned = [make_checkpoint.special(spec, name) for name in FAMILIES[family]["banned"]]
        self.grounds = [optionsets.Ground(
            min(complete["vocab"], complete["decoder_vocab"]), make_checkpoint.eos(spec), banned,
            case["source"], case["ids"]) for case in self.model["cases"]]

    def case(self, draw, kind):
        index = draw.randrange(len(self.grounds))
        ground = self.grounds[index]
        options = getattr(optionsets, kind)(draw, ground)
        prefix = ground.tokens(draw, 4) if draw.random() < PREFIXED else []
        case = {"kind": kind, "source": ground.source, "prefix": prefix, "options": options}
        try:
            case.update(self.judged(ground.source, prefix, given(options)))
        except beams.Refused as refused:
            case["refused"] = str(refused).split("\n")[0][:60]
        return case

    def judged(self, source, prefix, options):
        if options.get("do_sample"):
            if options["num_beams"] == 1:
                return {"probabilities": self.probabilities(source, prefix, options)}
            return {"draws": DRAWS, "drawn": self.drawn(source, prefix, options)}
        if options["num_beams"] == 1:
            run, log_probs, compare, _ = goldens.judged(self.exact, self.single, source, prefix,
                                                        **options)
            ids = run.sequences[0]
            chosen = [0 if run.forced(*each) else p for p, each in zip(log_probs, enumerate(ids))]
            return {"ids": ids, "compare": compare, "log_prob": finite(sum(chosen))}
        found, margin = beams.judged(self.exact, source, options, prefix)
        return {"decided": margin.least >= beams.MARGIN,
                "hypotheses": [{"ids": ids, "score": finite(score)} for ids, score in found]}

    def drawn(self, source, prefix, options):
        """[ids, score, how often they came first, and last] of DRAWS searches."""
        import torch
        torch.manual_seed(0)
        run = beams.Run(self.exact, source, options, prefix, DRAWS)
        returned, found = len(run.sequences) // DRAWS, {}
        for at, (ids, score) in enumerate(run.ended()):
            if not run.lived(ids, score):
                continue
            row = found.setdefault(tuple(ids), [list(ids), finite(score), 0, 0])
            row[2] += at % returned == 0
            row[3] += at % returned == returned - 1
        return list(found.values())

    def probabilities(self, source, prefix, options):
        """[token, probability] of all tokens that may be drawn first."""
        import torch
        run = beams.Run(self.exact, source, {
            **options, "max_new_tokens": min(2, options.get("max_new_tokens", 2))}, prefix)
        processed = torch.softmax(run.scores[0][0].double(), -1)
        return [[token, float(f"{p:.5g}")] for token, p in enumerate(processed.tolist()) if p > 0]


def finite(score):
    return round(score, 6) if math.isfinite(score) else None


def given(options):
    """Without what is unset: generate() takes some nulls for values."""
    return {key: value for key, value in options.items() if value is not None}


def sets(family, count, seed):
    judge, draw = Judge(family), random.Random(make_checkpoint.fnv(f"{family}/{seed}"))
    cases = [judge.case(draw, KINDS[i % len(KINDS)]) for i in range(count)]
    print(f"{family}: {dict(collections.Counter(case['kind'] for case in cases))}", flush=True)
    return {"family": family, "spec": judge.spec, "cases": cases}


def dump(path, families, count, seed):
    import transformers
    goldens.dump(path, {"transformers": transformers.__version__}, "models",
                 [sets(family, count, seed) for family in families])


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--random", type=int, metavar="N")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--family", action="append", choices=list(FAMILIES))
    parser.add_argument("out", nargs="?")
    options = parser.parse_args()
    import torch
    from transformers.utils import logging
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    logging.set_verbosity(logging.CRITICAL)
    if options.random:
        return dump(options.out, options.family or list(FAMILIES), options.random, options.seed)
    if not (options.refresh or options.check):
        parser.error("say --refresh, --check or --random")
    goldens.settle(PATH, lambda path: dump(path, GOLDEN_FAMILIES, GOLDEN_SETS, "goldens"),
                   options.check)


if __name__ == "__main__":
    sys.exit(main())
