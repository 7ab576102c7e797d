#!/usr/bin/env python3
"""encdec translate as its user meets it: a line in, a line out, sentences, long lines."""
import json
import pathlib
import tempfile
import unittest

from support import OUT, TESTS, TEXTS, Cli, feed, run


class Translate(Cli):
    def plain(self, texts, *words):
        """What generate makes of each text."""
        return feed("".join(text + "\n" for text in texts), "generate", self.bundle,
                    *words).stdout.splitlines()

    def test_a_line_for_each(self):
        lines = (TESTS / "data" / "en-fr-1000.tsv").read_text().splitlines()[:100]
        texts = [line.split("\t")[0] for line in lines] + ["", " ", "Yes."]
        result = feed("\n".join(texts), "translate", self.bundle, "--beams", 1)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertEqual(result.stdout.splitlines(), self.plain(texts, "--beams", 1))

    def test_files_follow_each_other(self):
        with tempfile.TemporaryDirectory(dir=OUT) as name:
            files = [pathlib.Path(name) / file for file in ("one", "two")]
            files[0].write_text(f"{TEXTS[0]}\n\n{TEXTS[1]}")
            files[1].write_text(f"{TEXTS[2]}\n{'house ' * 300}\n")
            result = run("translate", self.bundle, *files, check=False)
            self.assertEqual(result.stdout.splitlines(),
                             self.plain([TEXTS[0], "", TEXTS[1], TEXTS[2]]) + [""])
            self.assertEqual(result.returncode, 5)
            self.assertIn(f"error: {files[1]}: line 2: the source has", result.stderr)
            result = run("translate", self.bundle, *files, "--fail-fast", check=False)
            self.assertEqual((result.returncode, len(result.stdout.splitlines())), (5, 4))
            self.refused(1, "translate", self.bundle, files[0].parent / "none", says=["none"])

    def test_split_translates_sentences(self):
        texts = [*TEXTS, "No end"]
        text = "  ".join(texts)
        one, two, three, four, five = self.plain(texts)
        result = feed(text + " \n", "translate", self.bundle, "--split")
        self.assertEqual(result.stdout, f"{one}  {two}  {three}  {four}  {five} \n")
        answer = json.loads(feed(text, "translate", self.bundle, "--split", "--json").stdout)
        self.assertEqual([part["source"] for part in answer["sentences"]], texts)
        self.assertEqual([part["text"] for part in answer["sentences"]],
                         [one, two, three, four, five])
        self.assertEqual(answer["text"], f"{one}  {two}  {three}  {four}  {five}")
        whole = json.loads(feed(text, "translate", self.bundle, "--json").stdout)
        self.assertEqual(list(whole), ["text"])
        self.assertEqual([whole["text"]], self.plain([text]))

    def test_long_sentences_are_cut_at_clauses(self):
        clause = "the house is " + "very " * 60 + "old"
        text = ", ".join([clause] * 9)
        self.assertEqual(feed(text, "translate", self.bundle).returncode, 5)
        result = feed(text, "translate", self.bundle, "--split", "--json", "--beams", 1,
                      "--max-new-tokens", 8)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        parts = [part["source"] for part in json.loads(result.stdout)["sentences"]]
        self.assertEqual(" ".join(parts), text)
        self.assertTrue(2 <= len(parts) < 9, "clauses stay together where they fit")
        # A clause that is too long is refused, with all of its line; others are not.
        long = f"Yes. {'house ' * 300}, no."
        result = feed(f"Yes.\n{long}\nYes.\n", "translate", self.bundle, "--split")
        self.assertEqual(result.returncode, 5)
        yes, = self.plain(["Yes."])
        self.assertEqual(result.stdout.splitlines(), [yes, "", yes])
        self.assertIn("error: line 2: the source has", result.stderr)

    def test_languages(self):
        self.assertEqual(run("translate", self.bundle, "--languages").stdout, "")
        for option in ("--from", "--to"):
            self.refused(2, "translate", self.bundle, option, "fr", says=["'fr'", "no languages"])

    def test_refusals(self):
        self.refused(2, "translate", self.ids_only, says=["no tokenizer"])
        self.refused(2, "translate", self.bundle, "--nbest", 2, says=["--num-return-sequences"])


unittest.main()
