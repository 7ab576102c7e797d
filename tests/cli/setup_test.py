#!/usr/bin/env python3
"""tests/setup.sh on a system that has nothing: stand-ins for apt and cmake write down
what they are asked for."""
import os
import pathlib
import subprocess
import tempfile
import unittest

SETUP = pathlib.Path(__file__).resolve().parents[1] / "setup.sh"
RECORD = '#!/bin/sh\necho "$(basename "$0") $*" >> "$RECORD"\n'
TOOLS = {"cmake": "", "sudo": 'exec "$@"\n', "dpkg-query": "exit 1\n",
         "apt-cache": "echo '  Candidate: 1.0'\n",
         "apt-get": "case \"$*\" in *--assume-no*) echo 'Need to get 7 MB of archives.'\n"
                    "echo 'After this operation, 9 MB more will be used.'; exit 1;; esac\n"}


class Setup(unittest.TestCase):
    def setup(self, *arguments):
        """(what was run, what was said)"""
        with tempfile.TemporaryDirectory() as folder:
            for name, script in TOOLS.items():
                tool = pathlib.Path(folder) / name
                tool.write_text(RECORD + script)
                tool.chmod(0o755)
            record = pathlib.Path(folder) / "record"
            done = subprocess.run([SETUP, *arguments], capture_output=True, text=True,
                                  env={**os.environ, "RECORD": str(record),
                                       "PATH": f"{folder}:{os.environ['PATH']}"})
            ran = record.read_text().splitlines() if record.exists() else []
        return done.returncode, ran, done.stderr

    def test_sizes_are_said_before_they_are_taken(self):
        code, ran, said = self.setup("release")
        self.assertEqual(code, 0, said)
        installs = [line for line in ran if line.startswith("apt-get install")]
        self.assertIn("--assume-no", installs[0])
        self.assertIn("-y", installs[1])
        self.assertIn("== Need to get 7 MB of archives.", said)
        self.assertIn("== After this operation, 9 MB more will be used.", said)

    def test_targets_are_built_alone(self):
        _, ran, said = self.setup("release", "encdec", "encdec-compile")
        self.assertEqual(ran[-1], "cmake --build --preset release --target encdec encdec-compile")
        self.assertNotIn("qemu-user", said)
        _, ran, said = self.setup()
        self.assertEqual(ran[-1], "cmake --build --preset release")
        self.assertIn("qemu-user", said)

    def test_the_runtime_needs_no_llvm(self):
        _, ran, _ = self.setup("runtime-only")
        self.assertNotIn("llvm", " ".join(ran))

    def test_an_unknown_preset_takes_nothing(self):
        code, ran, said = self.setup("nope")
        self.assertEqual((code, ran), (1, []))
        self.assertIn("'nope'", said)


unittest.main(argv=["setup_test.py"])
