#!/usr/bin/env python3
"""Random checkpoints of every variant of a family: ids equal Transformers' up to the first
step that rounding may decide (tests/models/goldens.py), log-probabilities where the whole
sentence is compared, and beam searches wherever no decision was within rounding
(tests/models/beams.py); elsewhere their best score does.

    random_test.py BUILD FAMILY [GOLDENS.json CHECKPOINTS]
"""
import json
import pathlib
import sys
import unittest

from driver import BUILD, GOLDENS, compile_model, generate_ids

FAMILY = sys.argv.pop(1)
if len(sys.argv) > 1:
    TABLE, CHECKPOINTS = map(pathlib.Path, (sys.argv.pop(1), sys.argv.pop(1)))
else:
    TABLE, CHECKPOINTS = GOLDENS / f"{FAMILY}.json", BUILD / "models" / FAMILY
TOLERANCE = 1e-4


def free_tokens(folder, count):
    """Which of the generated tokens were chosen, not forced: forced ones count 0."""
    path = folder / "generation_config.json"
    options = json.loads((path if path.exists() else folder / "config.json").read_text())
    new = options.get("max_new_tokens") or (options.get("max_length") or 21) - 1
    first = 1 if (options.get("forced_bos_token_id") is not None
                  or options.get("force_bos_token_to_be_generated")) else 0
    forced_last = options.get("forced_eos_token_id") is not None and count == new
    return slice(first, count - 1 if forced_last else count)


def options_of(search):
    options = search["options"]
    return ["--beams", options["num_beams"], "--nbest", options["num_beams"],
            "--length-penalty", options["length_penalty"],
            "--early-stopping", str(options["early_stopping"]).lower()]


def close(a, b):
    return abs(a - b) <= TOLERANCE * max(1, abs(b))


class RandomModels(unittest.TestCase):
    def test_models(self):
        models = json.loads(TABLE.read_text())["models"]
        self.compared = self.total = self.decided = self.searches = 0
        for model in models:
            with self.subTest(model=model["name"]):
                folder = CHECKPOINTS / model["name"]
                bundle = compile_model(folder, f"{FAMILY}-{model['name']}.encdec", "--quiet")
                self.check_greedy(folder, bundle, model["cases"])
                for pair in zip(model["beams"][::2], model["beams"][1::2]):
                    self.check_beams(bundle, model["cases"], pair)
        print(f"{FAMILY}: {len(models)} models, {self.compared} of {self.total} tokens compared "
              f"({self.compared / self.total:.2%}), {self.decided} of {self.searches} searches "
              "hypothesis by hypothesis")
        self.assertGreaterEqual(self.compared, 0.98 * self.total)
        self.assertGreaterEqual(self.decided, 0.5 * self.searches)

    def check_greedy(self, folder, bundle, cases):
        results = generate_ids(bundle, [case["source"] for case in cases])
        for case, result in zip(cases, results, strict=True):
            count = case["compare"]
            self.assertEqual(result["ids"][:count], case["ids"][:count],
                             f"source {case['source']}")
            self.compared, self.total = self.compared + count, self.total + len(case["ids"])
            if count == len(case["ids"]):
                expected = sum(case["log_probs"][free_tokens(folder, count)])
                self.assertTrue(close(result["log_prob"], expected),
                                (result["log_prob"], expected))

    def check_beams(self, bundle, cases, pair):
        """Two searches with the same options, in one batch."""
        self.assertEqual(pair[0]["options"], pair[1]["options"])
        results = generate_ids(bundle, [cases[search["source"]]["source"] for search in pair],
                               *options_of(pair[0]))
        for search, result in zip(pair, results, strict=True):
            expected, found = search["hypotheses"], result["alternatives"]
            self.searches += 1
            self.assertTrue(close(found[0]["score"], expected[0]["score"]), (found, expected))
            if not search["decided"]:
                continue
            self.decided += 1
            self.assertEqual([h["ids"] for h in found], [h["ids"] for h in expected])
            for mine, theirs in zip(found, expected):
                self.assertTrue(close(mine["score"], theirs["score"]), (mine, theirs))


unittest.main()
