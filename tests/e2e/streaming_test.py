#!/usr/bin/env python3
"""Each token is streamed at the step at which it is certain, and not before: on every line,
after every step, what streaming.cpp computes from the beams of a search of its own."""
import json
import subprocess
import unittest

from driver import BUILD, EXAMPLE, ROOT, compile_model


class Streaming(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        table = (ROOT / "tests" / "data" / "en-fr-1000.tsv").read_text(encoding="utf-8")
        cls.lines = [line.split("\t")[0] for line in table.splitlines()]
        cls.bundle = compile_model(EXAMPLE, "streaming.encdec", "--weights", "int8-dynamic")

    def stream(self, beams):
        made = subprocess.run([BUILD / "bin" / "encdec_streaming", self.bundle, str(beams)],
                              input="".join(line + "\n" for line in self.lines), text=True,
                              encoding="utf-8", capture_output=True)
        self.assertEqual(made.returncode, 0, made.stderr)
        found = json.loads(made.stdout)
        print(f"{beams} beams: {found}", flush=True)
        self.assertEqual(found["lines"], len(self.lines))
        return found

    def test_greedy_tells_each_token_at_once(self):
        greedy = self.stream(1)
        self.assertEqual(greedy["worst_lag"], 0)
        self.assertEqual(greedy["without_token_at_first_step"], 0)

    def test_beams(self):
        self.assertGreater(self.stream(4)["mean_lag"], 0)


unittest.main()
