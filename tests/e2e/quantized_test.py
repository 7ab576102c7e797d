#!/usr/bin/env python3
"""The small trained T5 (tests/models/train_t5.py): it has learnt its pairs, f32 generates
what Transformers does, and each type of weights decides as f32 along f32's own outputs.

Decided is what rounding in f32 cannot change: the best token's log-probability is above the
second's by more than 1e-4 (tests/models/goldens.py says why)."""
import subprocess
import unittest

from driver import (BUILD, ROOT, SMALL_T5, check_like_goldens, compile_model, generate_texts,
                    goldens)

TABLE = ROOT / "tests" / "data" / "en-fr-200.tsv"
MARGIN = 1e-4


def forced(bundle, pairs):
    """(best token, margin) for each token of each target."""
    lines = "".join(" | ".join(" ".join(map(str, ids)) for ids in pair) + "\n" for pair in pairs)
    result = subprocess.run([BUILD / "bin" / "encdec_forced", bundle], input=lines, text=True,
                            capture_output=True)
    if result.returncode:
        raise AssertionError(result.stderr)
    return [(int(token), float(margin))
            for token, margin in map(str.split, result.stdout.splitlines())]


class Quantized(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        rows = [line.split("\t") for line in TABLE.read_text(encoding="utf-8").splitlines()]
        cls.references = [row[1:] for row in rows]
        cls.lines = goldens("small-t5.json")["lines"]
        cls.f32 = compile_model(SMALL_T5, "small-t5.encdec", "--quiet")
        cls.results = generate_texts(cls.f32, [row[0] for row in rows])
        cls.pairs = [(line["source"], result["ids"])
                     for line, result in zip(cls.lines, cls.results, strict=True)]

    def test_ids_and_text_equal_transformers(self):
        check_like_goldens(self, self.lines, self.results)

    def test_the_model_has_learnt_its_pairs(self):
        learnt = sum(result["text"] in references
                     for result, references in zip(self.results, self.references, strict=True))
        print(f"{learnt} of {len(self.results)} sentences as in the table")
        self.assertGreaterEqual(learnt, 0.7 * len(self.results))

    def test_each_type_decides_as_f32(self):
        best = forced(self.f32, self.pairs)
        written = [token for _, ids in self.pairs for token in ids]
        decided = [i for i, (_, margin) in enumerate(best) if margin > MARGIN]
        self.assertGreaterEqual(len(decided), 0.99 * len(written))
        # f32 itself chooses what it generated: targets are forced as they were meant.
        self.assertEqual([best[i][0] for i in decided], [written[i] for i in decided])
        for weights in ("bf16", "int8", "int8-dynamic"):
            with self.subTest(weights=weights):
                bundle = compile_model(SMALL_T5, f"small-t5-{weights}.encdec", "--quiet",
                                       "--weights", weights)
                chosen = forced(bundle, self.pairs)
                self.assertNotEqual(chosen, best)  # else these were f32's weights
                same = sum(chosen[i][0] == written[i] for i in decided)
                print(f"{weights}: {same} of {len(decided)} decided tokens as f32 "
                      f"({same / len(decided):.2%})")
                self.assertGreaterEqual(same, 0.99 * len(decided))


unittest.main()
