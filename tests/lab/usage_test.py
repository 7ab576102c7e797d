#!/usr/bin/env python3
"""encdec lab and tune, used wrongly or at a bad time: damaged records, outputs that cannot be
written, signals. All of it is found early, and nothing is left behind."""
import copy
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(sys.argv.pop(1)).resolve() / "bin"


class Usage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.out = pathlib.Path(cls.temporary.name)
        cls.tmp = cls.out / "tmp"
        cls.tmp.mkdir()
        cls.model = cls.out / "model"
        subprocess.run([BIN / "encdec", "synth", "--family", "bart", "-o", cls.model],
                       capture_output=True, check=True)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def tearDown(self):
        self.assertEqual(list(self.tmp.iterdir()), [], "nothing may be left behind")

    def encdec(self, *words, code=0, **environment):
        result = subprocess.run(list(map(str, (BIN / "encdec", *words))), capture_output=True,
                                text=True, env={**os.environ, "TMPDIR": str(self.tmp),
                                                "LAB_FAKE": "equal", **environment})
        self.assertEqual(result.returncode, code, (words, result.stderr))
        return result

    def lab(self, *words, **options):
        return self.encdec("lab", self.model, "--seconds", "1", "--rows", "1", "--seed", "1",
                           "--bench-with", HERE / "fake_bench.py", *words, **options)

    def record(self):
        """A record with all its tables, made once."""
        made = self.out / "made.json"
        if not made.exists():
            self.lab("--idea", "--weights bf16", "--record", made)
        return made

    def test_damaged_records_are_refused(self):
        file, page = self.out / "file.json", self.out / "page.html"
        record = json.loads(self.record().read_text())

        def places(value, path=()):
            """The keys of a record, of each array the first item's."""
            items = value.items() if isinstance(value, dict) else enumerate(value[:1])
            for key, inside in list(items):
                yield path + (key,)
                if isinstance(inside, (dict, list)):
                    yield from places(inside, path + (key,))

        drop, refused = object(), set()
        for path in places(record):
            for put in (drop, {}, [], None, "x"):
                damaged = copy.deepcopy(record)
                inside = damaged
                for key in path[:-1]:
                    inside = inside[key]
                if put is drop:
                    del inside[path[-1]]
                else:
                    inside[path[-1]] = put
                file.write_text(json.dumps(damaged))
                shown = subprocess.run([BIN / "encdec", "lab", "--show", file, "--html", page],
                                       capture_output=True, text=True)
                self.assertIn(shown.returncode, (0, 3, 4), (path, put, shown.stderr))
                if shown.returncode == 3:
                    self.assertIn(f"{file}: ", shown.stderr)
                    self.assertIn(str(path[0]), shown.stderr)
                    refused.add(".".join(map(str, path)))
        for path in ("times", "numbers", "base_bundle", "idea_bundle", "passes", "times.0",
                     "numbers.0.logits", "numbers.0.log_probs", "numbers.0.idea_from_interpreter",
                     "numbers.0.base_from_interpreter", "passes.0"):
            self.assertIn(path, refused)


if __name__ == "__main__":
    unittest.main()
