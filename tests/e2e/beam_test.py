#!/usr/bin/env python3
"""A beam search's bits do not depend on its company; hypotheses differ and are in order."""
import json
import unittest

from driver import EXAMPLE, compile_model, goldens, run

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
