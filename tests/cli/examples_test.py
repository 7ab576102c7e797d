#!/usr/bin/env python3
"""The small programs of examples/: they run, and say what `encdec generate` says."""
import json
import os
import subprocess
import unittest
import xml.etree.ElementTree

from support import BUILD, EXAMPLE, OUT, checkpoint, compile_model, feed, run
from driver import ROOT, generate_ids

# One of these texts has another translation with the model's four beams than greedily.
TEXTS = ["I love machine learning.", "The old man lives in a small house.", "Is it nearby?"]


def program(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL,
                          env={**os.environ, "ENCDEC_BUILD": str(BUILD)})


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bundle = compile_model(EXAMPLE, "cli-examples.encdec")
        words = [word for text in TEXTS for word in ("--text", text)]
        cls.expected = run("generate", cls.bundle, *words).stdout.splitlines()

    def test_embed(self):
        result = program(BUILD / "bin" / "embed", self.bundle, *TEXTS)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.splitlines(), self.expected)

    def test_embed_shows_errors(self):
        result = program(BUILD / "bin" / "embed", EXAMPLE / "config.json", "Yes.")
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertIn("config.json", result.stderr)
        self.assertEqual(program(BUILD / "bin" / "embed").returncode, 2)

    def test_stream(self):
        result = program(BUILD / "bin" / "stream", self.bundle, *TEXTS)
        self.assertEqual(result.returncode, 0, result.stderr)
        texts = [""] * len(TEXTS)
        lines = result.stdout.splitlines()
        for line in lines:
            number, text = line.split(": ", 1)
            texts[int(number)] += text
        self.assertEqual(texts, self.expected)
        self.assertGreater(len(lines), len(TEXTS)) # pieces, not whole texts

    def test_text_encoder(self):
        texts = ["The house is small.", "The house is little.", "Where is the station?"]
        result = program(BUILD / "bin" / "text_encoder", self.bundle, *texts)
        self.assertEqual(result.returncode, 0, result.stderr)
        words = [word for text in texts for word in ("--text", text)]
        vectors = [[float(word) for word in line.split()]
                   for line in run("embed", self.bundle, *words).stdout.splitlines()]
        dot = lambda a, b: sum(x * y for x, y in zip(a, b, strict=True))
        first = vectors[0]
        cosines = [dot(first, other) / (dot(first, first) * dot(other, other)) ** 0.5
                   for other in vectors[1:]]
        self.assertEqual(result.stdout.splitlines(),
                         [f"{cosine:.4f}  {text}" for cosine, text in zip(cosines, texts[1:])])
        self.assertGreater(cosines[0], cosines[1])
        result = program(BUILD / "bin" / "text_encoder", EXAMPLE / "config.json", "Yes.")
        self.assertEqual((result.returncode, result.stdout), (3, ""))

    def test_jit_step(self):
        result = program(BUILD / "bin" / "jit_step", EXAMPLE, *TEXTS)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = result.stdout.splitlines()
        words = [word for text in TEXTS for word in ("--text", text)]
        greedy = generate_ids(self.bundle, [], "--beams", 1, *words)
        self.assertEqual(lines[1::2], [line["text"] for line in greedy])
        self.assertNotEqual(lines[1::2], self.expected)
        self.assertEqual([[int(word) for word in line.split()] for line in lines[::2]],
                         [line["ids"] for line in greedy])

    def test_jit_step_refuses_a_missing_folder(self):
        result = program(BUILD / "bin" / "jit_step", OUT / "no-such-folder", "Yes.")
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn("no-such-folder", result.stderr)

    def test_alignments(self):
        picture = OUT / "alignments.svg"
        picture.unlink(missing_ok=True)
        result = program(ROOT / "examples" / "alignments.sh", TEXTS[1], picture)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.splitlines(), [self.expected[1]])
        svg = picture.read_text(encoding="utf-8")
        root = xml.etree.ElementTree.fromstring(svg)
        name = "{http://www.w3.org/2000/svg}"
        heads = [group for group in root.iter(f"{name}g")
                 if group.get("id", "").startswith("head-")]
        self.assertEqual(len(heads), 4, "one panel a head")
        for head in heads:
            labels = [element.text for element in head.iter(f"{name}text")]
            for word in ("house", "maison"):
                self.assertIn(word, labels)
        # Self-contained: nothing is fetched from anywhere.
        self.assertNotIn("href", svg)
        self.assertNotIn("@import", svg)
        self.assertEqual(svg.count("http"), 1, "the namespace only")


class Summarizer(unittest.TestCase):
    """On a random BART with a tokenizer of bytes; its own n-grams must not repeat."""

    ARTICLES = ["The old man lives in a small house.\nHe likes tea, and he likes coffee.\n",
                "Where is the station?\n", "word " * 400]

    @classmethod
    def setUpClass(cls):
        cls.bundle = compile_model(checkpoint("examples-summarizer", {
            "family": "bart", "seed": 3, "vocab": 901, "positions": 128, "block_gain": 2.0,
            "generation": {"max_length": 40, "num_beams": 2, "no_repeat_ngram_size": 3}},
            "bart-json5"), "examples-summarizer.encdec")
        cls.files = [OUT / f"article-{i}.txt" for i in range(len(cls.ARTICLES))]
        for path, article in zip(cls.files, cls.ARTICLES):
            path.write_text(article)

    def ids_of(self, text, *options):
        """Step by step: text to ids, ids to ids."""
        ids = feed(text + "\n", "tokenize", self.bundle).stdout.strip()
        out = run("generate", self.bundle, "--ids", ids, "--json", *options).stdout
        return json.loads(out)["ids"]

    def text_of(self, ids):
        return feed(" ".join(map(str, ids)) + "\n", "tokenize", self.bundle,
                    "--detokenize").stdout

    def test_a_line_for_each_file(self):
        result = program(ROOT / "examples" / "summarize.sh", self.bundle, *self.files)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.count("\n"), 3)
        texts = [article.replace("\n", " ") for article in self.ARTICLES[:2]]
        expected = "".join(self.text_of(self.ids_of(text)) for text in texts)
        self.assertTrue(result.stdout.startswith(expected), (result.stdout, expected))
        self.assertIn("cut", result.stderr)  # the third article

    def test_no_ngram_repeats(self):
        text = self.ARTICLES[0].replace("\n", " ")
        repeats = lambda ids: len(ids) - 2 - len(set(zip(ids, ids[1:], ids[2:])))
        self.assertEqual(repeats(self.ids_of(text)), 0)
        self.assertGreater(repeats(self.ids_of(text, "--no-repeat-ngram-size", 0)), 0)

    def test_refusals(self):
        self.assertEqual(program(ROOT / "examples" / "summarize.sh").returncode, 2)
        result = program(ROOT / "examples" / "summarize.sh", OUT / "no-such-model", self.files[0])
        self.assertEqual((result.returncode, result.stdout), (3, ""))


class Languages(unittest.TestCase):
    """On random checkpoints, with M2M-100's tokenizer, NLLB's and mBART-50's."""

    def check(self, family, tokenizer, vocabulary, source, targets):
        bundle = compile_model(checkpoint(f"examples-{tokenizer}", {
            "family": family, "vocab": vocabulary, "positions": 64,
            "generation": {"max_length": 24, "num_beams": 2}}, tokenizer),
            f"examples-{tokenizer}.encdec")
        text = "The house is small."
        result = program(ROOT / "examples" / "languages.sh", bundle, text, source, *targets)
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [line.split("\t") for line in result.stdout.splitlines()]
        self.assertEqual([line[0] for line in lines], list(targets))
        self.assertEqual(len({line[1] for line in lines}), len(targets), "texts differ")
        for (target, translated), name in zip(lines, targets.values()):
            languages = ["--source-lang", source, "--target-lang", target]
            row = json.loads(feed(text, "tokenize", bundle, "--json", *languages).stdout)
            self.assertTrue(row["pieces"][0].strip("_").startswith("en"), row["pieces"])
            out = run("generate", bundle, "--text", text, "--json", *languages).stdout
            first, *rest = json.loads(out)["ids"]
            # The language is forced first, and is no part of the text.
            tag = feed(f"{name}\n", "tokenize", bundle, "--bare").stdout.split()
            self.assertEqual([str(first)], tag)
            again = feed(" ".join(map(str, rest)), "tokenize", bundle, "--detokenize").stdout
            self.assertEqual(translated + "\n", again)
        result = program(ROOT / "examples" / "languages.sh", bundle, text, source, "klingon")
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("language 'klingon' is unknown to this model", result.stderr)

    def test_m2m100(self):
        self.check("m2m100", "m2m100", 1606, "en", {"fr": "__fr__", "de": "__de__", "sw": "__sw__"})

    def test_nllb(self):
        self.check("m2m100", "nllb-json5", 1904, "en", {"fr": "fra_Latn", "deu_Latn": "deu_Latn"})

    def test_mbart50(self):
        self.check("mbart", "mbart50-json5", 1600, "en", {"fr": "fr_XX", "de_DE": "de_DE"})

    def test_usage(self):
        self.assertEqual(program(ROOT / "examples" / "languages.sh", "model").returncode, 2)


unittest.main()
