#!/usr/bin/env python3
"""The example model: ids and text equal Transformers', and int8 stays close."""
import json
import unittest

from alignments import cross_attention, read_alignments
from driver import (EXAMPLE, check_like_goldens, common_prefix, compile_model, generate_ids,
                    generate_texts, goldens, run)


class EnFr(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lines = goldens("en-fr-200.json")["lines"]
        cls.f32 = compile_model(EXAMPLE, "en-fr.encdec")
        cls.int8 = compile_model(EXAMPLE, "en-fr-int8.encdec", "--weights", "int8")
        cls.dynamic = compile_model(EXAMPLE, "en-fr-dynamic.encdec", "--weights", "int8-dynamic")

    def texts(self, bundle, lines, *options, beams=1):
        return generate_texts(bundle, [line["text"] for line in lines], *options, beams=beams)

    def test_ids_and_text_equal_transformers(self):
        check_like_goldens(self, self.lines, self.texts(self.f32, self.lines))

    def test_a_sketch_changes_no_token(self):
        sketched = compile_model(EXAMPLE, "en-fr-sketch.encdec", "--sketch")
        arguments = [word for line in self.lines
                     for word in ("--ids", " ".join(map(str, line["source"])))]
        # A sketch settles ids alone, and only in batches of few rows: small ones, then all.
        for rows, sources in ((1, arguments[:80]), (0, arguments)):
            batch = [sources] if not rows else [sources[i:i + 2]
                                                for i in range(0, len(sources), 2)]
            for some in batch:
                self.assertEqual(run("generate", sketched, "--beams", 1, *some).stdout,
                                 run("generate", self.f32, "--beams", 1, *some).stdout)
        bench = json.loads(run("bench", sketched, "--no-scores", "--repeat", 1, "--json")
                           .stdout.splitlines()[-1])
        self.assertGreater(bench["candidate_blocks_per_step"], 0)
        weights = json.loads(run("inspect", sketched, "--json").stdout)["manifest"]["weights"]
        self.assertGreater(weights["sketch_bytes"], 0)
        # A sketched step reads the candidate blocks only, and reports that.
        self.assertLess(bench["bytes_per_step"], weights["step_bytes"])
        self.assertGreater(bench["bytes_per_step"], weights["step_bytes"]
                           - weights["sketched_bytes"] + weights["sketch_bytes"])
        plain = json.loads(run("bench", sketched, "--repeat", 1, "--json")
                           .stdout.splitlines()[-1])
        self.assertNotIn("candidate_blocks_per_step", plain)
        self.assertEqual(plain["bytes_per_step"], weights["step_bytes"])

    def test_text_and_ids_agree(self):
        by_ids = generate_ids(self.f32, [line["source"] for line in self.lines[:20]], "--beams", 1)
        by_text = self.texts(self.f32, self.lines[:20])
        self.assertEqual([r["ids"] for r in by_ids], [r["ids"] for r in by_text])

    def test_int8_keeps_the_tokens(self):
        # Up to the first difference both see the same prefix, so each token
        # counted here is a decision under equal conditions.
        for bundle in (self.int8, self.dynamic):
            same = decided = 0
            for line, result in zip(self.lines, self.texts(bundle, self.lines), strict=True):
                prefix = common_prefix(result["ids"], line["ids"])
                same += prefix
                decided += prefix + (prefix < len(line["ids"]))
            print(f"{bundle.stem}: {same} of {decided} tokens as f32 ({same / decided:.2%})")
            self.assertGreaterEqual(same, 0.99 * decided)

    def test_beams_are_the_models(self):
        manifest = json.loads(run("inspect", self.f32, "--json").stdout)["manifest"]
        beams, lines = manifest["generation"]["num_beams"], self.lines[:12]
        self.assertGreater(beams, 1)
        by_default = run("generate", self.f32, "--json", *(
            word for line in lines for word in ("--text", line["text"]))).stdout
        self.assertEqual([json.loads(line) for line in by_default.splitlines()],
                         self.texts(self.f32, lines, beams=beams))

    def test_the_sentence_of_the_readme(self):
        out = run("generate", self.f32, "--text", "I love machine learning").stdout
        self.assertIn("apprentissage automatique", out)

    def test_checkpoint_folder_is_a_model_too(self):
        text = self.lines[0]["text"]
        self.assertEqual(run("generate", EXAMPLE, "--text", text).stdout,
                         run("generate", self.f32, "--text", text).stdout)

    def test_alignments_picture(self):
        """Each panel shows its head: a label for each piece, a shade for each probability."""
        picture, text = self.f32.with_suffix(".svg"), self.lines[0]["text"]
        source, target, layers = cross_attention(self.f32, text)
        pieces = {id: piece for piece, id in
                  json.loads((EXAMPLE / "vocab.json").read_text()).items()}
        for layer, heads in enumerate(layers, start=1):
            run("generate", self.f32, "--text", text, "--alignments", picture,
                "--alignment-layer", layer)
            panels = read_alignments(picture)
            self.assertEqual(len(panels), len(heads))
            for (columns, rows, cells), probs in zip(panels, heads):
                self.assertEqual(columns, [pieces[id] for id in source])
                self.assertEqual(rows, [pieces[id] for id in target])
                self.assertEqual(sorted(cells), [(t, s) for t in range(len(target))
                                                 for s in range(len(source))])
                for (t, s), (shade, number, is_best) in cells.items():
                    self.assertAlmostEqual(shade, probs[t][s], delta=0.005 * probs[t][s])
                    self.assertAlmostEqual(number, probs[t][s], delta=0.00051)
                    self.assertEqual(is_best, s == probs[t].index(max(probs[t])))


unittest.main()
