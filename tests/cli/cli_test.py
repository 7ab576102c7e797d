#!/usr/bin/env python3
"""The encdec command as its user meets it: help, exit codes, messages, streams."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from driver import BUILD, ENCDEC, EXAMPLE, OUT, compile_model, run  # noqa: E402

BUILTIN = ["generate", "inspect", "verify", "bench", "doctor"]
COMPILER = ["compile", "import"]
TEXTS = ["I love machine learning.", "The old man lives in a small house.", "Yes.",
         "Where is the station?"]


def start(*arguments, **options):
    return subprocess.Popen([ENCDEC, *map(str, arguments)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **options)


def feed(text, *arguments):
    """Runs with `text` as standard input."""
    process = start(*arguments)
    out, err = process.communicate(text)
    return subprocess.CompletedProcess(arguments, process.returncode, out, err)


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bundle = compile_model(EXAMPLE, "cli.encdec")
        bare = OUT / "cli-ids-only"
        shutil.rmtree(bare, ignore_errors=True)
        bare.mkdir(parents=True)
        for name in ("config.json", "generation_config.json", "model.safetensors"):
            shutil.copy(EXAMPLE / name, bare)
        cls.ids_only = compile_model(bare, "cli-ids-only.encdec", "--quiet")
        cls.words = [word for text in TEXTS for word in ("--text", text)]

    def refused(self, code, *arguments, says=()):
        """The command fails with `code`, nothing on stdout, one line that says …"""
        result = run(*arguments, check=False)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
        for word in says:
            self.assertIn(word, result.stderr)
        return result.stderr


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

    def test_unknown_option(self):
        self.refused(2, "generate", self.bundle, "--zzzzzz", says=["--zzzzzz", "--help"])
        self.refused(2, "doctor", "surplus", says=["surplus"])
        result = run("compile", EXAMPLE, "-o", OUT / "never", "--frobnicate", check=False)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertIn("--frobnicate", result.stderr)
        self.assertFalse((OUT / "never").exists())

    def test_bad_values(self):
        generate = ["generate", self.bundle]
        self.refused(2, "generate", says=["MODEL"])
        self.refused(2, *generate, "--ids", "5 x 0", says=["--ids 1", "'x'"])
        self.refused(2, *generate, "--ids", "", says=["--ids 1"])
        self.refused(2, *generate, "--ids", "5 999999 0", says=["999999"])
        self.refused(2, *generate, "--ids", "5", "--text", "Yes.", says=["--text", "--ids"])
        self.refused(2, *generate, "--text", "Yes.", "--max-new-tokens", "0",
                     says=["--max-new-tokens"])
        self.refused(2, *generate, "--text", "Yes.", "--max-new-tokens", "2",
                     "--min-new-tokens", "3", says=["--min-new-tokens"])
        self.refused(2, *generate, "--text", "Yes.", "--threads", "many", says=["--threads"])
        self.refused(2, *generate, "--text", "Yes.", "--weights", "int4", says=["int4"])
        self.refused(2, *generate, "--text", "Yes.", "--weights", "int8",
                     says=["--weights", "f32"])
        self.refused(2, *generate, "--text", "Yes.", "--alignments", OUT / "a.svg",
                     "--alignment-layer", "9", says=["--alignment-layer", "1 to 2"])

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


class Generate(Cli):
    def test_results_only_on_stdout(self):
        result = run("generate", self.bundle, *self.words)
        self.assertEqual(len(result.stdout.splitlines()), len(TEXTS))
        self.assertEqual(result.stderr, "")

    def test_json_in_input_order(self):
        plain = run("generate", self.bundle, *self.words).stdout.splitlines()
        lines = [json.loads(line) for line in
                 run("generate", self.bundle, "--json", *self.words).stdout.splitlines()]
        self.assertEqual([line["text"] for line in lines], plain)
        self.assertEqual(len(set(plain)), len(TEXTS), "texts that tell the order")
        penalty = self.manifest()["generation"].get("length_penalty", 1.0)
        for line in lines:
            self.assertEqual(list(line), ["ids", "text", "score", "log_prob"])
            self.assertTrue(all(isinstance(token, int) for token in line["ids"]))
            self.assertLess(line["log_prob"], 0)
            self.assertAlmostEqual(line["score"],
                                   line["log_prob"] / len(line["ids"]) ** penalty, places=9)

    def manifest(self):
        return json.loads(run("inspect", self.bundle, "--json").stdout)["manifest"]

    def test_lines_of_standard_input(self):
        """More lines than go together; empty ones, CRLF and a last one without end."""
        lines = (TEXTS + [""]) * 9
        expected = run("generate", self.bundle, *self.words).stdout.splitlines()
        result = feed("\r\n".join(lines), "generate", self.bundle)
        self.assertEqual(result.returncode, 0, result.stderr)
        got = result.stdout.split("\n")
        # The last line is empty and unended: no line.
        self.assertEqual(got.pop(), "")
        self.assertEqual(len(got), len(lines) - 1)
        for i, line in enumerate(got):
            if lines[i]:
                self.assertEqual(line, expected[i % len(lines[:5])])

    def test_an_empty_line_is_an_answer(self):
        result = feed("\nYes.\n\n", "generate", self.bundle, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(lines), 3)
        self.assertEqual(lines[0], lines[2])
        self.assertEqual(feed("", "generate", self.bundle).stdout, "")

    def test_streams(self):
        """Each line is answered when it arrives, not at the end of input."""
        process = start("generate", self.bundle)
        for text in TEXTS[:2]:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            self.assertTrue(process.stdout.readline().strip())
        self.assertEqual(process.communicate()[0], "")
        self.assertEqual(process.returncode, 0)

    def test_token_limits(self):
        for words, least, most in ((["--max-new-tokens", "3"], 1, 3),
                                   (["--min-new-tokens", "12", "--max-new-tokens", "12"], 12, 12)):
            result = run("generate", self.bundle, "--json", *words, *self.words)
            for line in result.stdout.splitlines():
                self.assertTrue(least <= len(json.loads(line)["ids"]) <= most, line)

    def test_threads_change_nothing(self):
        one, two = (run("generate", self.bundle, "--json", "--threads", threads,
                        *self.words).stdout for threads in (1, 2))
        self.assertEqual(one, two)

    def test_missing_file(self):
        self.refused(1, "generate", OUT / "no-such.encdec", "--text", "Yes.",
                     says=["no-such.encdec"])
        self.refused(1, "verify", OUT / "no-such.encdec", says=["no-such.encdec"])

    def test_damaged_bundle(self):
        damaged = OUT / "cli-damaged.encdec"
        data = bytearray(self.bundle.read_bytes())
        data[len(data) // 2] ^= 1
        damaged.write_bytes(data)
        for words in (["generate", damaged, "--text", "Yes."], ["verify", damaged],
                      ["inspect", damaged], ["bench", damaged]):
            self.refused(3, *words, says=["cli-damaged.encdec"])
        result = run("verify", self.bundle, damaged, check=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn("sound", result.stdout)
        self.refused(3, "generate", EXAMPLE / "config.json", "--text", "Yes.",
                     says=["config.json"])

    def test_ids_without_tokenizer(self):
        ids = "1217 2 0"
        result = run("generate", self.ids_only, "--json", "--ids", ids, "--ids", "5,17,0")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(len(lines), 2)
        self.assertIsNone(lines[0]["text"])
        # The same weights: the same ids as the model that has a tokenizer.
        other = json.loads(run("generate", self.bundle, "--json", "--ids", ids).stdout)
        self.assertEqual(lines[0]["ids"], other["ids"])
        plain = run("generate", self.ids_only, "--ids", ids).stdout
        self.assertEqual(plain.split(), [str(token) for token in other["ids"]])
        self.refused(2, "generate", self.ids_only, "--text", "Yes.", says=["--ids"])

    def test_too_long_source(self):
        positions = self.manifest()["model"]["max_positions"]
        long = "house " * (positions + 8)
        self.refused(5, "generate", self.bundle, "--text", long,
                     says=["--text 1", str(positions), "--truncate"])
        self.refused(5, "generate", self.bundle, "--ids", "5 " * (positions + 1),
                     says=["--ids 1", str(positions), "--truncate"])
        for words in (["--text", long], ["--ids", "5 " * (positions + 1)]):
            result = run("generate", self.bundle, "--truncate", "--max-new-tokens", 4, "--json",
                         *words)
            self.assertEqual(len(result.stdout.splitlines()), 1)
        # What came before a refused line is answered.
        result = feed(f"{TEXTS[0]}\n{long}\n", "generate", self.bundle)
        self.assertEqual(result.returncode, 5)
        self.assertEqual(len(result.stdout.splitlines()), 1)
        self.assertIn("line 2", result.stderr)

    def test_broken_pipe(self):
        reader, writer = os.pipe()
        os.close(reader)
        process = subprocess.run([ENCDEC, "generate", self.bundle, "--text", "Yes."],
                                 stdin=subprocess.DEVNULL, stdout=writer,
                                 stderr=subprocess.PIPE, text=True,
                                 preexec_fn=restore_sigpipe)
        os.close(writer)
        self.assertEqual((process.returncode, process.stderr), (-13, ""))  # SIGPIPE

    def test_full_disk(self):
        with open("/dev/full", "w") as full:
            result = subprocess.run([ENCDEC, "generate", self.bundle, "--text", "Yes."],
                                    stdin=subprocess.DEVNULL, stdout=full,
                                    stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, 1)
        self.assertIn("standard output", result.stderr)

    def test_unwritable_picture(self):
        result = run("generate", self.bundle, "--text", "Yes.", "--alignments",
                     OUT / "no-folder" / "a.svg", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("no-folder/a.svg", result.stderr)

    def test_pictures_are_numbered(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        run("generate", self.bundle, *self.words, "--alignments", folder / "a.svg")
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         ["a-2.svg", "a-3.svg", "a-4.svg", "a.svg"])

    def test_folder(self):
        """A checkpoint folder in place of a bundle; nothing is left behind."""
        temporary = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, temporary)
        environment = {**os.environ, "TMPDIR": str(temporary)}
        result = run("generate", EXAMPLE, *self.words, env=environment)
        self.assertEqual(result.stdout, run("generate", self.bundle, *self.words).stdout)
        self.assertEqual(list(temporary.iterdir()), [])
        result = run("generate", OUT / "..", "--text", "Yes.", check=False, env=environment)
        self.assertEqual((result.returncode, result.stdout), (3, ""))
        self.assertEqual(list(temporary.iterdir()), [])

    def test_interrupted_folder(self):
        """A signal during the temporary compile ends it all and leaves nothing."""
        temporary = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, temporary)
        process = start("generate", EXAMPLE, "--text", "Yes.",
                        env={**os.environ, "TMPDIR": str(temporary)})
        # encdec's folder, and then the compiler's.
        while process.poll() is None and len(list(temporary.iterdir())) < 2:
            time.sleep(0.005)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate()
        self.assertEqual((process.returncode, out), (-signal.SIGTERM, ""))
        self.assertEqual(list(temporary.iterdir()), [])

    def test_texts_as_they_stand(self):
        """Nothing in a text is read as an option, a list or a quote; no byte upsets."""
        texts = ["-5 degrees", "--json", "[a,b]", "{}", "x=y", '"quoted"', "-", " "]
        lines = feed("".join(text + "\n" for text in texts), "generate", self.bundle).stdout
        words = [word for text in texts for word in ("--text", text)]
        self.assertEqual(run("generate", self.bundle, *words).stdout, lines)
        result = subprocess.run([ENCDEC, "generate", self.bundle, "--json"],
                                input=b"a\0b\n\xff\xfe hello\n", capture_output=True)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for line in result.stdout.decode("utf-8").splitlines():
            self.assertIsInstance(json.loads(line)["text"], str)


def restore_sigpipe():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


class Inspect(Cli):
    def test_json(self):
        shown = json.loads(run("inspect", self.bundle, "--json").stdout)
        self.assertEqual(shown["size"], self.bundle.stat().st_size)
        kinds = [section["kind"] for section in shown["sections"]]
        self.assertEqual({"manifest", "code", "weights", "tokenizer"}, set(kinds))
        self.assertEqual(shown["manifest"]["weights"]["type"], "f32")
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
                    "code": f"code-{section['name']}.so"}.get(section["kind"], section["name"])
            begin = section["offset"]
            self.assertEqual(parts[name], whole[begin:begin + section["size"]], name)
            if section["kind"] == "code":
                self.assertEqual(parts[name][:4], b"\x7fELF")
        self.assertEqual(json.loads(parts["manifest.json"]), shown["manifest"])
        self.assertEqual(parts["source.spm"], (EXAMPLE / "source.spm").read_bytes())

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
        for key in ("step_ms", "encode_ms", "bytes_per_step", "read_bandwidth",
                    "bandwidth_fraction"):
            self.assertGreater(shown[key], 0, key)
        self.assertEqual((shown["batch"], shown["threads"]), (2, 1))
        rate = shown["bytes_per_step"] / shown["step_ms"] / 1e6  # GB/s
        self.assertAlmostEqual(shown["bandwidth_fraction"] * shown["read_bandwidth"] / rate, 1,
                               places=2)
        self.refused(5, "bench", self.bundle, "--source-length", 100000)

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
