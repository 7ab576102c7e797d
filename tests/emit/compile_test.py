#!/usr/bin/env python3
"""encdec-compile from outside: equal bytes, exit codes, and an older bundle that
stays whole whatever happens to the disk, the linker or the process.

    compile_test.py BUILD_FOLDER
"""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1))
COMPILE = BUILD / "bin" / "encdec-compile"
EXAMPLE = ROOT / "examples" / "models" / "en-fr"
OLD = b"the bundle that was here before"


class Compile(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="encdec-compile-test"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.out = self.folder / "out" / "m.encdec"
        self.out.parent.mkdir()

    def environment(self, **extra):
        return {**os.environ, "TMPDIR": str(self.temporary), **extra}

    def run_compile(self, *arguments, extra={}, limits=None):
        return subprocess.run([COMPILE, *map(str, arguments)], capture_output=True,
                              text=True, env=self.environment(**extra),
                              preexec_fn=limits)

    def fails(self, code, *arguments, **options):
        """The error text of a run that must fail without a trace on the disk."""
        self.out.write_bytes(OLD)
        result = self.run_compile(*arguments, **options)
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertEqual(result.stdout, "")
        self.assertEqual(self.out.read_bytes(), OLD)
        self.assertEqual(os.listdir(self.out.parent), [self.out.name])
        self.assertEqual(os.listdir(self.temporary), [])
        return result.stderr

    def fake_linker(self, script):
        path = self.folder / "ld.lld"
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)
        return {"ENCDEC_LLD": str(path)}

    def test_same_bytes_whatever_the_paths(self):
        copy = self.folder / "a copy of the model"
        shutil.copytree(EXAMPLE, copy)
        other = self.folder / "other.encdec"
        for source, out in ((EXAMPLE, self.out), (copy, other)):
            for _ in range(2):
                result = self.run_compile(source, "-o", out, "--weights", "int8",
                                          extra={"LC_ALL": "C", "TZ": "Asia/Tokyo"})
                self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(self.out.read_bytes(), other.read_bytes())
        self.assertEqual(os.listdir(self.temporary), [])
        self.assertEqual(self.out.stat().st_mode & 0o777, 0o666 & ~umask())

    def test_help_has_examples(self):
        result = self.run_compile("--help")
        self.assertEqual(result.returncode, 0)
        self.assertIn("examples:", result.stdout)

    def test_a_level_named_twice_is_made_once(self):
        bundles = []
        for words in ([EXAMPLE, "--cpu", "v3"], ["--cpu", "v3,v3", EXAMPLE],
                      ["--cpu", "v3", "--cpu", "v3", EXAMPLE]):
            result = self.run_compile("-o", self.out, *words)
            self.assertEqual(result.returncode, 0, result.stderr)
            bundles.append(self.out.read_bytes())
        self.assertEqual(len(set(bundles)), 1)

    def test_host_is_the_best_level_here(self):
        """VNNI levels are for products of whole numbers alone."""
        best = subprocess.run([BUILD / "bin" / "encdec", "doctor", "--json"], check=True,
                              capture_output=True, text=True).stdout
        best = json.loads(best)["cpu_level"]
        for weights, level in (("int8-dynamic", best), ("f32", best.split("-")[0])):
            bundles = []
            for asked in ("host", level, f"host,{level}"):
                result = self.run_compile("-o", self.out, EXAMPLE, "--weights", weights, "--cpu",
                                          asked)
                self.assertEqual(result.returncode, 0, result.stderr)
                bundles.append(self.out.read_bytes())
            self.assertEqual(len(set(bundles)), 1)

    def test_usage_errors(self):
        self.assertIn("required", self.fails(2, EXAMPLE))
        self.assertIn("known are: v3, v3-avxvnni, v4, v4-vnni, neon",
                      self.fails(2, EXAMPLE, "-o", self.out, "--cpu", "v9"))
        self.assertIn("int4", self.fails(2, EXAMPLE, "-o", self.out, "--weights", "int4"))
        self.assertIn("a sketch is for a vocabulary in f32", self.fails(2, EXAMPLE, "-o", self.out, "--sketch",
                                                        "--weights", "int8"))

    def inspected(self):
        """Format of each weight, and the manifest's word for all of them."""
        out = subprocess.run([BUILD / "bin" / "encdec", "inspect", self.out, "--json"],
                             capture_output=True, text=True, check=True).stdout
        weights = json.loads(out)["manifest"]["weights"]
        return {w["name"]: w["format"] for w in weights["list"]}, weights["type"]

    def test_a_format_for_weights_by_name(self):
        result = self.run_compile(EXAMPLE, "-o", self.out, "--weights", "int8",
                                  "--weights-for", "decoder.*=bf16",
                                  "--weights-for", "decoder.l0.*=int8-dynamic",
                                  "--weights-for", "shared=f32", "--sketch")
        self.assertEqual(result.returncode, 0, result.stderr)
        formats, kind = self.inspected()
        self.assertEqual(kind, "mixed")
        for name, format in [("encoder.l0.self.q.w", "int8"), ("decoder.l1.ffn.up.w", "bf16"),
                             ("decoder.l0.self.q.w", "int8-dynamic"), ("shared", "f32"),
                             ("shared.sketch", "int8"), ("decoder.l0.self.q.b", "f32")]:
            self.assertEqual(formats[name], format, name)
        shown = subprocess.run([BUILD / "bin" / "encdec", "inspect", self.out],
                               capture_output=True, text=True, check=True).stdout
        self.assertRegex(shown, r"decoder\.l0\.self\.q\.w +256 x 256 +int8-dynamic +\d+")
        said = subprocess.run([BUILD / "bin" / "encdec", "generate", self.out, "--text",
                               "I love machine learning"], capture_output=True, text=True)
        self.assertEqual(said.stdout, "J'aime l'apprentissage automatique\n", said.stderr)

    def test_options_of_generation_go_into_the_manifest_as_they_are(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        path = copy / "generation_config.json"
        options = {
            "do_sample": True, "early_stopping": "never", "num_beams": 40,
            "length_penalty": 0.6, "temperature": 0.1, "top_k": 0, "min_new_tokens": 0,
            "eos_token_id": [0, 7], "forced_eos_token_id": 0, "stop_strings": ["a\n\"é", "b"],
            "bad_words_ids": [[5, 7], [9]], "sequence_bias": [[[5, 7], -1.5], [[9], 2]],
            "exponential_decay_length_penalty": [3, 1.5]}
        path.write_text(json.dumps({**json.loads(path.read_text()), **options}))
        result = self.run_compile(copy, "-o", self.out, "--cpu", "v3")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        out = subprocess.check_output([BUILD / "bin" / "encdec", "inspect", self.out, "--json"])
        self.assertEqual(json.loads(out)["manifest"]["generation"],
                         {"decoder_start_token_id": 6001, "pad_token_id": 6001,
                          "max_length": 128, **options, "forced_eos_token_id": [0]})

    def test_formats_by_name_that_are_wrong(self):
        for choice, said in [("decoder.l0.slef.q.w=bf16", "nearest names are decoder.l0.self"),
                             ("decoder.*", "expected GLOB=FORMAT"),
                             ("decoder.*=int3", "expected one of f32, bf16, int8")]:
            self.assertIn(said, self.fails(2, EXAMPLE, "-o", self.out, "--weights-for", choice))

    def test_version(self):
        result = self.run_compile("--version")
        self.assertEqual(result.returncode, 0)
        self.assertRegex(result.stdout, r"^encdec-compile \d+\.\d+\.\d+ \(ABI \d+, LLVM 22\.")

    def test_standard_output_that_is_closed(self):
        for words in (["--help"], ["--version"]):
            result = subprocess.run([COMPILE, *words], stderr=subprocess.PIPE, text=True,
                                    preexec_fn=lambda: os.close(1))
            self.assertEqual(result.returncode, 1)
            self.assertIn("standard output", result.stderr)

    def test_messages_never_go_into_the_bundle(self):
        result = subprocess.run([COMPILE, EXAMPLE, "-o", self.out, "--cpu", "v3"],
                                env=self.environment(), preexec_fn=lambda: os.close(2))
        self.assertEqual(result.returncode, 0)
        plain = self.folder / "plain.encdec"
        self.run_compile(EXAMPLE, "-o", plain, "--cpu", "v3")
        self.assertEqual(self.out.read_bytes(), plain.read_bytes())

    def test_a_folder_that_is_no_checkpoint(self):
        self.assertIn(f"{self.folder}/config.json", self.fails(3, self.folder, "-o", self.out))

    def test_only_regular_files_are_replaced(self):
        fifo, link = self.folder / "fifo", self.folder / "link"
        os.mkfifo(fifo)
        link.symlink_to(fifo)
        for target in (fifo, link, self.folder):
            message = self.fails(2, EXAMPLE, "-o", target)
            self.assertIn(str(target), message)
            self.assertEqual(len(message.splitlines()), 1)
        self.assertTrue(fifo.is_fifo() and link.is_symlink())
        self.assertIn("empty", self.fails(2, EXAMPLE, "-o", ""))

    def test_the_checkpoint_is_never_replaced(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        (copy / "README.md").write_text("mine")
        before = {path.name: path.read_bytes() for path in copy.iterdir()}
        link = self.folder / "link"
        link.symlink_to(copy / "config.json")
        for target in (copy / "model.safetensors", copy / "README.md", link,
                       copy / ".." / "model" / "vocab.json"):
            self.assertIn("checkpoint's own", self.fails(2, copy, "-o", target))
        self.assertEqual({path.name: path.read_bytes() for path in copy.iterdir()}, before)
        for _ in range(2):  # its bundle may lie beside it and be made again
            result = self.run_compile(copy, "-o", copy / "m.encdec", "--cpu", "v3")
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_the_architecture_file_is_never_replaced(self):
        family = self.folder / "mine.json"
        family.write_text("{}")
        self.assertIn("--family", self.fails(2, EXAMPLE, "-o", family, "--family", family))
        self.assertEqual(family.read_text(), "{}")

    def test_no_link_leads_out_of_the_folder(self):
        for name in ("config.json", "generation_config.json", "tokenizer_config.json",
                     "vocab.json", "source.spm"):
            with self.subTest(name=name):
                copy = self.folder / f"linked-{name}"
                shutil.copytree(EXAMPLE, copy)
                (copy / name).unlink()
                (copy / name).symlink_to(EXAMPLE / name)
                message = self.fails(3, copy, "-o", self.folder / "m.encdec")
                self.assertIn(name, message)
                self.assertIn("leads out of the checkpoint folder", message)
                (copy / name).unlink()
                (copy / name).symlink_to("gone")  # what a model cache keeps of a lost file
                self.assertIn(name, self.fails(3, copy, "-o", self.folder / "m.encdec"))

    def test_unwritable_output_is_said_first(self):
        shutil.copytree(EXAMPLE, self.folder / "model")
        (self.folder / "model" / "config.json").write_text("no JSON")
        message = self.fails(1, self.folder / "model", "-o", self.folder / "none" / "m")
        self.assertIn("none", message)

    def test_garbage_for_a_tokenizer(self):
        for name in ("source.spm", "target.spm", "vocab.json"):
            copy = self.folder / f"model-{name}"
            shutil.copytree(EXAMPLE, copy)
            (copy / name).write_text("garbage")
            message = self.fails(3, copy, "-o", self.out, "--quiet", "--cpu", "v3")
            self.assertIn(f"{copy}: {name}: ", message)
            self.assertNotIn(".tmp", message)

    def test_a_vocabulary_with_gaps_and_unused_entries(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        vocab = json.loads((copy / "vocab.json").read_text())
        spare = next(piece for piece in reversed(vocab) if not piece.startswith("<"))
        del vocab[spare]
        (copy / "vocab.json").write_text(json.dumps({**vocab, "never a piece": 6500}))
        result = self.run_compile(copy, "-o", self.out, "--cpu", "v3")
        self.assertEqual(result.returncode, 0, result.stderr)
        (copy / "vocab.json").write_text(json.dumps({**vocab, spare: 6500}))
        message = self.fails(3, copy, "-o", self.out, "--cpu", "v3")
        self.assertIn("6500", message)
        self.assertIn("6002", message)

    def test_weights_that_are_a_git_lfs_pointer(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        (copy / "model.safetensors").write_text(
            "version https://git-lfs.github.com/spec/v1\n"
            f"oid sha256:{'0' * 64}\nsize 10000000\n")
        message = self.fails(3, copy, "-o", self.out)
        for word in ("model.safetensors", "Git LFS pointer", "git lfs pull"):
            self.assertIn(word, message)

    def test_weights_that_are_no_numbers(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        with open(copy / "model.safetensors", "r+b") as file:
            file.seek(-64, os.SEEK_END)
            file.write(b"\xff" * 64)
        for weights in ("f32", "int8"):
            message = self.fails(3, copy, "-o", self.out, "--weights", weights, "--quiet")
            self.assertRegex(message, r'model.safetensors: tensor ".+": element \[.+\] is NaN')

    def test_weights_cut_short(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        weights = copy / "model.safetensors"
        os.truncate(weights, weights.stat().st_size - 1)
        self.assertIn("model.safetensors", self.fails(3, copy, "-o", self.out))

    def test_no_tokenizer_is_a_warning(self):
        copy = self.folder / "model"
        shutil.copytree(EXAMPLE, copy)
        (copy / "target.spm").unlink()
        result = self.run_compile(copy, "-o", self.out, "--cpu", "v3")
        self.assertEqual(result.returncode, 0)
        self.assertIn("target.spm missing", result.stderr)

    def with_tokenizer(self, name):
        """The example's weights beside the tokenizer files of another family."""
        copy = self.folder / name
        shutil.copytree(EXAMPLE, copy)
        for path in ("source.spm", "target.spm", "vocab.json", "tokenizer_config.json"):
            (copy / path).unlink()
        for path in (ROOT / "tests" / "tokenizers" / name).iterdir():
            if path.name not in ("golden", "config.json"):
                shutil.copy(path, copy)
        return copy

    def tokenizer_of(self, *arguments):
        result = self.run_compile(*arguments, "-o", self.out, "--cpu", "v3")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("no tokenizer", result.stderr)
        out = subprocess.run([BUILD / "bin" / "encdec", "inspect", self.out, "--json"],
                             capture_output=True, text=True, check=True).stdout
        return json.loads(out)["manifest"]["tokenizer"], self.out.read_bytes()

    def test_tokenizers_of_other_families(self):
        for name, kind in [("t5-spm", "t5"), ("bart-json4", "bart"), ("nllb-spm", "nllb"),
                           ("m2m100", "m2m100"), ("byt5", "byt5")]:
            with self.subTest(name=name):
                found, _ = self.tokenizer_of(self.with_tokenizer(name))
                self.assertIn(kind, json.dumps(found))

    def test_whose_behaviour_a_tokenizer_has(self):
        copy = self.with_tokenizer("madlad")
        _, trained = self.tokenizer_of(copy)
        _, same = self.tokenizer_of(copy, "--tokenizer-as", "trained")
        _, other = self.tokenizer_of(copy, "--tokenizer-as", "transformers")
        self.assertEqual(trained, same)
        self.assertNotEqual(trained, other)

    def test_tokenizers_that_are_not_there(self):
        message = self.fails(2, EXAMPLE, "-o", self.out, "--tokenizer", "t6")
        for word in ('"t6"', "nllb", "marian"):
            self.assertIn(word, message)
        self.assertIn("spiece.model: the file is missing",
                      self.fails(3, EXAMPLE, "-o", self.out, "--tokenizer", "t5"))
        self.assertIn("tokenizer-as", self.fails(2, EXAMPLE, "-o", self.out, "--tokenizer-as", "x"))
        copy = self.with_tokenizer("mbart-spm")
        (copy / "tokenizer_config.json").write_text('{"tokenizer_class": "OwnTokenizer"}')
        message = self.fails(3, copy, "-o", self.out, "--quiet")
        for word in ("tokenizer_config.json", "OwnTokenizer", "--tokenizer"):
            self.assertIn(word, message)

    def test_two_dashes_before_the_checkpoint(self):
        copy = self.folder / "-model"
        shutil.copytree(EXAMPLE, copy)
        words = ["-o", self.out, "--cpu", "v3"]
        for line in (["--", EXAMPLE, *words], [*words, "--", EXAMPLE],
                     [*words[:2], "--", EXAMPLE, *words[2:]], ["--", copy.name, *words]):
            with self.subTest(line):
                result = subprocess.run([COMPILE, *line], capture_output=True, text=True,
                                        cwd=self.folder, env=self.environment())
                self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("required", self.fails(2, "-o", self.out, "--"))
        self.assertIn("expect 'more'", self.fails(2, EXAMPLE, "-o", self.out, "--", "more"))
        self.assertIn("'-o' after '--'", self.fails(2, EXAMPLE, "--", "-o", self.out))
        self.assertIn("did you mean '--weights'", self.fails(2, "--", EXAMPLE, "-o", self.out,
                                                             "--weight", "int8"))

    def test_output_in_a_folder_that_is_not_there(self):
        none = self.folder / "none"
        link = self.folder / "link"
        link.symlink_to(none / "m")
        for target in (none / "m", self.out / "m"):
            message = self.fails(1, EXAMPLE, "-o", target)
            self.assertIn(f"'{target}'", message)
            self.assertIn(f"folder '{target.parent}'", message)
            self.assertNotIn(".tmp", message)
        self.assertIn(f"'{link}'", self.fails(2, EXAMPLE, "-o", link))

    def test_no_linker(self):
        message = self.fails(1, EXAMPLE, "-o", self.out,
                             extra={"ENCDEC_LLD": "/nonexistent/ld.lld"})
        self.assertIn("ENCDEC_LLD", message)

    def test_linker_that_fails(self):
        message = self.fails(1, EXAMPLE, "-o", self.out,
                             extra=self.fake_linker("echo no room for >&2; exit 7"))
        self.assertIn("no room for", message)

    def test_linker_that_makes_nothing(self):
        message = self.fails(1, EXAMPLE, "-o", self.out, extra=self.fake_linker("exit 0"))
        self.assertRegex(message, "linker .*no shared object.*ENCDEC_LLD")

    def test_linker_that_makes_rubbish(self):
        message = self.fails(1, EXAMPLE, "-o", self.out,
                             extra=self.fake_linker('while [ "$1" != -o ]; do shift; done\n'
                                                    'echo rubbish > "$2"'))
        self.assertIn("encdec-compile: error:", message)

    def test_a_crash_is_an_error_that_says_where(self):
        message = self.fails(1, EXAMPLE, "-o", self.out,
                             extra=self.fake_linker("kill -SEGV $PPID"))
        self.assertIn("Segmentation fault", message)
        self.assertIn("linking for v3", message)

    def test_deadline(self):
        start = time.monotonic()
        message = self.fails(5, EXAMPLE, "-o", self.out, "--deadline", 5,
                             extra=self.fake_linker("exec sleep 30"))
        self.assertIn("not done after 5 seconds (linking for v3)", message)
        self.assertLess(time.monotonic() - start, 25)

    def test_interrupt(self):
        """Whatever signal ends it, the old bundle is whole and nothing is left."""
        self.out.write_bytes(OLD)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT,
                       signal.SIGPIPE, signal.SIGALRM, signal.SIGUSR1):
            with self.subTest(number):
                process = subprocess.Popen([COMPILE, EXAMPLE, "-o", self.out],
                                           env=self.environment(
                                               **self.fake_linker("exec sleep 30")),
                                           stderr=subprocess.DEVNULL)
                wait_for(lambda: any(self.temporary.rglob("code.o")))
                process.send_signal(number)
                self.assertEqual(process.wait(timeout=15), -number)
                self.assertEqual(os.listdir(self.out.parent), [self.out.name])
                self.assertEqual(os.listdir(self.temporary), [])

    def test_full_disk_at_many_sizes(self):
        for size in (0, 5_000, 100_000, 900_000, 5_000_000):
            def limits():
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            with self.subTest(size=size):
                self.fails(1, EXAMPLE, "-o", self.out, limits=limits)

    def test_full_temporary_folder(self):
        mount = ["unshare", "--mount", "--map-root-user", "sh", "-c",
                 'mount -t tmpfs -o size="$1" none "$2" && shift 2 && exec "$@"', "sh"]
        if subprocess.run([*mount, "4k", self.temporary, "true"], capture_output=True).returncode:
            self.skipTest("no file system can be mounted here")
        for kilobytes in (4, 24, 48, 64):  # for an object, and for what the linker makes of it
            with self.subTest(kilobytes=kilobytes):
                result = subprocess.run(
                    [*mount, f"{kilobytes}k", self.temporary, COMPILE, EXAMPLE, "-o", self.out,
                     "--cpu", "v3"], capture_output=True, text=True, env=self.environment())
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(f"no space is left for linking in {self.temporary}", result.stderr)
                self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
                self.assertEqual(os.listdir(self.out.parent), [])

    def test_killed_while_writing(self):
        for i in range(8):
            self.out.write_bytes(OLD)
            process = subprocess.Popen([COMPILE, EXAMPLE, "-o", self.out, "--cpu", "v3"],
                                       env=self.environment(), stderr=subprocess.DEVNULL)
            wait_for(lambda: process.poll() is not None or any(
                size_of(left) > 0 for left in self.out.parent.glob(".*.tmp")))
            time.sleep(i * 0.004)
            process.kill()
            process.wait()
            # The child dies with its parent; give the kernel a moment.
            wait_for(lambda: not writing(self.out.parent))
            data = self.out.read_bytes()
            self.assertTrue(data == OLD or data[:8] == b"ENCDECB\x1a")
            if data != OLD:
                self.assertEqual(int.from_bytes(data[16:24], "little"), len(data))
            for left in self.out.parent.glob(".*.tmp"):
                left.unlink()
            shutil.rmtree(self.temporary)
            self.temporary.mkdir()


def umask():
    value = os.umask(0)
    os.umask(value)
    return value


def size_of(path):
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def wait_for(condition):
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError("waited for 15 seconds in vain")


def writing(folder):
    """Whether any process has a file of `folder` open."""
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link).startswith(str(folder)):
                return True
        except OSError:
            pass
    return False


if __name__ == "__main__":
    unittest.main(verbosity=2)
