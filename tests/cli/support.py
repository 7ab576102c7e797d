"""What the tests of the command share: bundles of the example model and of random
checkpoints, ways to run."""
import pathlib
import shutil
import subprocess
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "e2e"))
from driver import (  # noqa: E402, F401
    BUILD, ENCDEC, EXAMPLE, FAMILIES, OUT, checkpoint, compile_model, run)

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
