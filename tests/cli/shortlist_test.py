#!/usr/bin/env python3
"""Lists of tokens on the command line: compiled in, shown, chosen, and what does not fit."""
import json
import math
import unittest

from support import EXAMPLE, OUT, Cli, compile_model, feed, run
from driver import goldens


class Shortlist(Cli):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lines = goldens("en-fr-scores.json")["lines"][:5]
        cls.text = "".join(f"{line['source']}\t{line['target']}\n" for line in cls.lines)
        ids = sorted({token for line in cls.lines for token in line["ids"]})
        path = OUT / "shortlist.ids"
        path.write_text("\n".join(map(str, ids)))
        cls.listed = compile_model(EXAMPLE, "shortlist.encdec", "--shortlist", f"few={path}",
                                   "--quiet")
        cls.outside = next(token for token in range(5, 9999) if token not in ids)

    def scores(self, *words, text=None):
        result = feed(text or self.text, "score", self.listed, "--json", *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_scores_are_of_the_list(self):
        """log p(token) - log p(list): each is greater, and all differ by less than the least
        probability of the list allows."""
        for whole, listed in zip(self.scores(), self.scores("--shortlist", "few"), strict=True):
            self.assertEqual(whole["ids"], listed["ids"])
            self.assertGreater(listed["log_prob"], whole["log_prob"])
            for one, other in zip(whole["log_probs"], listed["log_probs"], strict=True):
                self.assertLessEqual(one - 1e-6, other)
                self.assertLess(other, 1e-6)

    def test_a_target_outside_is_impossible(self):
        line = self.lines[0]
        ids = [*line["ids"][:2], self.outside, *line["ids"][2:]]
        source = " ".join(map(str, self.scores()[0]["source_ids"]))
        result = feed(f"{source}\t{' '.join(map(str, ids))}\n", "score", self.listed, "--ids",
                      "--json", "--shortlist", "few")
        self.assertEqual(result.returncode, 0)
        self.assertEqual(result.stderr,
                         f"encdec: warning: line 1: the target's token {self.outside} has "
                         "probability 0; scores count the tokens of --shortlist alone\n")
        score = json.loads(result.stdout)
        self.assertIn(score["log_probs"][2], (None, -math.inf))
        self.assertTrue(all(math.isfinite(score["log_probs"][i]) for i in (0, 1)))

    def test_names_are_shown(self):
        self.assertIn("few (", run("inspect", self.listed).stdout)
        self.assertRegex(run("inspect", self.bundle).stdout, r"(?m)^ *shortlists +-$")
        words = ["bench", self.listed, "--new-tokens", "4", "--repeat", "1", "--shortlist", "few"]
        self.assertRegex(run(*words).stdout, r"(?m)^ *shortlist +few$")
        self.assertEqual(json.loads(run(*words, "--json").stdout)["shortlist"], "few")

    def test_what_no_list_has(self):
        for command in ("score", "bench", "generate"):
            words = ["--text", "Yes."] if command == "generate" else []
            self.refused(2, command, self.listed, *words, "--shortlist", "fex",
                         says=["expected one of few, found 'fex'; did you mean 'few'?"])
            self.refused(2, command, self.bundle, *words, "--shortlist", "few",
                         says=["compile it with --shortlist few=FILE"])

    def test_favoured_words_outside(self):
        """A phrase that cannot appear would be an option without effect."""
        words = ["generate", self.listed, "--text", "Yes.", "--shortlist", "few"]
        self.refused(2, *words, "--hot-words", f"[[[{self.outside}], 2]]",
                     says=[f"token {self.outside} of hot_words", "'few' has no such token"])
        self.refused(2, *words, "--sequence-bias", f"[[[{self.outside}], 2]]",
                     says=["sequence_bias"])
        run(*words, "--sequence-bias", f"[[[{self.outside}], -2]]") # it is rare enough


unittest.main()
