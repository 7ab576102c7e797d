#!/usr/bin/env python3
"""The small programs of examples/: they run, and say what `encdec generate` says."""
import os
import pathlib
import subprocess
import sys
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from driver import BUILD, EXAMPLE, OUT, ROOT, compile_model, generate_ids, run  # noqa: E402

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


unittest.main()
