#!/usr/bin/env python3
"""encdec synth: random checkpoints of every built-in family compile, generate text, and
agree with the interpreter."""
import filecmp
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv.pop(1)) / "bin"
FILES = ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json",
         "tokenizer_config.json"]
IDS = "20 31 200 77 2"


def run(*words, check=True, text=""):
    result = subprocess.run([BIN / "encdec", *map(str, words)], capture_output=True, text=True,
                            input=text)
    if check and result.returncode:
        raise AssertionError(f"{words}: exit {result.returncode}: {result.stderr}")
    return result


class Synth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.temporary.name)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def refused(self, code, *words, says):
        folder = self.out / "refused"
        result = run("synth", "-o", folder, *words, check=False)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(says, result.stderr)
        self.assertEqual([path.name for path in self.out.glob("refused*")], [])

    def test_every_family_compiles_and_generates_as_the_interpreter(self):
        families = [each["family"]
                    for each in json.loads(run("families", "--json").stdout)["families"]]
        for family in families:
            with self.subTest(family):
                folder, bundle = self.out / family, self.out / f"{family}.encdec"
                run("synth", "--family", family, "-o", folder)
                self.assertEqual(sorted(path.name for path in folder.iterdir()), FILES)
                run("compile", folder, "-o", bundle, "--strict")
                # A tokenizer of one's own reads and shows every piece.
                line = json.loads(run("tokenize", bundle, "--json",
                                      text="hello, there!").stdout)
                self.assertNotIn(3, line["ids"])
                text = run("generate", bundle, "--text", "hello there").stdout
                self.assertEqual(len(text.splitlines()), 1)
                answer = json.loads(run("generate", bundle, "--ids", IDS, "--beams", 1,
                                        "--max-new-tokens", 5, "--json").stdout)
                ir = self.out / f"{family}.mlir"
                ir.write_text(run("import", folder).stdout)
                reference = subprocess.run(
                    [BIN / "encdec-run-reference", ir, "--checkpoint", folder, "--ids", IDS,
                     "--steps", str(len(answer["ids"]))],
                    capture_output=True, text=True, check=True).stdout
                tokens = [int(row.split()[3]) for row in reference.splitlines()
                          if row.startswith("step")]
                self.assertEqual(answer["ids"], tokens)
                total = float(reference.split()[-1])
                self.assertAlmostEqual(answer["log_prob"], total, places=3)
                # Numbers that do not depend on the source would test nothing.
                self.assertGreater(len(set(tokens)), 1)

    def test_equal_seeds_give_equal_bytes(self):
        for name, seed in (("a", 1), ("b", 1), ("c", 2)):
            run("synth", "--family", "bart", "-o", self.out / name, "--seed", seed)
        same = filecmp.cmpfiles(self.out / "a", self.out / "b", FILES, shallow=False)
        self.assertEqual(same, (FILES, [], []))
        other = filecmp.cmpfiles(self.out / "a", self.out / "c", FILES, shallow=False)
        self.assertEqual(other[1], ["model.safetensors"])

    def test_sizes_and_settings(self):
        folder = self.out / "set"
        folder.mkdir()  # an empty folder is taken
        report = json.loads(run("synth", "--family", "t5", "-o", folder, "--dtype", "bf16",
                                "--set", "d_model=96", "--set", "layers=1", "--set", "heads=3",
                                "--set", "feed_forward_proj=gated-gelu", "--set",
                                "tie_word_embeddings=false", "--json").stdout)
        config = json.loads((folder / "config.json").read_text())
        self.assertEqual((config["d_model"], config["num_decoder_layers"], config["num_heads"],
                          config["feed_forward_proj"]), (96, 1, 3, "gated-gelu"))
        stored = folder / "model.safetensors"
        self.assertEqual(report["bytes"], stored.stat().st_size)
        self.assertIn(b'"lm_head.weight":{"dtype":"BF16","shape":[512,96]',
                      stored.read_bytes()[:20000])
        run("compile", folder, "-o", self.out / "set.encdec", "--strict")

    def test_refusals_teach_and_leave_nothing(self):
        self.refused(2, "--family", "barrt", says="did you mean 'bart'?")
        self.refused(2, "--family", "bart", "--size", "tinny", says="did you mean 'tiny'?")
        self.refused(2, "--family", "bart", "--dtype", "f8", says="f32 or bf16")
        self.refused(2, "--family", "bart", "--set", "layers", says="KEY=VALUE")
        self.refused(2, "--family", "bart", "--set", "d_modell=4", says="d_modell")
        self.refused(2, "--family", "bart", "--set", "vocabulary=20", says="128 to 400000")
        self.refused(3, "--family", "bart", "--set", "heads=5", says="divisor of d_model")
        full = self.out / "full"
        full.mkdir()
        (full / "mine").write_text("kept")
        result = run("synth", "--family", "bart", "-o", full, check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("expected a new or an empty folder", result.stderr)
        self.assertEqual((full / "mine").read_text(), "kept")


if __name__ == "__main__":
    unittest.main()
