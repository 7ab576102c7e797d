#!/usr/bin/env python3
"""How outputs of encdec generate begin: --prefix, --prefix-ids."""
import json
import unittest

from support import OUT, TEXTS, Cli, feed, run


class Prefixes(Cli):
    def test_prefixes_are_part_of_the_answer(self):
        words = ["generate", self.bundle, "--beams", 1, "--text", TEXTS[1], "--text", TEXTS[3]]
        begin = ["--prefix", "Le vieux"]
        lines = run(*words, *begin).stdout.splitlines()
        for line in lines:
            self.assertTrue(line.startswith("Le vieux"), line)
        answers = [json.loads(line) for line in run(*words, *begin, "--json").stdout.splitlines()]
        self.assertEqual([answer["text"] for answer in answers], lines)
        ids = feed("Le vieux\n", "tokenize", self.bundle, "--target-side", "--bare").stdout.split()
        for answer in answers:
            self.assertEqual(answer["ids"][:len(ids)], list(map(int, ids)))
        # What follows the prefix is streamed behind it.
        self.assertEqual(run(*words, *begin, "--stream").stdout.splitlines(), lines)
        pieces, tokens = "", []
        for piece in map(json.loads, run(*words, *begin, "--stream", "--json").stdout.splitlines()):
            if "line" not in piece:
                break
            pieces += piece["text"]
            tokens += piece["tokens"]
        self.assertEqual((pieces, tokens), (answers[0]["text"], answers[0]["ids"]))

    def test_a_forced_token_stands_before_a_prefix(self):
        """As the target language does; with a bias for the prefix, answers show all tokens."""
        ids = feed("Le vieux\n", "tokenize", self.bundle, "--target-side", "--bare").stdout.split()
        answer = run("generate", self.bundle, "--beams", 1, "--json", "--text", TEXTS[1],
                     "--forced-bos-token-id", 7, "--prefix", "Le vieux",
                     "--prefix-bias-beta", 0.99).stdout
        self.assertEqual(json.loads(answer)["ids"][:len(ids) + 1], [7, *map(int, ids)])

    def test_alignments_count_words_of_the_prefix(self):
        """Of which nothing is known: the prefix ends within a word."""
        path = OUT / "prefix.json"
        words = ["generate", self.bundle, "--beams", 1, "--text", "I like red wine.",
                 "--prefix", "Moi, j'aime le vi", "--alignments"]
        text = run(*words, path).stdout.strip()
        made = json.loads(path.read_text())
        self.assertEqual(made["translation"], text)
        self.assertEqual(" ".join(made["target"]), text)
        linked = sorted({target for _, target in made["links"]})
        self.assertEqual(linked, list(range(3, len(made["target"]))))
        self.assertEqual(made["probs"][:3], [[0] * len(made["source"])] * 3)
        path = OUT / "prefix.txt"
        run(*words, path)
        self.assertEqual(path.read_text(),
                         " ".join(f"{s}-{t}" for s, t in made["links"]) + "\n")

    def test_what_a_prefix_leaves_without_effect_is_said(self):
        words = ["generate", self.bundle, "--ids", "1217 2 0"]
        forced = [*words, "--forced-bos-token-id", 5]
        self.assertIn("token 5 is not forced (forced_bos_token_id)",
                      run(*forced, "--prefix-ids", "7 9").stderr)
        self.assertEqual(run(*forced, "--prefix-ids", "5 9").stderr, "")
        self.assertEqual(run(*forced).stderr, "")
        soft = [*words, "--prefix-bias-beta", 0.5]
        self.assertEqual(run(*soft).stderr,
                         "encdec: warning: --prefix-bias-beta: has no effect here; it acts where "
                         "there is a prefix\n")
        self.assertEqual(run(*soft, "--prefix-ids", "7 9").stderr, "")

    def test_what_has_no_spelling_is_shown_whole(self):
        path = OUT / "unspelled.txt"
        path.write_bytes("a\0b 漢 tail\n".encode())
        result = run("generate", self.bundle, "--text", "Yes.", "--prefixes", path, check=False)
        self.assertEqual(result.returncode, 2)
        for says in ("--prefixes", "line 1", "'a\\x00b 漢 tail'", "--target-side --json"):
            self.assertIn(says, result.stderr)
        self.refused(1, "generate", self.bundle, "--text", "Yes.", "--prefixes", OUT,
                     says=[f"--prefixes: cannot read {OUT}: Is a directory"])

    def test_prefixes_as_ids(self):
        ids = ["--ids", "1217 2 0", "--ids", "5 17 0"]
        for bundle in (self.bundle, self.ids_only):
            words = ["generate", bundle, "--json", *ids]
            free = [json.loads(line)["ids"] for line in run(*words).stdout.splitlines()]
            forced = [json.loads(line)["ids"] for line in
                      run(*words, "--prefix-ids", "7 9").stdout.splitlines()]
            self.assertEqual([answer[:2] for answer in forced], [[7, 9]] * 2)
            same = run(*words, "--prefix-ids", free[0][0]).stdout.splitlines()[0]
            self.assertEqual(json.loads(same)["ids"], free[0])
        plain = run("generate", self.ids_only, *ids, "--prefix-ids", "7 9").stdout
        self.assertTrue(plain.startswith("7 9 "), plain)
        for words, says in ((["--prefix-ids", "7", "--text", "Yes."], "give --prefix"),
                            (["--prefix-ids", "x", *ids], "'x'"),
                            (["--prefix-ids", "999999", *ids], "vocabulary"),
                            (["--prefix-ids", "", *ids], "at least one")):
            self.refused(2, "generate", self.bundle, *words, says=["--prefix-ids", says])
        self.refused(2, "generate", self.ids_only, "--prefix", "Le", *ids, says=["--prefix-ids"])


unittest.main()
