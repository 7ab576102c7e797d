#!/usr/bin/env python3
"""Beam search on the random Marian checkpoints: ids and scores of every hypothesis
equal Transformers' wherever no decision was within rounding (tests/models/beams.py);
elsewhere the best score does. A search's bits do not depend on its company."""
import json
import unittest

from driver import BUILD, EXAMPLE, compile_model, generate_ids, goldens, run

TOLERANCE = 1e-4


def options_of(case):
    options = case["options"]
    return ["--beams", options["num_beams"], "--nbest", options["num_beams"],
            "--length-penalty", options["length_penalty"],
            "--early-stopping", str(options["early_stopping"]).lower()]


def close(a, b):
    return abs(a - b) <= TOLERANCE * max(1, abs(b))


class Beams(unittest.TestCase):
    def test_hypotheses_equal_transformers(self):
        compared = total = 0
        for model in goldens("beams.json")["models"]:
            folder = BUILD / "models" / "random" / model["name"]
            bundle = compile_model(folder, f"beams-{model['name']}.encdec", "--quiet")
            cases = model["cases"]
            for case, partner in zip(cases[::2], cases[1::2]):
                self.assertEqual(case["options"], partner["options"])
                pair = [case, partner]
                results = generate_ids(bundle, [c["source"] for c in pair], *options_of(case))
                for one, result in zip(pair, results, strict=True):
                    with self.subTest(model=model["name"], options=one["options"]):
                        total += 1
                        compared += self.check_case(one, result)
        print(f"{compared} of {total} searches compared hypothesis by hypothesis")
        self.assertGreaterEqual(compared, 0.5 * total)

    def check_case(self, case, result):
        expected, found = case["hypotheses"], result["alternatives"]
        self.assertTrue(close(found[0]["score"], expected[0]["score"]), (found, expected))
        if not case["decided"]:
            return False
        self.assertEqual([h["ids"] for h in found], [h["ids"] for h in expected])
        for mine, theirs in zip(found, expected):
            self.assertTrue(close(mine["score"], theirs["score"]), (mine, theirs))
        return True


class Company(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bundles = [compile_model(EXAMPLE, f"beams-en-fr-{weights}.encdec", "--weights", weights)
                       for weights in ("f32", "int8", "int8-dynamic")]
        cls.texts = [line["text"] for line in goldens("en-fr-200.json")["lines"][:20]]

    def search(self, bundle, texts, *options):
        words = [word for text in texts for word in ("--text", text)]
        out = run("generate", bundle, "--json", "--beams", 4, "--nbest", 4, *options, *words).stdout
        return [json.loads(line) for line in out.splitlines()]

    def test_bits_do_not_depend_on_company_or_threads(self):
        for bundle in self.bundles:
            together = self.search(bundle, self.texts, "--threads", 2)
            self.assertEqual(together, self.search(bundle, self.texts, "--threads", 1))
            self.assertEqual(together, self.search(bundle, self.texts, "--threads", 3))
            self.assertEqual(together[::-1], self.search(bundle, self.texts[::-1]))
            self.assertEqual(together, [self.search(bundle, [text])[0] for text in self.texts])

    def test_more_beams_than_tokens_differ(self):
        result = self.search(self.bundles[0], self.texts[:1])[0]
        ids = [tuple(h["ids"]) for h in result["alternatives"]]
        self.assertEqual(len(set(ids)), 4)
        self.assertEqual(list(result["ids"]), list(ids[0]))
        scores = [h["score"] for h in result["alternatives"]]
        self.assertEqual(scores, sorted(scores, reverse=True))

    def test_refusals(self):
        for words, says in ((["--nbest", 5],
                             "--nbest 5 is more than --beams 4, this model's default"),
                            (["--nbest", 2, "--beams", 1], "--nbest 2 is more than --beams 1"),
                            (["--beams", 33], "--beams: expected 1 to 32"),
                            (["--early-stopping", "maybe"], "maybe")):
            result = run("generate", self.bundles[0], "--text", "Yes.", *words, check=False)
            self.assertIn(result.returncode, (2, 5))
            self.assertIn(says, result.stderr)


unittest.main()
