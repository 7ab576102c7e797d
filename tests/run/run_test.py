#!/usr/bin/env python3
"""encdec run: IR of each form, and bundles, give the tokens that the interpreter gives."""
import json
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import unittest

BIN = pathlib.Path(sys.argv.pop(1)) / "bin"
ASKED = ["--ids", "20 31 200 77 2", "--ids", "45 2", "--steps", "6"]


def run(*words, check=True):
    result = subprocess.run([BIN / "encdec", *map(str, words)], capture_output=True, text=True)
    if check and result.returncode:
        raise AssertionError(f"{words}: exit {result.returncode}: {result.stderr}")
    return result


class Run(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.temporary.name)
        cls.folder = cls.out / "model"
        run("synth", "--family", "m2m_100", "-o", cls.folder)
        cls.plain = cls.out / "plain.mlir"
        cls.plain.write_text(run("import", cls.folder).stdout)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def passes(self, name, *pipelines):
        out = self.out / name
        run("opt", self.plain, *pipelines, "-o", out)
        return out

    def ask(self, file, *words):
        result = run("run", file, *ASKED, "--json", *words)
        return json.loads(result.stdout), result.stderr

    def assert_close(self, a, b, places=4):
        self.assertEqual(a["tokens"], b["tokens"])
        for x, y in zip(sum(a["log_probs"], []), sum(b["log_probs"], [])):
            self.assertAlmostEqual(x, y, places=places)

    def test_every_form_runs_as_code(self):
        judge, _ = self.ask(self.plain, "--checkpoint", self.folder, "--interpret")
        self.assertEqual(judge["by"], "interpreter")
        self.assertGreater(len({token for step in judge["tokens"] for token in step}), 3)
        for file, words in ((self.plain, ["--fuse"]),
                            (self.passes("fused.mlir", "--encdec-fuse"), []),
                            (self.passes("placed.mlir", "--encdec-fuse", "--encdec-place"), [])):
            answer, said = self.ask(file, "--checkpoint", self.folder, *words)
            self.assertEqual((answer["by"], answer["code"], said), ("jit", None, ""))
            self.assert_close(answer, judge)

    def test_placed_ir_keeps_its_formats(self):
        placed = self.passes("int8.mlir", "--encdec-fuse", "--encdec-place=weights=int8")
        answer, _ = self.ask(placed, "--checkpoint", self.folder)
        judge, _ = self.ask(placed, "--checkpoint", self.folder, "--interpret")
        self.assert_close(answer, judge, places=3)
        whole, _ = self.ask(self.plain, "--checkpoint", self.folder, "--interpret")
        self.assertNotEqual(judge["log_probs"], whole["log_probs"])

    def test_perf_gets_the_names_of_code(self):
        process = subprocess.Popen([BIN / "encdec-run", self.plain, *ASKED, "--fuse", "--perf-map",
                                    "--checkpoint", self.folder], stdout=subprocess.DEVNULL)
        file = pathlib.Path(f"/tmp/perf-{process.pid}.map")
        self.addCleanup(lambda: file.unlink(missing_ok=True))
        self.assertEqual(process.wait(), 0)
        spans = []
        for line in file.read_text().splitlines():
            start, size, name = line.split()
            spans.append((int(start, 16), int(size, 16), name))
        spans.sort()
        for (start, size, _), (after, _, _) in zip(spans, spans[1:]):
            self.assertLessEqual(start + size, after)
        names = {name for _, size, name in spans if size}
        self.assertLessEqual({"encdec_step", "encdec_encode", "barrier"}, names)
        self.assertTrue(any(name.startswith("cross_attention_") for name in names), names)

    def test_what_has_no_kernel_is_interpreted_and_says_so(self):
        answer, said = self.ask(self.plain, "--checkpoint", self.folder)
        self.assertEqual((answer["by"], answer["code"]), ("interpreter", "decomposed-attention"))
        self.assertIn("encdec.scores", said)
        text = run("run", self.plain, "--checkpoint", self.folder, *ASKED).stdout
        rows = [list(map(int, line.split())) for line in text.splitlines()]
        self.assertEqual([list(step) for step in zip(*rows)], answer["tokens"])

    def test_a_bundle_of_ir_is_one_like_others(self):
        bundle = self.out / "made.encdec"
        answer, _ = self.ask(self.plain, "--checkpoint", self.folder, "--fuse", "--bundle", bundle)
        self.assertEqual(answer["by"], "bundle")
        run("verify", bundle)
        compiled = self.out / "compiled.encdec"
        run("compile", self.folder, "-o", compiled)
        self.assertEqual(bundle.read_bytes(), compiled.read_bytes())
        again, _ = self.ask(bundle)
        self.assertEqual(again, answer)

    def test_seeded_weights_need_no_checkpoint(self):
        count = iter(range(1, 1 << 30))
        text = re.sub(r"#encdec\.file<[^>]*>", lambda _: f"#encdec.seeded<{next(count)}, 0.1>",
                      self.plain.read_text())
        seeded = self.out / "seeded.mlir"
        seeded.write_text(text)
        judge, _ = self.ask(seeded, "--interpret")
        self.assert_close(self.ask(seeded, "--fuse")[0], judge)
        made, _ = self.ask(seeded, "--fuse", "--bundle", self.out / "seeded.encdec")
        self.assert_close(made, judge)

    def test_forced_tokens_and_logits(self):
        words = ["--checkpoint", self.folder, "--force", "9 10 11", "--force", "12"]
        judge, _ = self.ask(self.plain, *words, "--interpret")
        file = self.out / "logits"
        answer, _ = self.ask(self.plain, *words, "--fuse", "--logits", file)
        self.assert_close(answer, judge)
        logits = struct.unpack(f"<{6 * 2 * 512}f", file.read_bytes())
        for at, best in enumerate(sum(answer["tokens"], [])):
            row = logits[512 * at:512 * (at + 1)]
            self.assertEqual(row.index(max(row)), best)

    def refused(self, code, *words, says):
        result = run("run", *words, check=False)
        self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
        self.assertIn(says, result.stderr)

    def test_refusals_teach(self):
        self.refused(2, self.plain, "--ids", "5", says="--checkpoint DIR says where")
        other = self.out / "other"
        run("synth", "--family", "t5", "-o", other)
        self.refused(3, self.plain, *ASKED, "--checkpoint", other,
                     says="is this the checkpoint that the IR was imported from?")
        self.refused(2, self.plain, "--ids", "5", "--steps", "1", "--force", "5 6",
                     "--checkpoint", self.folder, says="--force: expected at most 1 token")
        self.refused(2, self.plain, "--ids", "5 x", says="expected token ids, found 'x'")
        self.refused(2, self.plain, "--ids", " ", says="found none")
        self.refused(2, self.plain, "--ids", "5", "--ids", "6", "--force", "7",
                     says="expected 2 lists")
        self.refused(2, self.plain, says="--ids is required")
        self.refused(2, self.plain, "--ids", "5", "--checkpoint", self.folder, "--interpret",
                     "--logits", self.out / "none", says="the interpreter gives none")
        broken = self.out / "broken.mlir"
        broken.write_text("module {\n  func.func @encode(\n}\n")
        self.refused(3, broken, "--ids", "5", says="broken.mlir:")
        self.refused(3, self.out / "nothing.mlir", "--ids", "5", says="nothing.mlir")


if __name__ == "__main__":
    unittest.main()
