#!/usr/bin/env python3
"""encdec lab: verdicts on models whose truth is known, and on cheats."""
import json
import os
import re
import subprocess
import sys
import unittest

from support import BIN, HERE, WithModel

WRONG_PASS = sys.argv.pop(1)
sys.path.insert(0, str(HERE))
CHEATS = re.findall(r'^    "([a-z-]+)": \(', (HERE / "cheat.py").read_text(), re.M)


class Lab(WithModel):
    def lab(self, *words, fake=None, check=True, seconds=1):
        model = [] if "--show" in words else [self.model]
        command = [BIN / "encdec", "lab", *model, "--seconds", seconds, *words]
        if "--ablate" not in words:
            command.append("--no-passes")
        if fake:
            command += ["--bench-with", HERE / "fake_bench.py", "--time-equal"]
            if "--seed" not in words:
                command += ["--seed", "1"]
        environment = {**os.environ, "TMPDIR": str(self.tmp), "LAB_BIN": str(BIN),
                       "LAB_FAKE": fake or "", "LAB_FAKE_FOLDER": str(self.out)}
        result = subprocess.run(list(map(str, command)), capture_output=True, text=True,
                                env=environment)
        if check and result.returncode:
            raise AssertionError(f"{words}: exit {result.returncode}: {result.stderr}")
        return result

    def record(self, *words, **options):
        return json.loads(self.lab("--json", *words, **options).stdout)

    def test_a_build_against_itself(self):
        record = self.record("--rows", "1", fake="equal", seconds=3)
        self.assertIn(record["finding"], ["no-difference", "not-decided"])
        self.assertTrue(record["equal_bundles"])
        numbers, = record["numbers"]
        self.assertIsNone(numbers["wrong"])
        self.assertEqual((numbers["logits"]["most"], numbers["decisions_changed"],
                          numbers["outputs_changed"]), (0, 0, 0))
        self.assertLess(numbers["base_from_interpreter"]["most"], 1e-4)

    def test_what_makes_the_same_code_is_not_timed(self):
        """Nothing; a pattern that never matches: only what the bundle says of its passes differs."""
        never = self.out / "never.pdll"
        never.write_text('#include "encdec/fusion.pdll"\n'
                         'Pattern Never {\n'
                         '  let norm = op<encdec.norm>(x: Value) {eps = attr<"7.0 : f32">};\n'
                         '  replace norm with x;\n}\n')
        for words, equal in (([], True), (["--patterns", never], False)):
            result = self.lab("--json", *words, "--bench-with", "/bin/false", seconds=600)
            record = json.loads(result.stdout)
            self.assertEqual((record["finding"], record["times"], record["equal_bundles"]),
                             ("no-difference", [], equal))
            self.assertEqual(record["verdict"], "the idea makes the same code: nothing to time")
            *warned, said = result.stderr.splitlines()
            self.assertEqual(said, f"encdec-lab: note: {record['verdict']}")
            self.assertEqual(len(warned), len(words) // 2)
            self.assertTrue(all("never.pdll:2:1: " in line for line in warned), warned)
        result = self.lab("--json", "--bench-with", "/bin/false", "--time-equal", check=False)
        self.assertEqual(result.returncode, 1)

    def test_too_few_rounds_are_said_at_once(self):
        result = self.lab("--json", "--rows", "1,2,3,4", "--source-length", "8,16,100000",
                          fake="equal")
        self.assertRegex(result.stderr, r"note: 1 seconds have time for \d+ rounds?, and with 24 "
                                        r"figures a verdict needs 10 or more: give --seconds \d+")
        self.assertIn("note: sources of 100000 tokens: the model has 128 positions", result.stderr)
        record = json.loads(result.stdout)
        self.assertEqual(record["verdict"], "not decided: 24 of 24 figures (too few rounds)")
        self.assertEqual({row["source_length"] for row in record["times"]}, {8, 16, 128})
        quiet = self.lab("--rows", "1,2,3,4", "--quiet", fake="equal")
        self.assertEqual(quiet.stderr, "")

    def test_a_delay_of_3_percent_is_found(self):
        for row in self.record("--rows", "1", fake="slow", seconds=12)["times"]:
            self.assertEqual(row["finding"], "slower", row)
            self.assertLess(row["low"], 1 / 1.03)
            self.assertGreater(row["high"], 1 / 1.04)

    def test_the_timed_program_itself(self):
        record = self.record("--rows", "1,2", "--source-length", "8", "--time-equal")
        self.assertEqual([(row["figure"], row["rows"]) for row in record["times"]],
                         [("step", 1), ("encode", 1), ("step", 2), ("encode", 2)])
        for row in record["times"]:
            self.assertGreater(row["rounds"], 0)
            self.assertGreater(row["base_ms"], 0)

    def test_cheats_have_wrong_numbers(self):
        self.assertGreaterEqual(len(CHEATS), 8)
        for cheat in CHEATS:
            with self.subTest(cheat):
                record = self.record("--idea", f"--cheat {cheat}", "--rows", "2",
                                     "--compile-with", HERE / "cheat.py", fake="equal")
                self.assertEqual(record["finding"], "wrong-numbers")
                self.assertTrue(record["verdict"].startswith("wrong numbers: "),
                                record["verdict"])

    def test_other_formats_have_wrong_numbers_unless_they_are_allowed(self):
        for weights in ("bf16", "int8"):
            record = self.record("--idea", f"--weights {weights}", fake="equal")
            self.assertEqual(record["finding"], "wrong-numbers")
        record = self.record("--idea", "--weights bf16", "--tolerance", "0.5", fake="equal")
        self.assertNotEqual(record["finding"], "wrong-numbers")
        # Of equal formats the interpreter has that format, too.
        record = self.record("--idea", "--weights int8", "--against", "--weights int8",
                             fake="equal")
        self.assertLess(record["numbers"][0]["base_from_interpreter"]["most"], 1e-3)
        self.assertNotEqual(record["finding"], "wrong-numbers")

    def test_a_cached_result_is_not_timed(self):
        record = self.record("--rows", "1", fake="cached", seconds=3)
        self.assertNotEqual(record["finding"], "faster")

    def test_other_work_is_not_timed(self):
        for fake, says in (("short", '"new_tokens": expected 16, found 8'),
                           ("nothing", '"step_ms_quartile": expected a time')):
            result = self.lab(fake=fake, check=False)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            self.assertIn(says, result.stderr)

    def test_records_and_reports(self):
        record, page = self.out / "record.json", self.out / "report.html"
        text = self.lab("--record", record, "--html", page, "--seed", "7", fake="equal").stdout
        self.assertTrue(text.startswith("verdict: "))
        self.assertEqual(self.lab("--show", record).stdout, text)
        html = page.read_text()
        self.assertIn("<svg", html)
        for outside in ("http:", "https:", "src=", "href=", "@import", "url("):
            self.assertNotIn(outside, html)
        made = json.loads(record.read_text())
        self.assertEqual(made["seed"], 7)
        for key in ("load", "mhz", "governor"):
            self.assertIn(key, made["before"])
        for key in ("cpu", "producer"):
            record.write_text(json.dumps({**made, key: "another"}))
            result = self.lab("--show", record, check=False)
            self.assertEqual((result.returncode, result.stdout), (4, ""))
            self.assertIn('found "another"', result.stderr)

    def test_equal_seeds_give_equal_counts(self):
        def counts(record):
            return {key: record[key] for key in ("numbers", "base_bundle", "idea_bundle")}
        one, two = (self.record("--seed", "3", "--idea", "--weights bf16", fake="equal")
                    for _ in range(2))
        self.assertEqual(counts(one), counts(two))
        other = self.record("--seed", "4", "--idea", "--weights bf16", fake="equal")
        self.assertNotEqual(one["numbers"], other["numbers"])

    def test_each_pass_has_a_row(self):
        # Without groups, which would join what an unfused ffn leaves to other calls.
        rows = self.record("--rows", "1", "--ablate", "--groups", "none", fake="equal")["passes"]
        prefixes = [row for row in rows if "without" not in row]
        names = [row["after"] for row in prefixes]
        self.assertEqual(names[:2], ["", "encdec-fuse-attention"])
        self.assertIn("encdec-pack-weights", names[-1])
        # Until the attentions are fused they have no kernels.
        self.assertEqual([row["code"] for row in prefixes],
                         ["decomposed-attention"] + [None] * (len(prefixes) - 1))
        for row in rows:
            self.assertLess(row["error"], 1e-5)
            if row["code"] is None:
                for key in ("ops", "calls", "barriers", "step_bytes", "code_bytes", "arena"):
                    self.assertGreater(row[key], 0, key)
        without = {row["without"]: row for row in rows if "without" in row}
        self.assertEqual(without["encdec-fuse-attention"]["code"], "decomposed-attention")
        last = prefixes[-1]
        self.assertGreater(without["encdec-fuse-ffn"]["barriers"], last["barriers"])

    def test_what_an_idea_adds_has_rows_where_it_runs(self):
        patterns = HERE.parent / "fuse" / "apply-patterns.pdll"
        record = self.record("--rows", "1", "--ablate", "--patterns", patterns, "--at",
                             "fuse:before", "--idea", "--groups step", fake="equal")
        self.assertEqual(record["idea"],
                         f"--groups step --patterns {patterns} --at fuse:before")
        names = [row["after"] for row in record["passes"] if "without" not in row]
        self.assertEqual(names[1:3], [f"encdec-apply-patterns{{file={patterns}}}",
                                      "encdec-fuse-attention"])
        self.assertIn("encdec-group-rows{entry=step}", names)
        # The bundle's code has what the table's has.
        self.assertEqual(record["passes"][len(names) - 1]["step_bytes"],
                         record["idea_bundle"]["step_bytes"])
        passes = self.record("--rows", "1", "--ablate", "--load-pass-plugin", WRONG_PASS,
                             "--pass-pipeline", "wrong-scale", "--at", "place:before",
                             fake="equal")["passes"]
        names = [row["after"] for row in passes if "without" not in row]
        self.assertEqual(names.index("wrong-scale") + 1, names.index("encdec-hoist-encoder"))

    def test_bisection_finds_the_pass(self):
        folder = self.out / "bisected"
        said = self.lab("--bisect", folder, fake="equal").stdout
        self.assertIn("no pass changes", said)
        self.assertFalse(folder.exists())
        said = self.lab("--bisect", folder, "--idea", "--weights int8", fake="equal").stdout
        self.assertRegex(said, r"^the formats of weights differ: int8 with the idea, f32 without "
                               r"it; that changes a log-probability by 0\.\d+\n"
                               r"no pass before the formats changes ")
        said = self.lab("--bisect", folder, "--idea", "--weights int8", "--against",
                        "--weights int8", fake="equal").stdout
        self.assertTrue(said.startswith("no pass before the formats changes "), said)
        folder = self.out / "what is wrong"
        said = self.lab("--bisect", folder, "--load-pass-plugin", WRONG_PASS, "--pass-pipeline",
                        "builtin.module(wrong-scale)", fake="equal").stdout
        self.assertTrue(said.startswith("wrong-scale changes a log-probability by "), said)
        # The commands repeat it.
        lines = [line.strip() for line in said.splitlines() if line.startswith("  ")]
        answers = []
        for line in lines:
            result = subprocess.run(["sh", "-c", line], capture_output=True, text=True,
                                    env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"})
            self.assertEqual(result.returncode, 0, result.stderr)
            answers.append(result.stdout)
        self.assertNotEqual(answers[1], answers[2])

    def test_bisection_finds_the_fusion(self):
        """A pattern that makes relu of gelu is wrong wherever it is applied."""
        patterns, folder = self.out / "wrong.pdll", self.out / "fusion"
        patterns.write_text('''#include "encdec/fusion.pdll"
Pattern Wrong {
  let activation = op<encdec.activation>(x: Value, gate: ValueRange) {kind = kind: Attr};
  not Equals(kind, attr<"\\"#encdec.activation_kind<relu>\\"">);
  replace activation with op<encdec.activation>(x, gate)
                   {kind = Parsed(attr<"\\"#encdec.activation_kind<relu>\\"">)};
}
''')
        said = self.lab("--bisect", folder, "--patterns", patterns, "--at", "fuse:before",
                        fake="equal").stdout
        self.assertTrue(said.startswith("encdec-apply-patterns"), said)
        self.assertRegex(said, r"\nfusion 1 of \d+ alone does\n")
        commands = [line.strip() for line in said.splitlines() if line.startswith("  ")]
        answers = [subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True,
                                  env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}).stdout
                   for line in commands]
        self.assertNotEqual(answers[1], answers[2])
        self.assertNotEqual(answers[4], answers[5])  # of the function alone

        def relus(name):
            text = (folder / name).read_text()
            return text.count("relu"), text.count("func.func")
        self.assertEqual(relus("before.mlir")[0] + 1, relus("after.mlir")[0])
        self.assertEqual(relus("reduced.mlir"), (0, 1))
        self.assertEqual(relus("reduced-after.mlir"), (1, 1))

    def test_sentences(self):
        texts = self.out / "texts"
        texts.write_text("hello there\nany text\nyes\n")
        record = self.record("--sentences", texts, fake="equal")
        self.assertEqual(record["numbers"][0]["outputs"], 3)
        result = self.lab("--sentences", self.out / "none", fake="equal", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--sentences: cannot read", result.stderr)

    def test_refusals_teach(self):
        for words, code, says in ((["--idea", "'--set"], 2, "does not end"),
                                  (["--idea", "--wieghts int8"], 2, "--weights"),
                                  (["--seconds", "0"], 2, "--seconds"),
                                  (["--ide", "x"], 2, "did you mean '--idea'?"),
                                  (["--show", HERE / "lab_test.py"], 3, "a record of encdec lab")):
            result = self.lab(*words, fake="equal", check=False)
            self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
            self.assertIn(says, result.stderr)


if __name__ == "__main__":
    unittest.main()
