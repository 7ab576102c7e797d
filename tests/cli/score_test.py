#!/usr/bin/env python3
"""encdec score as its user meets it: Transformers' numbers, whatever the batch, and errors."""
import json
import math
import pathlib
import subprocess
import tempfile
import unittest

from support import ENCDEC, OUT, Cli, feed, run
from driver import goldens


class Score(Cli):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lines = goldens("en-fr-scores.json")["lines"]
        cls.text = "".join(f"{line['source']}\t{line['target']}\n" for line in cls.lines)

    def scores(self, text, *words):
        result = feed(text, "score", self.bundle, "--json", *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_transformers_loss(self):
        for line, score in zip(self.lines, self.scores(self.text), strict=True):
            self.assertEqual(list(score), ["log_prob", "source_ids", "ids", "tokens", "log_probs"])
            self.assertEqual(score["ids"], line["ids"])
            self.assertEqual(len(score["tokens"]), len(line["ids"]))
            self.assertEqual(score["tokens"][-1], "</s>")
            for got, expected in zip(score["log_probs"], line["log_probs"], strict=True):
                self.assertAlmostEqual(got, expected, delta=1e-4)
            self.assertAlmostEqual(-score["log_prob"] / len(line["ids"]), line["loss"], delta=1e-4)
            self.assertAlmostEqual(score["log_prob"], sum(score["log_probs"]), places=9)

    def test_same_bits_alone_and_together(self):
        together = self.scores(self.text)
        self.assertEqual(together, self.scores(self.text, "--threads", 1))
        for number in (0, 7, 19):
            alone = self.scores(self.text.splitlines()[number] + "\n")
            self.assertEqual(alone, [together[number]])

    def test_generated_texts_have_their_log_prob(self):
        """What generate says of its own answer, which a search found step by step."""
        source = self.lines[3]["source"]
        answer = json.loads(run("generate", self.bundle, "--json", "--text", source).stdout)
        score, = self.scores(f"{' '.join(map(str, self.scores(self.text)[3]['source_ids']))}\t"
                             f"{' '.join(map(str, answer['ids']))}\n", "--ids")
        self.assertAlmostEqual(score["log_prob"], answer["log_prob"], delta=1e-3)
        self.assertNotIn("tokens", score)

    def test_targets_longer_than_a_prefill(self):
        """A target of several chunks has the log-probabilities of its beginning, and more."""
        source, ids = "1217 2 0", [5 + i % 90 for i in range(200)]
        long, = self.scores(f"{source}\t{' '.join(map(str, ids))}\n", "--ids")
        for length in (1, 63, 64, 65, 129):
            short, = self.scores(f"{source}\t{' '.join(map(str, ids[:length]))}\n", "--ids")
            self.assertEqual(short["log_probs"], long["log_probs"][:length])

    def test_files_and_summary(self):
        with tempfile.TemporaryDirectory(dir=OUT) as name:
            files = [pathlib.Path(name) / side for side in ("source", "target")]
            for file in files:
                file.write_text("".join(line[file.name] + "\n" for line in self.lines))
            words = ["score", self.bundle, "--source", files[0], "--target", files[1]]
            self.assertEqual(run(*words).stdout, feed(self.text, "score", self.bundle).stdout)
            summary = json.loads(run(*words, "--summary", "--json").stdout)
            scores = self.scores(self.text)
            tokens = sum(len(score["ids"]) for score in scores)
            total = sum(score["log_prob"] for score in scores)
            self.assertEqual((summary["pairs"], summary["tokens"]), (20, tokens))
            self.assertAlmostEqual(summary["log_prob"], total, places=6)
            self.assertAlmostEqual(summary["perplexity"], math.exp(-total / tokens), places=6)
            self.assertIn(f"{summary['perplexity']:.4f}", run(*words, "--summary").stdout)
            files[1].write_text("Oui.\n")
            result = run(*words, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertIn("ends before line 2 of", result.stderr)
            self.refused(2, *words[:4], says=["--target"])

    def test_broken_utf8_is_warned_of(self):
        result = subprocess.run([ENCDEC, "score", self.bundle], capture_output=True, check=True,
                                input=b"Yes.\tOui.\n\xff\tOui.\nYes.\t\xff\n")
        self.assertEqual(len(result.stdout.splitlines()), 3)
        self.assertEqual([line.split(b":")[2] for line in result.stderr.splitlines()],
                         [b" line 2", b" line 3, target"])

    def test_pairs_that_cannot_be_read(self):
        long = "maison " * 300
        text = f"Yes.\tOui.\nno tab\nYes.\t{long}\n{long}\tOui.\nYes.\tOui.\tJa.\n"
        result = feed(text, "score", self.bundle)
        self.assertEqual(result.returncode, 2)
        lines = result.stdout.split("\n")
        self.assertEqual([bool(line) for line in lines], [True, False, False, False, True, False])
        self.assertEqual(lines[0], lines[4])
        messages = result.stderr.splitlines()
        self.assertEqual(len(messages), 3)
        for message, says in zip(messages, ("line 2: expected a source, a tab",
                                            "line 3: the target has",
                                            "line 4: the source has")):
            self.assertIn(says, message)
        objects = [json.loads(line) for line in
                   feed(text, "score", self.bundle, "--json").stdout.splitlines()]
        self.assertEqual(["error" in one for one in objects], [False, True, True, True, False])
        result = feed(text, "score", self.bundle, "--fail-fast")
        self.assertEqual((result.returncode, result.stdout), (2, lines[0] + "\n"))
        result = feed("5 0\t99999\n5 0\t\n", "score", self.bundle, "--ids")
        self.assertEqual((result.returncode, result.stdout), (2, "\n\n"))
        self.assertIn("token 99999 at place 0 of the target is outside", result.stderr)
        self.refused(2, "score", self.ids_only, says=["--ids"])


unittest.main()
