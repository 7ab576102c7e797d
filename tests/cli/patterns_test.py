#!/usr/bin/env python3
"""encdec compile with what a user adds: rewrite patterns, passes, plugins."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from support import BUILD, EXAMPLE, TESTS, Cli, run

PATTERNS = TESTS / "fuse" / "apply-patterns.pdll"
PLUGIN = BUILD / "lib" / "my_fusion.so"
KERNEL = BUILD / "lib" / "my_kernel.so"
MINE = "my-fuse-memory-projections"


def passes(bundle):
    return json.loads(run("inspect", bundle, "--json").stdout)["manifest"]["passes"]


class Patterns(Cli):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out.encdec"

    def compiled(self, *options):
        run("compile", EXAMPLE, "-o", self.out, "--cpu", "v3", *options)
        return self.out

    def test_patterns_become_part_of_the_bundle(self):
        bundle = self.compiled("--patterns", PATTERNS, "--at", "fuse:before")
        first = passes(bundle)[0]
        self.assertRegex(first, r"^encdec-apply-patterns apply-patterns\.pdll [0-9a-f]{32}: "
                                r"MultiplyLinears 0, AddNorm 14, FoldScale 8, SwapSilu 0$")
        self.assertEqual(run("generate", bundle, *self.words).stdout,
                         run("generate", self.bundle, *self.words).stdout)

    def test_a_pattern_that_never_matches_is_said_once(self):
        words = ("compile", EXAMPLE, "-o", self.out, "--cpu", "v3", "--patterns", PATTERNS,
                 "--at", "fuse:before")
        lines = [line for line in run(*words).stderr.splitlines() if "warning" in line]
        self.assertEqual(len(lines), 2, lines)
        self.assertRegex(lines[0], rf"^encdec-compile: warning: {PATTERNS}:15:1: .*"
                                   r"pattern MultiplyLinears matched nothing: of \d+ ops "
                                   r"encdec.linear none did")
        self.assertEqual(run(*words, "--quiet").stderr, "")
        grouped = run("compile", EXAMPLE, "-o", self.out, "--cpu", "v3", "--patterns",
                      TESTS / "fuse" / "group.pdll", "--at", "place:before").stderr
        self.assertIn("stand inside of encdec.fused", grouped)

    def test_same_patterns_elsewhere_give_the_same_bytes(self):
        one = self.compiled("--patterns", PATTERNS).read_bytes()
        copy = self.folder / "a" / PATTERNS.name
        copy.parent.mkdir()
        copy.write_text("// Another comment.\n" + PATTERNS.read_text())
        self.assertEqual(self.compiled("--patterns", copy).read_bytes(), one)

    def test_passes_run_where_they_are_put(self):
        bundle = self.compiled("--pass-pipeline", f"builtin.module({MINE})", "--at",
                               "fuse:before", "--load-pass-plugin", PLUGIN,
                               "--pass-pipeline", "canonicalize,func.func(cse)", "--at",
                               "place:before")
        ran = passes(bundle)
        self.assertRegex(ran[0], r"^plugin my_fusion\.so [0-9a-f]{32}$")
        self.assertEqual(ran[1:3] + ran[8:12],
                         [MINE, "encdec-verify-form", "encdec-group-rows", "canonicalize",
                          "cse", "encdec-verify-form"])
        self.assertEqual(run("generate", bundle, *self.words).stdout,
                         run("generate", self.bundle, *self.words).stdout)

    def test_a_pattern_makes_groups(self):
        bundle = self.compiled("--patterns", TESTS / "fuse" / "group.pdll")
        self.assertRegex(" ".join(passes(bundle)), r"encdec-apply-patterns group\.pdll "
                                                  r"[0-9a-f]{32}: OutputAndNorm 2")
        self.assertEqual(run("generate", bundle, "--json", *self.words).stdout,
                         run("generate", self.bundle, "--json", *self.words).stdout)

    def test_a_pattern_joins_two_linears(self):
        bundle = self.compiled("--patterns", TESTS / "fuse" / "join.pdll", "--groups", "none")
        self.assertRegex(" ".join(passes(bundle)), r"encdec-apply-patterns join\.pdll "
                                                  r"[0-9a-f]{32}: JoinKeyAndValue 2")
        self.assertEqual(run("generate", bundle, "--json", *self.words).stdout,
                         run("generate", self.bundle, "--json", *self.words).stdout)

    def test_groups_of_the_pipeline_change_no_bit(self):
        for choice in ("encode", "step", "all"):
            bundle = self.compiled("--groups", choice, "--tune", "worker-rows=2")
            self.assertEqual(run("generate", bundle, "--json", *self.words).stdout,
                             run("generate", self.bundle, "--json", *self.words).stdout)

    def test_a_plugin_brings_an_op_with_its_kernel(self):
        text = run("import", EXAMPLE).stdout
        line = re.search(r"^( *%\S+ = )encdec\.add (%\S+), (%\S+) : (\S+ \S+), .*$", text,
                         re.M)
        result, a, b, kind = line.groups()
        two = f"    %two = encdec.add {a}, {b} : {kind}, {kind}\n" \
              f"{result}encdec.add %two, {a} : {kind}, {kind}"
        three = f"{result}mine.add3 {a}, {b}, {a} : {kind}"
        answers = []
        for lines, options in ((two, ()), (three, ("--load-pass-plugin", KERNEL))):
            ir = self.folder / "model.mlir"
            ir.write_text(text.replace(line.group(0), lines))
            run("compile", "--ir", ir, "--checkpoint", EXAMPLE, "-o", self.out, "--cpu", "v3",
                *options)
            answers.append(run("generate", self.out, "--json", *self.words).stdout)
        self.assertEqual(*answers)
        self.assertIn("mine.add3", run("inspect", self.out, "--json").stdout)

    def test_what_runs_nothing_or_stays_is_said(self):
        def says(*options):
            return run("compile", EXAMPLE, "-o", self.out, "--cpu", "v3", *options).stderr

        idle = says("--load-pass-plugin", PLUGIN)
        self.assertRegex(idle, rf"^encdec-compile: warning: {PLUGIN}: nothing of this plugin runs, "
                               rf"since no --pass-pipeline names its passes \({MINE}\)$")
        self.assertEqual(says("--load-pass-plugin", PLUGIN, "--pass-pipeline", MINE, "--at",
                              "fuse:before"), "")
        self.assertEqual(says("--load-pass-plugin", KERNEL), "")
        ir = self.folder / "grouped.mlir"
        ir.write_text(subprocess.run([BUILD / "bin" / "encdec-opt", "--encdec-fuse"],
                                     input=run("import", EXAMPLE).stdout, capture_output=True,
                                     text=True, check=True).stdout)
        grouped = ("--ir", ir, "--checkpoint", EXAMPLE, "-o", self.out, "--cpu", "v3")
        self.assertEqual(run("compile", *grouped).stderr, "")
        stay = run("compile", *grouped, "--groups", "none").stderr
        self.assertIn("the IR has groups (encdec.fused), which --groups none leaves", stay)

    def test_wrong_options(self):
        def wrong(*options, says):
            self.refused(2, "compile", EXAMPLE, "-o", self.out, *options, says=says)
            self.assertFalse(self.out.exists())

        wrong("--at", "fuse:before", says=["--at", "before it"])
        wrong("--patterns", PATTERNS, "--at", "fuse:never", says=["fuse:before", "fuse:never"])
        wrong("--patterns", self.folder / "none.pdll", says=["[no-file]", "none.pdll"])
        wrong("--pass-pipeline", MINE, says=[MINE, "does not refer to a registered pass"])
        wrong("--load-pass-plugin", PLUGIN, "--pass-pipeline", MINE[:-1],
              says=[f"'{MINE[:-1]}' does not", f"did you mean '{MINE}'?"])
        wrong("--load-pass-plugin", PLUGIN, "--pass-pipeline", "cse,else",
              says=["'else' does not", f"; the plugins have {MINE}"])
        wrong("--pass-pipeline", "builtin.module(cse", says=["expected ')'"])
        for text in ("func.func(encdec-fuse)", "func.func(cse,encdec-fuse{groups=none})"):
            wrong("--pass-pipeline", text, says=[text, "'encdec-fuse' runs on builtin.module, "
                                                "not on func.func"])
        wrong("--pass-pipeline", "func.func(encdec-fuse-attention)", says=["FuseAttentionPass"])
        wrong("--pass-pipeline", "", says=["--pass-pipeline"])
        broken = self.folder / "broken.pdll"
        broken.write_text('#include "encdec/fusion.pdll"\nPattern P {\n  erase 1;\n}\n')
        wrong("--patterns", broken, says=["broken.pdll:3:9: apply-patterns [bad-pdll]"])
        self.refused(2, "compile", EXAMPLE, "-o", PATTERNS, "--patterns", PATTERNS,
                     says=["a file of --patterns"])

    def test_wrong_plugins(self):
        text = self.folder / "text.so"
        text.write_text("no object")
        for plugin, why in ((self.folder / "none.so", "No such file"), (self.folder, "a file"),
                            (text, "expected a shared object"),
                            (BUILD / "lib" / "libencdec_dialect.so", "mlirGetPassPluginInfo")):
            for program, words in (("encdec", ["compile", EXAMPLE, "-o", self.out]),
                                   ("encdec-opt", [TESTS / "fuse" / "my-fusion.mlir"])):
                result = subprocess.run(
                    [BUILD / "bin" / program, *words, "--load-pass-plugin", plugin],
                    capture_output=True, text=True)
                self.assertEqual((result.returncode, result.stdout), (2, ""), result.stderr)
                self.assertIn(why, result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_opt_applies_patterns_and_its_reproducer_does(self):
        opt, file = BUILD / "bin" / "encdec-opt", TESTS / "fuse" / "apply-patterns.mlir"
        dump = self.folder / "reproducer.mlir"

        def output(*words):
            return subprocess.run([opt, *words], capture_output=True, text=True, check=True).stdout

        wanted = output(file, f"--encdec-apply-patterns=file={PATTERNS}")
        self.assertEqual(output(file, "--patterns", PATTERNS,
                                f"--mlir-generate-reproducer={dump}"), wanted)
        again = output(dump, "--run-reproducer").split("{-#")[0]
        self.assertEqual(again.strip(), wanted.strip())


if __name__ == "__main__":
    unittest.main()
