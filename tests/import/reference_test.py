"""encdec-run-reference as a tool: the weights of a checkpoint give the tokens of its
goldens, and what it cannot run it refuses by an exit code and a sentence.

usage: reference_test.py BIN_FOLDER EXAMPLE_MODEL GOLDENS_FOLDER
"""
import json
import pathlib
import subprocess
import sys
import unittest

BIN, EXAMPLE, GOLDENS = map(pathlib.Path, sys.argv[1:4])


def run(*arguments, text=None):
    return subprocess.run([BIN / "encdec-run-reference", *map(str, arguments)], text=True,
                          input=text, capture_output=True)


def imported():
    return subprocess.run([BIN / "encdec-import", EXAMPLE], text=True, check=True,
                          capture_output=True).stdout


class Checkpoint(unittest.TestCase):
    def test_finds_the_tokens_of_the_goldens(self):
        lines = json.loads((GOLDENS / "en-fr-200.json").read_text())["lines"][:3]
        for line in lines:
            ids = " ".join(map(str, line["source"]))
            result = run("-", "--checkpoint", EXAMPLE, "--ids", ids,
                         "--steps", line["compare"], text=imported())
            self.assertEqual(result.returncode, 0, result.stderr)
            tokens = [int(step.split()[3]) for step in result.stdout.splitlines()[:-1]]
            self.assertEqual(tokens, line["ids"][:line["compare"]])

    def test_weights_in_files_need_the_folder(self):
        result = run("-", text=imported())
        self.assertEqual(result.returncode, 3)
        self.assertIn("--checkpoint", result.stderr)
        self.assertEqual(run("-", "--checkpoint", "/nowhere", text="").returncode, 2)

    def test_the_folder_must_hold_the_file(self):
        result = run("-", "--checkpoint", GOLDENS, text=imported())
        self.assertEqual(result.returncode, 3)
        self.assertIn("model.safetensors", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
