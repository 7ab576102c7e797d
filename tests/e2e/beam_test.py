#!/usr/bin/env python3
"""A beam search's hypotheses differ and are in order; wrong options are refused."""
import json
import unittest

from driver import EXAMPLE, compile_model, goldens, run


class Beams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bundle = compile_model(EXAMPLE, "beams-en-fr.encdec")
        cls.text = goldens("en-fr-200.json")["lines"][0]["text"]

    def test_more_beams_than_tokens_differ(self):
        result = json.loads(run("generate", self.bundle, "--json", "--beams", 4, "--nbest", 4,
                                "--text", self.text).stdout)
        ids = [tuple(h["ids"]) for h in result["alternatives"]]
        self.assertEqual(len(set(ids)), 4)
        self.assertEqual(list(result["ids"]), list(ids[0]))
        scores = [h["score"] for h in result["alternatives"]]
        self.assertEqual(scores, sorted(scores, reverse=True))

    def test_more_beams_than_compiled_steps_find(self):
        words = ["generate", self.bundle, "--text", self.text, "--max-new-tokens", 6]
        lines = run(*words, "--beams", 40, "--nbest", 40).stdout.splitlines()
        self.assertEqual((len(lines), len(set(lines))), (40, 40))

    def test_refusals(self):
        for words, says in ((["--nbest", 5], "num_return_sequences is 5, expected 1 ... 4"),
                            (["--nbest", 2, "--beams", 1], "num_return_sequences is 2, expected 1 ... 1"),
                            (["--early-stopping", "maybe"], "maybe")):
            result = run("generate", self.bundle, "--text", "Yes.", *words, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn(says, result.stderr)


unittest.main()
