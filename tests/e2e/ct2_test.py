#!/usr/bin/env python3
"""Compiled models against CTranslate2 itself, in the options that it has.

    ct2_test.py [BUILD]

Needs ctranslate2, torch and transformers, which no other test does: run it by hand, with the
Python of an environment that has them.
"""
import json
import random
import shutil
import sys
import unittest

from driver import OUT, ROOT, checkpoint, compile_model, generate_behind

sys.path.insert(0, str(ROOT / "tests" / "runtime"))
from ct2_goldens import convert  # noqa: E402

VOCABULARY, EOS, LENGTH = 64, 0, 20
SPEC = {"family": "marian", "vocab": VOCABULARY + 1, "seed": 11, "positions": 32,
        "logit_spread": 2.0, "eos_bias": 1.0}


class CTranslate2(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder, converted = checkpoint("ct2", SPEC), OUT / "ct2-converted"
        shutil.rmtree(converted, ignore_errors=True)
        _, cls.translator, cls.names = convert(folder, converted, VOCABULARY)
        cls.bundle = compile_model(folder, "ct2.encdec", "--weights=f32")
        draw = random.Random(3)
        cls.sources = [[draw.randrange(1, VOCABULARY) for _ in range(draw.randint(2, 12))] + [EOS]
                       for _ in range(20)]

    def same(self, ours, theirs, beams=4, returned=1, prefix=()):
        """Ids of all sources, the best `returned` of each."""
        options = {"num_beams": beams, "length_penalty": 1, "max_length": LENGTH + 1,
                   "num_return_sequences": returned, "forced_eos_token_id": None, **ours}
        if beams > 1:
            options["early_stopping"] = True
        out = generate_behind(self.bundle, self.sources, prefix, options)
        # One source at a time: with coverage_penalty, CTranslate2 ranks the hypotheses of a source
        # in another way beside longer ones.
        made = self.translator.translate_batch(
            [[self.names[i] for i in ids] for ids in self.sources],
            target_prefix=[[self.names[i] for i in prefix]] * len(self.sources) if prefix else None,
            beam_size=beams, num_hypotheses=returned, length_penalty=1, return_end_token=True,
            return_scores=True, return_attention=True, max_decoding_length=LENGTH,
            min_decoding_length=0, max_batch_size=1, **theirs)
        biased = "prefix_bias_beta" in theirs
        for line, other in zip(out.stdout.splitlines(), made, strict=True):
            lists = [[self.names.index(t) for t in ids] for ids in other.hypotheses]
            results = json.loads(line)["alternatives"]
            self.assertEqual([([] if biased else list(prefix)) + one["ids"] for one in results],
                             lists)

    def test_patience(self):
        for patience in (0.5, 1, 2):
            self.same({"patience": patience}, {"patience": patience}, returned=2)

    def test_coverage(self):
        for penalty in (0.3, 2):
            self.same({"coverage_penalty": penalty}, {"coverage_penalty": penalty}, returned=4)

    def test_alternatives(self):
        for beams in (1, 3):
            self.same({"return_alternatives": True}, {"return_alternatives": True},
                      beams=beams, returned=5, prefix=[9])

    def test_prefix_bias(self):
        for beta in (0.1, 0.5):
            self.same({"prefix_bias_beta": beta}, {"prefix_bias_beta": beta}, beams=1,
                      prefix=[7, 9, 4])


unittest.main()
