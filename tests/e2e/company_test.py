#!/usr/bin/env python3
"""What a sentence becomes depends on the sentence alone: the same bits in a batch, in another
order and alone, on any number of threads, at every CPU level that this machine runs; greedily
and with beams; with each type of weights.

    company_test.py BUILD MODEL     MODEL: a class below
"""
import json
import unittest

from driver import EXAMPLE, ROOT, SMALL_T5, checkpoint, compile_model, generate_texts, run

WEIGHTS = ("f32", "bf16", "int8", "int8-dynamic")
WIDE = ("avx512f", "avx512bw", "avx512vl")
NEEDS = {"v3": (), "v3-avxvnni": ("avx_vnni",), "v4": WIDE, "v4-vnni": (*WIDE, "avx512_vnni")}


def host_levels():
    machine = json.loads(run("doctor", "--json").stdout)
    if machine["architecture"] != "x86-64":
        raise unittest.SkipTest("the levels compared are x86-64's")
    print("level neon is skipped: it is compared by ctest -R lower-neon")
    found = []
    for level, names in NEEDS.items():
        lacks = [name for name in names if not machine["features"][name]]
        if lacks:
            print(f"level {level} is skipped: this machine has no {' '.join(lacks)}")
        else:
            found.append(level)
    print("levels compared: " + ", ".join(found))
    return found


class Company:
    """Of a model: its folder, the options of its texts; the texts are those of the table."""
    languages = ()

    @classmethod
    def setUpClass(cls):
        table = (ROOT / "tests" / "data" / "en-fr-200.tsv").read_text(encoding="utf-8")
        cls.texts = [line.split("\t")[0] for line in table.splitlines()[:12]]
        cls.levels = host_levels()
        cls.path = cls.folder()

    def compiled(self, weights, level):
        return compile_model(self.path, f"company-{type(self).__name__}-{weights}-{level}.encdec",
                             "--weights", weights, "--cpu", level, "--quiet")

    def search(self, bundle, texts, *options, beams=1):
        return generate_texts(bundle, texts, *options, *self.languages, beams=beams)

    def check(self, bundle, beams):
        """The results of all texts together, which are those of each text alone."""
        search = lambda texts, *options: self.search(bundle, texts, "--nbest", beams, *options,
                                                     beams=beams)
        together = search(self.texts, "--threads", 2)
        for threads in (1, 3, 4):
            self.assertEqual(together, search(self.texts, "--threads", threads), threads)
        self.assertEqual(together[::-1], search(self.texts[::-1]))
        self.assertEqual(together, [search([text])[0] for text in self.texts])
        if beams == 1:  # guesses are checked, and change nothing
            self.assertEqual(together, search(self.texts, "--prompt-lookup-num-tokens", 7))
        return together

    def test_bits_depend_on_the_sentence_alone(self):
        for weights in WEIGHTS:
            bundles = {level: self.compiled(weights, level) for level in self.levels}
            for beams in (1, 4):
                with self.subTest(weights=weights, beams=beams):
                    first = self.check(bundles[self.levels[0]], beams)
                    # Texts are told apart, or their company could not be heard.
                    ids = {tuple(result["ids"]) for result in first}
                    self.assertGreater(len(ids), len(self.texts) / 2)
                    for level in self.levels[1:]:
                        other = self.search(bundles[level], self.texts, "--nbest", beams,
                                            beams=beams)
                        self.assertEqual(first, other, level)


class EnFr(Company, unittest.TestCase):
    """Biases everywhere, norms after, a table of positions."""
    folder = staticmethod(lambda: EXAMPLE)


class SmallT5(Company, unittest.TestCase):
    """Relative biases, RMS norms before, gated FFNs, no other biases."""
    folder = staticmethod(lambda: SMALL_T5)


class M2M100(Company, unittest.TestCase):
    """Language tokens before the text and forced first; norms before."""
    languages = ("--source-lang", "en", "--target-lang", "fr")
    folder = staticmethod(lambda: checkpoint(
        "company-m2m100", {"family": "m2m100", "vocab": 1606, "seed": 5}, "m2m100"))

    def test_languages_are_told_apart(self):
        bundle = self.compiled("f32", self.levels[0])
        first = self.search(bundle, self.texts)
        self.languages = ("--source-lang", "en", "--target-lang", "de")
        other = self.search(bundle, self.texts)
        self.assertNotEqual([r["ids"] for r in first], [r["ids"] for r in other])
        self.assertEqual(len({r["ids"][0] for r in first}), 1)


unittest.main()
