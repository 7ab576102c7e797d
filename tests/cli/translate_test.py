#!/usr/bin/env python3
"""encdec translate as its user meets it: a line in, a line out, sentences, long lines."""
import json
import pathlib
import random
import re
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
            self.refused(1, "translate", self.bundle, files[0].parent,
                         says=[f"cannot read {files[0].parent}: Is a directory"])

    def test_split_translates_sentences(self):
        texts = [*TEXTS, "No end"]
        text = "  ".join(texts)
        one, two, three, four, five = self.plain(texts)
        result = feed(text + " \n", "translate", self.bundle, "--split")
        self.assertEqual(result.stdout, f"{one}  {two}  {three}  {four}  {five} \n")
        self.assertEqual(feed(f"\t {text}\n", "translate", self.bundle, "--split").stdout,
                         f"\t {one}  {two}  {three}  {four}  {five}\n")
        answer = json.loads(feed(f" {text}", "translate", self.bundle, "--split", "--json").stdout)
        self.assertEqual([part["source"] for part in answer["sentences"]], texts)
        self.assertEqual([part["text"] for part in answer["sentences"]],
                         [one, two, three, four, five])
        self.assertEqual(answer["text"], f" {one}  {two}  {three}  {four}  {five}")
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

    def test_a_long_line_is_told_both_ways_out(self):
        text = f"Yes.\n{'house ' * 300}\nYes.\n"
        yes, = self.plain(["Yes."])
        result = feed(text, "translate", self.bundle)
        self.assertEqual((result.returncode, result.stdout), (5, f"{yes}\n\n{yes}\n"))
        self.assertEqual(result.stderr, "encdec: error: line 2: the source has 301 tokens, more "
                         "than the model's 256 positions; --split translates a line sentence by "
                         "sentence, --truncate cuts off what does not fit\n")
        # Where nothing is left to split, one way is.
        message = feed(text, "translate", self.bundle, "--split").stderr
        self.assertIn("error: line 2: the source has 301 tokens", message)
        self.assertIn("has no mark to cut it at", message)
        self.assertIn("--truncate cuts", message)
        words = ["translate", self.bundle, "--truncate", "--max-new-tokens", 4]
        result = feed(text, *words)
        self.assertEqual(result.returncode, 0)
        self.assertTrue(all(result.stdout.splitlines()))
        self.assertIn("warning: line 2: ", result.stderr)

    def test_markup_stands_around_the_same_words(self):
        source = ('I like <b>red wine</b>.\nThe <a href="x">old man</a> lives here.<br/>\n'
                  '<p></p>\nNothing here.\n{0}: %s\n')
        result = feed(source, "translate", self.bundle, "--markup")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        one, two, three, four, five = result.stdout.splitlines()
        plain = self.plain(["I like red wine.", "The old man lives here.", "Nothing here."])
        self.assertEqual(re.sub("<.*?>", "", one), plain[0])
        self.assertIn("<b>", one)
        self.assertRegex(two, r'<a href="x">.*\bhomme</a>.*<br/>$')
        self.assertEqual(re.sub("<.*?>", "", two), plain[1])
        self.assertEqual((three, four, five), ("<p></p>", plain[2], "{0}: %s"))
        # Without the option they are text.
        self.assertNotIn("<p></p>", feed(source, "translate", self.bundle,
                                         "--max-new-tokens", 8).stdout)

    def test_stand_ins(self):
        words = ["translate", self.bundle, "--markup", "--stand-in", "Tom"]
        result = feed("{who} is <b>already</b> here.\nTom knows %s.\n", *words)
        one, two = result.stdout.splitlines()
        already, = self.plain(["Tom is already here."])
        self.assertEqual(re.sub("<.*?>", "", one), already.replace("Tom", "{who}"))
        self.assertIn("<b>", one)
        self.assertEqual(two.count("%s"), 1)  # two of the word: the placeholder is taken out
        self.refused(2, "translate", self.bundle, "--stand-in", "Tom", says=["--markup"])

    def test_every_mark_comes_through_once(self):
        """Random tags and placeholders in real text, and what reads as one."""
        draw = random.Random(4)
        lines = (TESTS / "data" / "en-fr-1000.tsv").read_text().splitlines()[:60]
        marks = ["<b>", "</b>", "<i>", "</i>", "<br/>", "{name}", "{0}", "%s", "%1$s", "%(n)d",
                 "${x}", "&amp;", "<", "100%"]
        texts = []
        for line in lines:
            words = line.split("\t")[0].split()
            for _ in range(draw.randrange(5)):
                at, joint = draw.randrange(len(words) + 1), draw.choice(["", " "])
                words[at:at + 1] = [draw.choice(marks) + joint + (words[at:at + 1] or [""])[0]]
            texts.append(" ".join(words))
        known = re.compile(r"</?[bi]>|<br/>|\{name\}|\{0\}|%s|%1\$s|%\(n\)d|\$\{x\}|&amp;")
        for words in (["--beams", 1], ["--beams", 3], ["--split", "--beams", 1],
                      ["--stand-in", "Tom", "--split", "--beams", 1]):
            text = "\n".join(texts[:20] if "3" in map(str, words) else texts)
            result = feed(text, "translate", self.bundle, "--markup", "--max-new-tokens", 40, *words)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            answers = result.stdout.splitlines()
            self.assertEqual(len(answers), len(text.splitlines()))
            for source, made in zip(text.splitlines(), answers):
                self.assertEqual(sorted(known.findall(source)), sorted(known.findall(made)),
                                 (source, made))

    def test_prefixes(self):
        plain, = self.plain([TEXTS[0]])
        result = feed(f"{TEXTS[0]}\n\n{TEXTS[2]}\n", "translate", self.bundle, "--prefix", "Moi, j")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        one, blank, two = result.stdout.splitlines()
        self.assertTrue(one.startswith("Moi, j") and two.startswith("Moi, j"), (one, two))
        self.assertEqual(blank, "")
        # A prefix that a translation begins with anyway changes nothing.
        begin = plain.split()[0]
        self.assertEqual(feed(TEXTS[0], "translate", self.bundle, "--prefix", begin).stdout,
                         plain + "\n")
        with tempfile.TemporaryDirectory(dir=OUT) as name:
            file = pathlib.Path(name) / "prefixes"
            file.write_text("Moi,\n\nSi\n\n")
            result = feed(f"{TEXTS[0]}\n\n{TEXTS[2]} {TEXTS[1]}\n", "translate", self.bundle,
                          "--split", "--prefixes", file)
            lines = result.stdout.splitlines()
            self.assertTrue(lines[0].startswith("Moi,"), lines)
            self.assertTrue(lines[2].startswith("Si"), lines)
            self.assertIn(self.plain([TEXTS[1]])[0], lines[2])  # the line's first sentence alone
            self.assertIn("has more lines", result.stderr)
            result = feed("Yes.\n" * 5, "translate", self.bundle, "--prefixes", file)
            self.assertEqual((result.returncode, len(result.stdout.splitlines())), (2, 5))
            self.assertIn("line 5: --prefixes", result.stderr)
        for text, says in (("", "got none"), (" ", "got none"), ("雪", "cannot spell"),
                           ("Oui " * 300, "positions")):
            message = feed("Yes.\n", "translate", self.bundle, "--prefix", text)
            self.assertNotEqual(message.returncode, 0)
            self.assertEqual(message.stdout, "")
            self.assertIn("--prefix", message.stderr)
            self.assertIn(says, message.stderr)

    def test_languages(self):
        self.assertEqual(run("translate", self.bundle, "--languages").stdout, "")
        for option in ("--from", "--to"):
            self.refused(2, "translate", self.bundle, option, "fr", says=["'fr'", "no languages"])

    def test_refusals(self):
        self.refused(2, "translate", self.ids_only, says=["no tokenizer"])
        self.refused(2, "translate", self.bundle, "--nbest", 2, says=["--num-return-sequences"])


unittest.main()
