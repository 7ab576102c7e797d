#!/usr/bin/env python3
"""encdec tokenize as its user meets it: texts to ids and back, pieces, offsets."""
import json
import subprocess
import unittest

from support import ENCDEC, TEXTS, Cli, feed, run


class Tokenize(Cli):
    def lines(self, text, *words):
        result = feed(text, "tokenize", self.bundle, *words)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout.split("\n")[:-1]

    def test_ids_and_back(self):
        lines = self.lines("\n".join(TEXTS))
        self.assertEqual(len(lines), len(TEXTS))
        for line in lines:
            self.assertEqual(line.split()[-1], "0", "the end token")
        self.assertEqual(self.lines("\n".join(lines), "--detokenize"), TEXTS)
        as_json = self.lines("\n".join(lines), "--detokenize", "--json")
        self.assertEqual([json.loads(line)["text"] for line in as_json], TEXTS)

    def test_the_ids_are_those_that_generate_reads(self):
        ids = self.lines(TEXTS[0])[0]
        self.assertEqual(run("generate", self.bundle, "--ids", ids).stdout,
                         run("generate", self.bundle, "--text", TEXTS[0]).stdout)

    def test_pieces_and_offsets(self):
        text = "I love  é."
        answer = json.loads(self.lines(text, "--json")[0])
        self.assertEqual(list(answer), ["ids", "pieces", "offsets"])
        self.assertEqual(len(answer["ids"]), len(answer["pieces"]))
        self.assertEqual(answer["pieces"][-1], "</s>")
        spelt = [text.encode()[begin:end].decode().strip() for begin, end in answer["offsets"]]
        self.assertEqual(spelt[-1], "")
        for piece, part in zip(answer["pieces"], spelt):
            if not piece.startswith("<"):
                self.assertEqual(piece.replace("▁", ""), part)

    def test_special_tokens_and_the_bare_text(self):
        self.assertNotIn("0", self.lines("</s>")[0].split()[:-1])
        self.assertEqual(self.lines("</s>", "--special-tokens"), ["0 0"])
        self.assertEqual(self.lines("</s>", "--special-tokens", "--bare"), ["0"])

    def test_a_blank_line_is_a_text(self):
        self.assertEqual(self.lines("\nYes.\n\n")[::2], ["0", "0"])
        self.assertEqual(self.lines("\n", "--detokenize"), [""])

    def test_broken_utf8_is_warned_of(self):
        result = subprocess.run([ENCDEC, "tokenize", self.bundle], input=b"Yes.\n\xff\n",
                                capture_output=True, check=True)
        self.assertEqual(len(result.stdout.splitlines()), 2)
        self.assertEqual(result.stderr, b"encdec: warning: line 2: the text is not all UTF-8; a "
                                        b"byte that is not is read as U+FFFD\n")

    def test_a_line_that_is_no_ids(self):
        result = feed("5\nfive\n17\n", "tokenize", self.bundle, "--detokenize")
        self.assertEqual(result.returncode, 2)
        self.assertEqual(len(result.stdout.splitlines()), 3)
        self.assertIn("error: line 2: expected token ids", result.stderr)
        self.assertIn("five", result.stderr)
        result = feed("9999999\n", "tokenize", self.bundle, "--detokenize", "--json")
        self.assertEqual(result.returncode, 2)
        self.assertIn("9999999", json.loads(result.stdout)["error"])

    def test_what_makes_no_sense(self):
        self.refused(2, "tokenize", self.bundle, "--detokenize", "--target-side",
                     says=["--detokenize"])
        self.refused(2, "tokenize", self.ids_only, says=["no tokenizer"])
        for command in ("tokenize", "generate"):
            self.refused(2, command, self.bundle, "--target-lang", "fr", says=["'fr'", "no languages"])
        self.refused(2, "generate", self.bundle, "--ids", "5 0", "--source-lang", "en",
                     says=["--source-lang"])


unittest.main()
