#!/usr/bin/env python3
"""The encdec command as its user meets it: help, exit codes, messages, programs."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import BUILD, ENCDEC, EXAMPLE, OUT, Cli, compile_model, run

BUILTIN = ["generate", "inspect", "verify", "bench", "doctor"]
COMPILER = ["compile", "import"]


class Words(Cli):
    def test_help_has_examples(self):
        for command in BUILTIN + COMPILER:
            with self.subTest(command):
                result = run(command, "--help")
                self.assertEqual(result.stderr, "")
                self.assertRegex(result.stdout, r"(?i)\nexamples?:\n +encdec[ -]" + command)
        for command in BUILTIN:
            self.assertEqual(run("help", command).stdout, run(command, "--help").stdout)
        for words in (["--help"], ["help"]):
            overview = run(*words).stdout
            for command in BUILTIN + COMPILER:
                self.assertIn(f"\n  {command} ", overview)

    def test_version(self):
        self.assertRegex(run("--version").stdout, r"^encdec \d+\.\d+\.\d+ \(ABI \d+, .+\)\n$")

    def test_nothing_asked(self):
        result = run(check=False)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("generate", result.stderr)

    def test_did_you_mean(self):
        self.refused(2, "genrate", says=["'genrate'", "did you mean 'generate'?"])
        self.refused(2, "comiple", says=["did you mean 'compile'?"])
        self.assertNotIn("did you mean", self.refused(2, "zzzzzz"))
        for word, meant in (("--txt", "--text"), ("--max-new", "--max-new-tokens"),
                            ("--jsno", "--json"), ("--thread=2", "--threads")):
            self.refused(2, "generate", self.bundle, word, says=[f"did you mean '{meant}'?"])
        self.refused(2, "inspect", self.bundle, "--extarct=x",
                     says=["did you mean '--extract'?"])
        self.refused(2, "--text", "x", "generate", self.bundle,
                     says=["option '--text' stands behind 'encdec generate'"])

    def test_unknown_option(self):
        self.refused(2, "generate", self.bundle, "--zzzzzz", says=["--zzzzzz", "--help"])
        self.refused(2, "doctor", "surplus", says=["surplus"])
        result = run("compile", EXAMPLE, "-o", OUT / "never", "--frobnicate", check=False)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("--frobnicate", result.stderr)
        self.assertFalse((OUT / "never").exists())

    def test_the_compiler_explains_too(self):
        for words, says in ((["x", "--weight", "int8"], "did you mean '--weights'?"),
                            (["x"], "--output is required"),
                            (["x", "-o", "y", "--weights", "int9"], "int9"),
                            (["x", "-o", "y", "--tokenizer-as", "0"],
                             "--tokenizer-as: 0 not in {trained,transformers}"),
                            (["x", "y", "z", "-o", "y"], "did not expect 'y'")):
            self.refused(2, "compile", *words, says=[says, "--help"])

    def test_bad_values(self):
        generate = ["generate", self.bundle]
        self.refused(2, "generate", says=["MODEL"])
        self.refused(2, *generate, "--ids", "5 x 0", says=["--ids 1", "'x'"])
        self.refused(2, *generate, "--ids", "", says=["--ids 1"])
        self.refused(2, *generate, "--fail-fast", "--ids", "5 999999 0",
                     says=["--ids 1", "999999"])
        self.refused(2, *generate, "--ids", "5", "--text", "Yes.", says=["--text", "--ids"])
        self.refused(2, *generate, "--text", "Yes.", "--max-new-tokens", "0",
                     says=["--max-new-tokens"])
        self.refused(2, *generate, "--text", "Yes.", "--max-new-tokens", "2",
                     "--min-new-tokens", "3", says=["min_new_tokens is 3", "the 2 that"])
        self.refused(2, *generate, "--text", "Yes.", "--min-new-tokens", "300",
                     says=["min_new_tokens is 300", "positions"])
        for beams, found in (("x", '"x"'), (-1, "-1"), (0, "0")):
            self.refused(2, *generate, "--text", "Yes.", f"--beams={beams}",
                         says=["--num-beams: expected a whole number of at least 1", f"found {found}"])
        for beams in (10 ** 6, 10 ** 12):
            self.refused(5, *generate, "--text", "Yes.", "--beams", beams,
                         says=[f"num_beams {beams}", f"{beams} rows" if beams < 10 ** 9 else "max_rows"])
        self.refused(2, *generate, "--text", "Yes.", "--threads", "many", says=["--threads"])
        self.refused(2, *generate, "--text", "Yes.", "--weights", "int4", says=["int4"])
        self.refused(2, *generate, "--text", "Yes.", "--weights", "int8",
                     says=["--weights", "f32"])
        self.refused(2, *generate, "--text", "Yes.", "--alignments", OUT / "a.svg",
                     "--alignment-layer", "9", says=["--alignment-layer", "1 to 2"])

    def test_empty_names(self):
        generate = ["generate", self.bundle, "--text", "Yes."]
        for words in (["generate", "", "--text", "Yes."], ["verify", ""], ["inspect", ""],
                      ["verify", self.bundle, ""], ["bench", ""],
                      ["compile", EXAMPLE, "-o", ""], ["import", EXAMPLE, "--family", ""],
                      ["compile", EXAMPLE, "-o", OUT / "never", "--family", ""],
                      ["compile", EXAMPLE, "-o", OUT / "never", "--tokenizer", ""],
                      [*generate, "--alignments", ""],
                      ["inspect", self.bundle, "--extract", ""]):
            with self.subTest(words):
                result = run(*words, check=False)
                self.assertEqual(result.returncode, 2, result.stderr)
                self.assertRegex(result.stderr, "empty")

    def test_numbers_are_decimal(self):
        for number in ("0x10", "010", "1_0", "1e1", "+5", "5.0", ""):
            self.refused(2, "generate", self.bundle, "--text", "Yes.", "--max-new-tokens",
                         number, says=["--max-new-tokens"])

    def test_threads_of_the_environment(self):
        for value in ("0", "257", "0x2", "many"):
            environment = {**os.environ, "ENCDEC_THREADS": value}
            run("verify", self.bundle, env=environment)
            run("inspect", self.bundle, env=environment)
            result = run("generate", self.bundle, "--text", "Yes.", check=False, env=environment)
            self.assertEqual((result.returncode, result.stdout), (2, ""))
            self.assertIn("ENCDEC_THREADS", result.stderr)
            self.assertIn(value, result.stderr)
            run("generate", self.bundle, "--text", "Yes.", "--threads", 1, env=environment)
        message = self.refused(2, "generate", self.bundle, "--text", "Yes.", "--threads", 257,
                               says=["--threads", "256"])
        self.assertNotIn("ENCDEC_THREADS", message)

    def test_more_threads_than_can_run(self):
        most = json.loads(run("doctor", "--json").stdout)["threads"]
        for words in (["generate", self.bundle, "--text", "Yes."],
                      ["bench", self.bundle, "--new-tokens", 1, "--repeat", 1]):
            self.assertEqual(run(*words, "--threads", most).stderr, "")
            warning = run(*words, "--threads", most + 1).stderr
            self.assertIn(f"{most + 1} threads were asked for", warning)
            self.assertEqual(len(warning.splitlines()), 1)

    def test_options_after_two_dashes(self):
        message = self.refused(2, "generate", self.bundle, "--", "--text", "hi",
                               says=["'--text'", "after '--'"])
        self.assertNotIn("did you mean", message)

    def test_two_dashes_end_the_options(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        for name in ("-odd.encdec", "--json", "plain.encdec"):
            shutil.copy(self.bundle, folder / name)
        answer = run("generate", self.bundle, "--text", "Yes.").stdout
        for words in (["--text", "Yes.", "--", "-odd.encdec"],
                      ["--text=Yes.", "--", "--json"],
                      ["plain.encdec", "--text", "Yes.", "--"]):
            self.assertEqual(run("generate", *words, cwd=folder).stdout, answer, words)
        # An option's value is no such mark.
        self.assertEqual(len(run("generate", "--text", "--", "--text", "Yes.", "--",
                                 "-odd.encdec", cwd=folder).stdout.splitlines()), 2)
        for words in (["--", "-odd.encdec", "--json"], ["plain.encdec", "--", "--json"]):
            out = run("verify", *words, cwd=folder).stdout
            self.assertEqual([line.split(": ")[0] for line in out.splitlines()],
                             [word for word in words if word != "--"])
        shown = json.loads(run("inspect", "--json", "--", "-odd.encdec", cwd=folder).stdout)
        self.assertEqual(shown["file"], "-odd.encdec")
        shutil.copytree(EXAMPLE, folder / "-checkpoint")
        self.assertEqual(run("generate", "--text", "Yes.", "--", "-checkpoint",
                             cwd=folder).stdout, answer)

    def test_nothing_after_two_dashes_is_an_option(self):
        for word in ("--version", "--help", "-h", "-x", "x", "generate"):
            for words in (["generate", self.bundle, "--"], ["generate", "--", self.bundle],
                          ["doctor", "--"]):
                self.refused(2, *words, word, says=[f"did not expect '{word}'"])
        self.refused(2, "--", "--version", says=["'--version'", "after '--'"])
        # The value at fault stands in the environment, although a word looks like its option.
        result = run("generate", "--text", "Yes.", "--", "--threads", check=False,
                     env={**os.environ, "ENCDEC_THREADS": "many"})
        self.assertEqual(result.returncode, 2)
        self.assertIn("ENCDEC_THREADS", result.stderr)

    def test_errors_are_one_safe_line(self):
        message = self.refused(3, "generate", "no\n\x1b[31mfile", "--text", "Yes.",
                               says=["no\\x0a\\x1b[31mfile"])
        self.assertNotIn("\x1b", message)
        self.refused(2, "zz\nzz", says=["zz\\x0azz"])

    def test_closed_standard_output(self):
        for words in (["import", "--quiet", EXAMPLE], ["import", "--help"], ["compile", "--help"],
                      ["verify", self.bundle], ["--help"]):
            result = subprocess.run([ENCDEC, *words], stdin=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE, text=True,
                                    preexec_fn=lambda: os.close(1))
            with self.subTest(words):
                self.assertEqual(result.returncode, 1)
                self.assertIn("standard output", result.stderr)
                self.assertNotIn("LLVM ERROR", result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1)

    def test_colour_is_never_piped(self):
        for environment in ({}, {"NO_COLOR": "1"}):
            for words in (["genrate"], ["inspect", self.bundle], ["doctor"]):
                result = run(*words, check=False,
                             env={**os.environ, "TERM": "xterm", **environment})
                self.assertNotIn("\x1b", result.stdout + result.stderr)

    def test_no_color_on_a_terminal(self):
        self.assertIn(b"\x1b[", on_terminal({"TERM": "xterm"}, "genrate"))
        for environment in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
            shown = on_terminal(environment, "genrate")
            self.assertIn(b"did you mean", shown)
            self.assertNotIn(b"\x1b", shown)


def on_terminal(environment, *arguments):
    """What a terminal would show of standard error."""
    try:
        primary, secondary = os.openpty()
    except OSError as error:  # a bare chroot has no devpts
        raise unittest.SkipTest(f"no terminal can be made here: {error}")
    clean = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    subprocess.run([ENCDEC, *arguments], stdin=subprocess.DEVNULL, stderr=secondary,
                   stdout=subprocess.DEVNULL, env={**clean, **environment})
    os.close(secondary)
    shown = b""
    try:
        while piece := os.read(primary, 4096):
            shown += piece
    except OSError:  # how Linux says that the other side is closed and all is read
        pass
    os.close(primary)
    return shown


class Inspect(Cli):
    def test_json(self):
        shown = json.loads(run("inspect", self.bundle, "--json").stdout)
        self.assertEqual(shown["size"], self.bundle.stat().st_size)
        kinds = [section["kind"] for section in shown["sections"]]
        self.assertEqual({"manifest", "code", "weights", "tokenizer"}, set(kinds))
        self.assertEqual(shown["manifest"]["weights"]["type"], "f32")
        model, weights = (shown["manifest"][key] for key in ("model", "weights"))
        rows = {weight["name"]: weight["rows"] for weight in weights["list"]}
        self.assertEqual({table["role"]: rows[table["weight"]] for table in weights["tables"]},
                         {"source_tokens": model["source_vocab_size"],
                          "target_tokens": model["vocab_size"],
                          "vocabulary": model["vocab_size"],
                          "source_positions": model["max_positions"],
                          "target_positions": model["max_positions"]})
        table = run("inspect", self.bundle).stdout
        for section in shown["sections"]:
            self.assertIn(section["xxh3_128"], table)

    def test_extract(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        out = run("inspect", self.bundle, "--json", "--extract", folder).stdout
        whole = self.bundle.read_bytes()
        shown = json.loads(out)
        parts = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.assertEqual(len(parts), len(shown["sections"]))
        for section in shown["sections"]:
            name = {"manifest": "manifest.json", "weights": "weights.bin",
                    "tokenizer": "tokenizer.bin",
                    "code": f"code-{section['name']}.so"}.get(section["kind"], section["name"])
            begin = section["offset"]
            self.assertEqual(parts[name], whole[begin:begin + section["size"]], name)
            if section["kind"] == "code":
                self.assertEqual(parts[name][:4], b"\x7fELF")
        self.assertEqual(json.loads(parts["manifest.json"]), shown["manifest"])
        self.assertEqual(parts["tokenizer.bin"][:8], b"ENCDTOK\x1a")

    def test_extract_keeps_the_bundle(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        copy = folder / "weights.bin"
        shutil.copy(self.bundle, copy)
        self.refused(2, "inspect", copy, "--extract", folder, says=["weights.bin"])
        self.assertEqual(copy.read_bytes(), self.bundle.read_bytes())

    def test_folder_is_no_bundle(self):
        self.refused(2, "inspect", EXAMPLE, says=["encdec import", "encdec compile"])

    def test_verify(self):
        out = run("verify", self.bundle, self.ids_only).stdout
        self.assertEqual([line.split(": ")[1] for line in out.splitlines()],
                         ["sound", "sound"])


class Machine(Cli):
    def test_doctor(self):
        shown = json.loads(run("doctor", "--json").stdout)
        self.assertTrue(shown["can_run"] and shown["can_compile"], shown)
        self.assertIn(shown["cpu_level"], run("--version").stdout)
        self.assertGreaterEqual(shown["threads"], 1)
        self.assertEqual(shown["programs"]["encdec-compile"],
                         str((BUILD / "bin" / "encdec-compile").resolve()))
        self.assertIn(shown["cpu_level"], run("doctor").stdout)

    def test_bench(self):
        result = run("bench", self.bundle, "--source-length", 8, "--new-tokens", 4,
                     "--batch", 2, "--threads", 1, "--repeat", 2, "--json")
        shown = json.loads(result.stdout.splitlines()[-1])
        for key in ("step_ms", "encode_ms", "step_ms_mean", "bytes_per_step", "read_bandwidth",
                    "bandwidth_fraction"):
            self.assertGreater(shown[key], 0, key)
        self.assertEqual((shown["batch"], shown["threads"]), (2, 1))
        rate = shown["bytes_per_step"] / shown["step_ms"] / 1e6  # GB/s
        self.assertAlmostEqual(shown["bandwidth_fraction"] * shown["read_bandwidth"] / rate, 1,
                               places=2)
        self.assertNotIn("profile", shown)
        message = self.refused(5, "bench", self.bundle, "--source-length", 300,
                               says=["--source-length: expected at most 256", "got 300"])
        self.assertNotIn("truncate", message)
        self.refused(2, "bench", self.bundle, "--no-scores", "--beams", 2)
        self.refused(2, "bench", self.bundle, "--no-scores", "--profile")

    def test_bench_profile(self):
        words = ["bench", self.bundle, "--source-length", 8, "--new-tokens", 4, "--batch", 2,
                 "--threads", 2, "--repeat", 2, "--profile"]
        shown = json.loads(run(*words, "--json").stdout.splitlines()[-1])
        profile = shown["profile"]
        step, encode = profile["step"], profile["encode"]
        self.assertEqual((step["calls"], step["rows"]), (8, 2))
        self.assertEqual((encode["calls"], encode["rows"]), (2, 16))
        for entry in (step, encode):
            self.assertGreater(entry["ms"], 0)
            self.assertLessEqual(entry["waiting_ms"], entry["ms"])
            for parts in ("ops", "layers", "segments"):
                for key in ("ms", "bytes", "multiply_adds"):
                    self.assertAlmostEqual(
                        sum(part[key] for part in entry[parts]) / entry[key], 1)
        # All of a step's weights, and the keys and values that its rows read.
        manifest = json.loads(run("inspect", self.bundle, "--json").stdout)["manifest"]
        reads = {part["name"]: part["bytes"] for part in step["ops"]}
        cross = reads.pop("cross_attention")
        self.assertAlmostEqual(cross, 2 * 8 * manifest["memory"]["memory_per_key"])
        own = reads.pop("cache_append+self_attention")  # 1, 2, 3, 4 positions of 2 rows
        self.assertAlmostEqual(own, 2 * 2.5 * manifest["memory"]["cache_per_key"])
        self.assertAlmostEqual(sum(reads.values()), shown["bytes_per_step"])
        layers = [part["name"] for part in step["layers"]]
        self.assertEqual(layers, ["decoder, other"] + [
            f"decoder {i}" for i in range(manifest["model"]["decoder_layers"])])
        table = run(*words).stdout
        for word in ("encode", "step", "vocabulary", "of limit", "decoder 0", "waiting"):
            self.assertIn(word, table)
        self.assertNotIn("\x1b", table)

    def test_bench_of_one_kernel(self):
        sizes = ["--source-length", 8, "--new-tokens", 4, "--batch", 2, "--threads", 2,
                 "--repeat", 1]
        words = ["bench", EXAMPLE, "--kernel", "cross_attention", *sizes]
        shown = json.loads(run(*words, "--json").stdout.splitlines()[-1])
        self.assertEqual(shown["kernel"], "cross_attention")
        step, encode = shown["profile"]["step"], shown["profile"]["encode"]
        self.assertEqual([part["name"] for part in step["ops"]], ["cross_attention"])
        self.assertEqual([part["name"] for part in encode["ops"]], ["nothing"])
        manifest = json.loads(run("inspect", self.bundle, "--json").stdout)["manifest"]
        self.assertEqual(len(step["segments"]), manifest["model"]["decoder_layers"])
        self.assertAlmostEqual(step["bytes"], 2 * 8 * manifest["memory"]["memory_per_key"])
        self.assertGreater(step["ms"], 0)
        table = run(*words).stdout
        self.assertIn("cross_attention", table)
        self.assertNotIn("tokens a second", table)
        # A whole entry of several ranges of rows, and a kernel of the last call.
        for kernel in ("linear", "merge_vocabulary"):
            words[3] = kernel
            run(*words)
        result = run("bench", EXAMPLE, "--kernel", "linea", *sizes, check=False)
        self.assertEqual(result.returncode, 1)
        for said in ("[not-called]", "no kernel 'linea'", "linear_256_f32x256"):
            self.assertIn(said, result.stderr)
        self.refused(2, "bench", self.bundle, "--kernel", "linear", *sizes,
                     says=["--kernel compiles a checkpoint folder"])
        self.refused(2, "bench", EXAMPLE, "--kernel", "linear", "--no-bandwidth", *sizes)

    def test_level_that_is_not_there(self):
        one_level = compile_model(EXAMPLE, "cli-v3.encdec", "--cpu", "v3")
        result = run("generate", one_level, "--text", "Yes.", check=False,
                     env={**os.environ, "ENCDEC_CPU": "v4"})
        self.assertEqual(result.returncode, 4, result.stderr)
        self.assertIn("v4", result.stderr)


class RuntimeOnly(Cli):
    """encdec alone, as a runtime-only install has it."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(ENCDEC, self.folder / "encdec")
        self.environment = {**os.environ, "PATH": "/nowhere",
                            "LD_LIBRARY_PATH": str(BUILD / "lib")}

    def alone(self, *arguments):
        return subprocess.run([self.folder / "encdec", *map(str, arguments)],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              env=self.environment)

    def test_runs_bundles(self):
        self.assertEqual(self.alone("generate", self.bundle, *self.words).stdout,
                         run("generate", self.bundle, *self.words).stdout)

    def test_says_what_is_missing(self):
        for words in (["compile", EXAMPLE, "-o", "x"], ["import", EXAMPLE],
                      ["generate", EXAMPLE, "--text", "Yes."]):
            result = self.alone(*words)
            self.assertEqual((result.returncode, result.stdout), (1, ""))
            program = "encdec-import" if words[0] == "import" else "encdec-compile"
            for word in (program, "compiler component", "ENCDEC_COMPILER=ON"):
                self.assertIn(word, result.stderr)

    def test_a_build_of_the_compiler_alone(self):
        """As examples/translate.sh makes it."""
        shutil.copy(BUILD / "bin" / "encdec-compile", self.folder)
        result = self.alone("families")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertNotIn("runtime-only", result.stderr)
        for part in ("encdec-families", "a part of the compiler", "tests/setup.sh release"):
            self.assertIn(part, result.stderr)

    def test_doctor_says_so(self):
        result = self.alone("doctor", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        shown = json.loads(result.stdout)
        self.assertTrue(shown["can_run"])
        self.assertFalse(shown["can_compile"])
        self.assertIsNone(shown["programs"]["encdec-compile"])
        self.assertIn("not found", self.alone("doctor").stdout)

    def test_programs_of_ones_own(self):
        program = self.folder / "encdec-greet"
        program.write_text("#!/bin/sh\necho \"greet $*\"\nexit 7\n")
        program.chmod(0o755)
        result = self.alone("greet", "a", "b c")
        self.assertEqual((result.returncode, result.stdout), (7, "greet a b c\n"))


unittest.main()
