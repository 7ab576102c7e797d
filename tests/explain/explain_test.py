"""The program encdec explain: what it prints, what it refuses, what it leaves behind.

usage: explain_test.py BUILD_DIR
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1))
EXAMPLE = ROOT / "examples" / "models" / "en-fr"
MISSED = ROOT / "tests" / "fuse" / "fuse-attention-missed.mlir"
SCHEDULED = ROOT / "tests" / "schedule" / "insert-barriers.mlir"


def explain(*arguments, code=0, **options):
    threads = [] if "--threads" in arguments else ["--threads", "1"]
    out = subprocess.run([BUILD / "bin" / "encdec-explain", *threads, *map(str, arguments)],
                         capture_output=True, text=True, check=False, **options)
    if out.returncode != code:
        raise AssertionError(f"{arguments}: exit code {out.returncode}: {out.stderr}")
    return out


class Explain(unittest.TestCase):
    def test_machine_code(self):
        # Vectors of 512 bits at level v4 alone, and no code of another kernel.
        for level, wide in (("v3", False), ("v4", True)):
            kernels = json.loads(explain(EXAMPLE, "--asm", "add_norm", "--level", level,
                                         "--json").stdout)["kernels"]
            self.assertTrue(kernels)
            # A kernel, and the function of its rows, which other kernels call too.
            self.assertTrue(any("vector." in kernel["ir"] for kernel in kernels))
            self.assertEqual(any("%zmm" in kernel["assembly"] for kernel in kernels), wide)
            for kernel in kernels:
                self.assertIn(f"func.func private @{kernel['name']}(", kernel["ir"])
                code = kernel["assembly"].splitlines()
                self.assertEqual(code[0].split(":")[0], kernel["name"])
                self.assertEqual(sum(not line.startswith(("\t", ".L")) for line in code), 1)
                self.assertIn("\tretq", code)
        text = explain(EXAMPLE, "--asm", kernels[0]["name"], "--level", "v4").stdout
        self.assertIn(kernels[0]["ir"], text)
        self.assertIn(kernels[0]["assembly"], text)
        self.assertNotIn("linear_", text)

    def test_machine_code_of_what_is_not_there(self):
        for words, says in ((("--asm", "nrm"), "no kernel of this model is called 'nrm'; it has kernels "
                                                 "called embed, barrier, linear, linear_tile_f32, "),
                            (("--asm", "add_norm", "--level", "v9"), "v9"),
                            (("--level", "v3"), "add --asm KERNEL"),
                            (("--asm", "add_norm", "--measure"), "leave --measure")):
            self.assertIn(says, explain(EXAMPLE, *words, code=2).stderr)

    def test_text(self):
        text = explain(EXAMPLE, "--groups", "none").stdout
        self.assertNotIn("\033", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)
        self.assertRegex(text, r"encoder layers 0 to 3, equal")
        self.assertRegex(text, r"self\.q, self\.k, self\.v +projections +linear")
        self.assertRegex(text, r"cross\.k +— +memory_project")
        self.assertIn("measured: not measured", text)
        self.assertRegex(text, r"fuse-attention +8 ")
        self.assertIn("without fuse-attention no kernels serve what is left", text)
        self.assertEqual(text, explain(EXAMPLE, "--groups", "none").stdout)  # the same in every run

    def test_every_missed_fusion_has_code_line_and_remedy(self):
        report = json.loads(explain("--ir", MISSED, "--json").stdout)
        missed = {(v["code"], v["place"].rsplit("/", 1)[-1]): v
                  for v in report["verdicts"] if not v["passed"]}
        verdict = missed["multi-use-scores", "fuse-attention-missed.mlir:34:8"]
        self.assertIn("func.return at", verdict["blocker"])
        self.assertEqual(verdict["remedy"], "drop the other reader")
        self.assertEqual(report["ops"][verdict["about"][0]]["op"], "encdec.context")
        text = explain("--ir", MISSED).stdout
        self.assertIn("fuse-attention [multi-use-scores]", text)

    def test_names_of_a_file(self):
        report = json.loads(explain("--ir", MISSED, "--json").stdout)
        self.assertIn("s", {op["name"] for op in report["ops"]})

    def test_what_a_user_adds(self):
        """The pipelines are those of encdec compile with the same flags."""
        patterns = ROOT / "tests" / "fuse" / "apply-patterns.pdll"
        report = json.loads(explain(EXAMPLE, "--json", "--patterns", patterns, "--at",
                                    "fuse:before", "--groups", "step").stdout)
        passes = {gain["pass"]: gain for gain in report["passes"]}
        self.assertEqual(passes["apply-patterns"]["fusions"], 22)
        self.assertNotIn("fuse-add-norm", passes)
        calls = next(s for s in report["stages"] if s["name"] == "scheduled")["ops"]
        self.assertEqual({op["entry"] for op in calls if 'call "fused"' in op["text"]}, {"step"})
        said = explain(EXAMPLE, "--pass-pipeline", "no-such-pass", code=2).stderr
        self.assertIn("the passes 'no-such-pass' cannot be read", said)

    def test_what_matches_nothing_warns(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "never.pdll"
            file.write_text('#include "encdec/fusion.pdll"\nPattern Never {\n'
                            '  let norm = op<encdec.norm>(x: Value) {eps = attr<"7.0 : f32">};\n'
                            '  replace norm with x;\n}\n')
            out = explain(EXAMPLE, "--patterns", file, "--json")
        warning, = json.loads(out.stdout)["warnings"]
        self.assertIn("never.pdll:2:1: ", warning)
        self.assertEqual(out.stderr, f"encdec-explain: warning: {warning}\n")

    def test_savings(self):
        """An FFN of width 768 no longer writes and reads two hidden rows; an attention of four
        heads neither scores nor probabilities."""
        report = json.loads(explain(EXAMPLE, "--groups", "none", "--json").stdout)
        fused = next(s for s in report["stages"] if s["name"] == "fused")["ops"]
        ffn = next(op for op in fused if op["op"] == "encdec.ffn")
        self.assertEqual(ffn["saved"], {"ops": 2, "buffers": 2, "row_bytes": 4 * 4 * 768,
                                        "key_bytes": 0})
        attention = next(op for op in fused if op["op"] == "encdec.cross_attention")
        self.assertEqual(attention["saved"], {"ops": 2, "buffers": 2, "row_bytes": 0,
                                              "key_bytes": 4 * 4 * 4})
        joined = next(op for op in fused if len(op["from"]) == 3 and op["op"] == "encdec.linear")
        self.assertEqual(joined["saved"], {"ops": 2, "buffers": 0, "row_bytes": 2 * 4 * 256,
                                           "key_bytes": 0})
        passes = {p["pass"]: p for p in report["passes"]}
        self.assertEqual(passes["fuse-ffn"]["fusions"], 6)
        self.assertEqual(passes["fuse-ffn"]["saved"]["row_bytes"], 6 * 4 * 4 * 768)
        self.assertEqual(passes["fuse-ffn"]["without"]["more_barriers"], 6)

    def test_limits(self):
        """Reading or multiplying, whichever takes longer; unknown without limits."""
        fast = json.loads(explain(EXAMPLE, "--json", "--bandwidth", 10, "--peak", 1e9).stdout)
        step = fast["totals"]["step"]
        self.assertAlmostEqual(step["limit_seconds"], step["bytes"] / 10e9)
        slow = json.loads(explain(EXAMPLE, "--json", "--bandwidth", 1e9, "--peak", 1).stdout)
        step = slow["totals"]["step"]
        self.assertAlmostEqual(step["limit_seconds"], step["madds"] / 1e9)
        self.assertIsNone(json.loads(explain(EXAMPLE, "--json").stdout)
                          ["totals"]["step"]["limit_seconds"])

    def test_shared_time_says_so(self):
        """The kernel of a group works for several ops: what it took is more than an op's time."""
        text = explain(EXAMPLE, "--measure", "--new-tokens", 4).stdout
        rows = [line for line in text.splitlines() if " fused " in line and "fused by" not in line]
        self.assertGreater(len(rows), 4)
        for row in rows:
            self.assertIn("≤", row)

    def test_one_range_of_rows(self):
        """Rows and threads choose the range, and verdicts about the others are left out."""
        calls, spoken = {}, {}
        for batch in (1, 8, 64):
            report = json.loads(explain(EXAMPLE, "--batch", batch, "--json").stdout)
            calls[batch] = sum(call["entry"] == "step" for call in report["calls"])
            spoken[batch] = sum(v["pass"] == "group" for v in report["verdicts"])
        self.assertLess(calls[64], calls[1])
        self.assertLess(calls[1], calls[8])
        self.assertEqual(len(set(spoken.values())), 1, "one verdict about each group")
        asked = json.loads(explain(EXAMPLE, "--batch", 64, "--json", "--threads", 8).stdout)
        self.assertEqual(sum(call["entry"] == "step" for call in asked["calls"]), calls[8])

    def test_measure(self):
        with tempfile.TemporaryDirectory() as folder:
            out = explain(EXAMPLE, "--measure", "--new-tokens", 4, "--json",
                          env={**os.environ, "TMPDIR": folder})
            self.assertEqual(os.listdir(folder), [])
        report = json.loads(out.stdout)
        self.assertTrue(all(phase["measured_seconds"] > 0 for phase in report["phases"]))
        self.assertGreater(report["limits"]["read_bandwidth"], 1e8)

    def test_stopped(self):
        """IR that no kernel serves is explained as far as it goes."""
        with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
            file.write(STOPPED)
            file.flush()
            report = json.loads(explain("--ir", file.name, "--json").stdout)
        self.assertIn("not lowerable [decomposed-attention]", report["stopped"])
        self.assertEqual([s["name"] for s in report["stages"]], ["imported", "fused", "placed"])

    def test_refusals(self):
        for words, says in ([[], "expected a checkpoint folder or --ir"],
                            [[EXAMPLE, "--ir", MISSED], "not both"],
                            [["--ir", MISSED, "--measure"], "take a checkpoint folder"],
                            [[EXAMPLE, "--text", "x"], "--html"],
                            [[EXAMPLE, "--weights", "f8"], "--weights"],
                            [[EXAMPLE, "--bandwidth", -1], "--bandwidth"]):
            out = explain(*words, code=2)
            self.assertEqual(out.stdout, "")
            self.assertIn(says, out.stderr)
        self.assertIn("nowhere", explain("nowhere", code=3).stderr)
        self.assertIn("nowhere.mlir", explain("--ir", "nowhere.mlir", code=3).stderr)
        scheduled = explain("--ir", SCHEDULED, code=3)
        self.assertIn("scheduled already", scheduled.stderr)
        full = pathlib.Path("/dev/full")
        for path in ["/nowhere/page.html"] + ["/dev/full"] * full.is_char_device():
            out = explain(EXAMPLE, "--html", path, code=1)
            self.assertIn(f"--html: {path}: cannot write it: ", out.stderr)
        self.assertFalse(full.is_file(), "a page must not take a device's place")

    def test_page_escapes(self):
        """A hostile name stays text: the page's only scripts are its own and its data."""
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "<img src=x onerror=alert(1)>.mlir"
            file.write_text(MISSED.read_text().replace(
                "@no_softmax", '@"</script><script>alert(1)</script>"'))
            page = explain("--ir", file, "--html", "-").stdout
        self.assertEqual(len(re.findall("<script", page)), 2)
        self.assertNotIn("<img", page)
        self.assertIn("\\u003cimg", page)
        self.assertIn("default-src 'none'", page)
        self.assertNotRegex(page.replace("http://www.w3.org/2000/svg", ""), "https?://")

    def test_help(self):
        self.assertIn("examples:", explain("--help").stdout)


STOPPED = """
func.func @encode(%x: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"},
                  %positions: tensor<?xi32> {encdec.arg = "positions"},
                  %rows: tensor<?xi32> {encdec.arg = "rows"},
                  %offsets: tensor<?xi32> {encdec.arg = "offsets"})
    -> tensor<?x8xf32, #encdec.side<encoder>> attributes {encdec.entry = "encode"} {
  %e = encdec.embed %x at %positions, @w {scale = 1.0}
      : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  %s = encdec.scores %e, %e of %rows in %offsets {heads = 2, scale = 1.0}
      : tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %p = encdec.softmax %s : tensor<2x?x?xf32, #encdec.side<encoder>>
  %c = encdec.context %p, %e of %rows in %offsets {heads = 2}
      : tensor<2x?x?xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %d = encdec.context %p, %c of %rows in %offsets {heads = 2}
      : tensor<2x?x?xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  return %d : tensor<?x8xf32, #encdec.side<encoder>>
}
encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 1.0>
"""

if __name__ == "__main__":
    unittest.main()
