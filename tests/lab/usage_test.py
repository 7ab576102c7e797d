#!/usr/bin/env python3
"""encdec lab and tune, used wrongly or at a bad time: damaged records, outputs that cannot be
written, signals. All of it is found early, and nothing is left behind."""
import copy
import json
import os
import pty
import signal
import subprocess
import unittest

from support import BIN, HERE, WithModel


class Usage(WithModel):
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

    def test_outputs_are_tried_before_anything_runs(self):
        """A program that fails stands in for encdec compile: it is not asked."""
        folder = self.out / "folder"
        folder.mkdir()
        for path, says in ((self.out / "none" / "x", "No such file or directory"),
                           (folder, "Is a directory"), (self.model / "config.json" / "x",
                                                        "Not a directory")):
            for words in (["lab", self.model, "--record"], ["lab", self.model, "--html"],
                          ["tune", self.model, "-o"]):
                said = self.encdec(*words, path, "--compile-with", "/bin/false", code=1).stderr
                self.assertIn(f"{path}: cannot write it: {says}", said)
        self.assertEqual(list(folder.iterdir()), [])
        file = self.out / "file"
        file.write_text("")
        said = self.encdec("lab", self.model, "--bisect", file / "x", code=1).stderr
        self.assertIn(f"{file / 'x'}: cannot make this folder: Not a directory", said)

    def test_a_failed_write_leaves_the_old_file(self):
        """A file may not grow beyond 4 KiB."""
        old = self.out / "old.json"
        old.write_text("old")
        words = [BIN / "encdec", "lab", "--show", self.record(), "--record", old]
        subprocess.run(["sh", "-c", 'ulimit -f 1; "$@"', "sh", *words], capture_output=True)
        self.assertEqual(old.read_text(), "old")
        self.assertEqual(list(self.out.glob("old.json.*")), [])

    def test_refusals_teach(self):
        folder = self.out / "bisected"
        for words, says in (
                (["--idea", "--help"], "--idea: '--help' is no option of encdec compile that"),
                (["--idea", "--sketch -o x"], "--idea: '-o' is no option"),
                (["--against", "--cpu v3 v4"], "--against: 'v4' is no option"),
                (["--idea", "--wieghts=int8"], "did you mean '--weights'?"),
                (["--bisect", folder, "--idea", "--wieghts int8"], "did you mean '--weights'?"),
                (["--bisect", folder, "--json"], "--bisect excludes --json"),
                (["--bisect", folder, "--html", "x"], "--bisect excludes --html"),
                (["--bisect", folder, "--record", "x"], "--bisect excludes --record"),
                (["--show", "x.json"], f"did not expect MODEL '{self.model}'")):
            self.assertIn(says, self.lab(*words, code=2).stderr)
        self.assertFalse(folder.exists())
        self.lab("--idea", "--cpu v3,v4 --deadline=500 --strict --weights bf16", "--no-passes")
        for command in (["lab"], ["tune", "-o", self.out / "x"]):
            said = self.encdec(*command, self.model, TMPDIR="/no/folder", code=1).stderr
            self.assertIn("/no/folder: cannot make a temporary folder", said)

    def test_tune_says_at_once_that_the_time_cannot_suffice(self):
        said = self.encdec("tune", self.model, "-o", self.out / "tuning.json", "--seconds", "1",
                           "--rows", "1,2,3,4", "--bench-with", HERE / "fake_bench.py").stderr
        self.assertRegex(said, r"^encdec-tune: note: \d+\.\d seconds of a trial have time for \d "
                               r"rounds?, and a verdict needs \d+ or more: give --seconds \d+, or "
                               r"fewer numbers of rows\n$")

    def test_sentences_are_read_before_anything_is_timed(self):
        texts = self.out / "long"
        texts.write_text("hello\n" + "word " * 3000 + "\n")
        said = self.encdec("lab", self.model, "--sentences", texts, "--bench-with", "/bin/false",
                           code=5).stderr
        self.assertIn(f"--sentences {texts}: ", said)
        self.assertIn("line 2: the source has ", said)
        said = self.encdec("lab", self.model, "--sentences", self.out, "--compile-with",
                           "/bin/false", code=2).stderr
        self.assertIn(f"--sentences: cannot read '{self.out}'", said)

    def test_a_signal_ends_the_table_of_passes(self):
        """SIGTERM at the first pass: none of the last ones is reached."""
        command = [BIN / "encdec", "lab", self.model, "--seconds", "1", "--rows", "1",
                   "--bench-with", HERE / "fake_bench.py", "--ablate"]
        screen, terminal = pty.openpty()
        lab = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal,
                               env={**os.environ, "TMPDIR": str(self.tmp), "LAB_FAKE": "equal"})
        os.close(terminal)
        seen = b""
        try:
            while piece := os.read(screen, 4096):
                before, seen = seen, seen + piece
                if b"encdec-fuse-attention" in seen and b"encdec-fuse-attention" not in before:
                    lab.send_signal(signal.SIGTERM)
        except OSError:  # nobody writes to the terminal any more
            pass
        os.close(screen)
        self.assertEqual(lab.wait(), -signal.SIGTERM)
        self.assertIn(b"encdec-fuse-attention", seen)
        self.assertNotIn(b"encdec-pack-weights", seen)


if __name__ == "__main__":
    unittest.main()
