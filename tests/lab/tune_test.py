#!/usr/bin/env python3
"""encdec tune, with made-up times; and what encdec compile makes of its file."""
import json
import os
import subprocess
import unittest

from support import BIN, HERE, WithModel


class Tune(WithModel):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.file = cls.out / "tuning.json"
        cls.said = cls.encdec("tune", cls.model, "-o", cls.file, "--rows", "1", "--seconds", "80",
                           "--seed", "1", "--bench-with", HERE / "fake_bench.py").stdout

    @classmethod
    def encdec(cls, *words, code=0):
        result = subprocess.run([BIN / "encdec", *map(str, words)], capture_output=True, text=True,
                                env={**os.environ, "TMPDIR": str(cls.tmp), "LAB_FAKE": "grouped"})
        if result.returncode != code:
            raise AssertionError(f"{words}: exit {result.returncode}: {result.stderr}")
        return result

    def compiled(self, name, *words):
        self.encdec("compile", self.model, "-o", self.out / name, "--cpu", "v3", *words)
        return (self.out / name).read_bytes()

    def test_what_is_faster_is_kept(self):
        made = json.loads(self.file.read_text())
        self.assertEqual(set(made), {"cpu", "versions", "choices"})
        self.assertEqual(made["choices"], {"groups": "none", "repeated-rows": 4,
                                           "worker-rows": 16, "near-bytes": 262144,
                                           "short-distance": 2048})
        lines = self.said.splitlines()
        self.assertRegex(lines[0], r"^groups=none: .*× faster .*\(kept\)$")
        self.assertEqual(sum("(kept)" in line for line in lines), 1)
        self.assertTrue(lines[-1].startswith("chosen: groups=none repeated-rows=4 "))

    def test_a_file_gives_the_same_bytes(self):
        one = self.compiled("one", "--tuning", self.file)
        self.assertEqual(self.compiled("two", "--tuning", self.file), one)
        self.assertEqual(self.compiled("flags", "--groups", "none"), one)
        # What is said on the command line counts more.
        plain = self.compiled("plain")
        self.assertNotEqual(plain, one)
        self.assertEqual(self.compiled("all", "--groups", "all", "--tuning", self.file), plain)
        far = self.out / "far.json"
        far.write_text(json.dumps({"cpu": "x", "versions": "y",
                                   "choices": {"short-distance": 4096}}))
        self.assertNotEqual(self.compiled("far", "--tuning", far), plain)
        self.assertEqual(self.compiled("near", "--tuning", far, "--tune", "short-distance=2048"),
                         plain)

    def test_a_file_of_another_cpu_warns(self):
        made = json.loads(self.file.read_text())
        other = self.out / "other.json"
        other.write_text(json.dumps({**made, "cpu": "another"}))
        compile = ("compile", self.model, "-o", self.out / "other", "--cpu", "v3", "--tuning")
        said = self.encdec(*compile, other).stderr
        self.assertIn('warning: ', said)
        self.assertIn('was measured on "another"', said)
        self.assertEqual(self.encdec(*compile, other, "--quiet").stderr, "")
        self.assertEqual(self.encdec(*compile, self.file).stderr, "")

    def test_refusals_teach(self):
        made = json.loads(self.file.read_text())
        bad = self.out / "bad.json"
        for text, says in (
                (json.dumps({**made, "choices": {"far-bytes": 1}}),
                 'unknown choice "far-bytes": target cpu has groups, repeated-rows'),
                (json.dumps({**made, "choices": {"worker-rows": 0}}),
                 '"worker-rows": expected a number from 1 to 4096, found 0'),
                (json.dumps({**made, "choices": {"groups": "some"}}),
                 '"groups": expected none, encode, step or all, found "some"'),
                ('{"cpu": "x"}', "expected a file of encdec tune"),
                ("no", "bad.json: ")):
            bad.write_text(text)
            said = self.encdec("compile", self.model, "-o", self.out / "bad", "--tuning", bad,
                            code=2).stderr
            self.assertIn(says, said)
            self.assertFalse((self.out / "bad").exists())


if __name__ == "__main__":
    unittest.main()
