"""What the tests of the command share: bundles of the example model and of random
checkpoints, ways to run."""
import pathlib
import shutil
import subprocess
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "e2e"), str(TESTS / "models")]
import make_checkpoint  # noqa: E402
from families import FAMILIES  # noqa: E402, F401
from driver import BUILD, ENCDEC, EXAMPLE, OUT, compile_model, run  # noqa: E402, F401

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


def checkpoint(name, spec, tokenizer=None):
    """A random checkpoint (tests/models), with a trained tokenizer (tests/tokenizers) or none."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    if tokenizer:
        shutil.copytree(TESTS / "tokenizers" / tokenizer, folder)
    make_checkpoint.write(spec, folder)
    return folder


class Cli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        suite = pathlib.Path(sys.argv[0]).stem  # suites run side by side
        cls.bundle = compile_model(EXAMPLE, f"{suite}.encdec")
        bare = OUT / f"{suite}-ids-only"
        shutil.rmtree(bare, ignore_errors=True)
        bare.mkdir(parents=True)
        for name in ("config.json", "generation_config.json", "model.safetensors"):
            shutil.copy(EXAMPLE / name, bare)
        cls.ids_only = compile_model(bare, f"{suite}-ids-only.encdec", "--quiet")
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
