#!/usr/bin/env python3
"""encdec generate and what lies around it: models, pictures, streams, signals."""
import json
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import ENCDEC, EXAMPLE, OUT, Cli, run, start


class Files(Cli):
    def test_missing_file(self):
        for words in (["generate", "--text", "Yes."], ["verify"], ["inspect"], ["bench"]):
            self.refused(3, *words, OUT / "no-such.encdec", says=["no-such.encdec"])

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

    def test_nobody_to_tell(self):
        # Where stderr cannot be written, the exit code alone reports the error.
        with open("/dev/full", "w") as full:
            for code, arguments in ((3, ["generate", OUT / "none", "--text", "Yes."]),
                                    (2, ["generate", self.bundle, "--beams", "0"]),
                                    (2, ["--bogus"])):
                result = subprocess.run([ENCDEC, *arguments], stderr=full,
                                        stdin=subprocess.DEVNULL)
                self.assertEqual(result.returncode, code, arguments)

    def test_where_nothing_can_be_written_nothing_is_done(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT, suffix=".html"))
        self.addCleanup(folder.rmdir)
        texts = ["--text", "Yes.", "--text", "No."]
        for path, says in ((OUT / "no-folder" / "a.svg", "No such file or directory"),
                           (OUT / "no-folder" / "a.html", "No such file or directory"),
                           (folder, "Is a directory")):
            self.refused(1, "generate", self.bundle, *texts, "--alignments", path,
                         says=[f"--alignments: cannot write {path}: {says}"])
        self.assertEqual(os.listdir(folder), [])

    def test_a_signal_ends_the_wait_for_a_reader(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        os.mkfifo(folder / "a.svg")
        process = subprocess.Popen([ENCDEC, "generate", self.bundle, "--text", "Yes.",
                                    "--alignments", folder / "a.svg"], stdout=subprocess.DEVNULL)
        self.addCleanup(process.kill)
        with self.assertRaises(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        process.terminate()
        self.assertEqual(process.wait(timeout=60), -signal.SIGTERM)

    def test_a_picture_that_does_not_fit_leaves_the_older_one(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        picture = folder / "a.svg"
        picture.write_text("older")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # noqa: E731
        result = run("generate", self.bundle, "--text", "Yes.", "--alignments", picture,
                     check=False, preexec_fn=limit)
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual([path.name for path in folder.iterdir()], ["a.svg"])
        self.assertEqual(picture.read_text(), "older")

    def test_no_picture_replaces_the_model(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)
        model, second = folder / "m.encdec", folder / "a-2.svg"
        shutil.copy(self.bundle, model)
        (folder / "link").symlink_to(model)
        for name in (model, folder / "link"):
            self.refused(2, "generate", model, "--text", "Yes.", "--alignments", name,
                         says=["--alignments", str(name)])
        second.hardlink_to(model)  # the name of the second picture
        result = run("generate", model, *self.words, "--alignments", folder / "a.svg", check=False)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertEqual(model.read_bytes(), self.bundle.read_bytes())
        checkpoint = folder / "checkpoint"
        shutil.copytree(EXAMPLE, checkpoint)
        self.refused(2, "generate", checkpoint, "--text", "Yes.", "--alignments",
                     checkpoint / "config.json", says=["config.json"])

    def test_alignments_of_all_texts_in_one_file(self):
        folder = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, folder)

        def written(name, texts):
            run("generate", self.bundle, "--alignments", folder / name, input=texts)
            return (folder / name).read_text(encoding="utf-8")

        # The words are the text's, also those that the tokenizer drops or does not know.
        odd = "I like \u200b <b>tea</b> and \ufffd wine."
        made = json.loads(written("odd.json", odd))
        self.assertEqual(made["source"], odd.split(" "))
        made = json.loads(written("odd.json", "I like \u200b tea."))
        self.assertIn([3, len(made["target"]) - 1], made["links"], made)
        texts = "Where is the station?\n\nI like tea.\n"
        links = written("a.txt", texts).splitlines()
        self.assertEqual((len(links), links[1]), (3, ""))  # the blank line has none
        objects = [json.loads(line) for line in written("a.json", texts).splitlines()]
        self.assertIsNone(objects[1])
        for line, one in zip(links[::2], objects[::2]):
            self.assertEqual(line, " ".join(f"{s}-{t}" for s, t in one["links"]))
            self.assertEqual([t for _, t in one["links"]], list(range(len(one["target"]))))
            for (s, _), row in zip(one["links"], one["probs"]):
                self.assertEqual(len(row), len(one["source"]))
                self.assertEqual(row[s], max(row))
                self.assertLess(sum(row), 1.001)
        self.assertEqual(objects[0]["source"], ["Where", "is", "the", "station?"])
        page = written("a.html", "a <b> & </script> c.\n")
        data = page.split('<script id="data" type="application/json">')[1].split("</script>")[0]
        sentence, = json.loads(data)
        self.assertEqual(sentence["text"], "a <b> & </script> c.")
        for layer in sentence["probs"]:
            for head in layer:
                self.assertEqual(len(head), len(sentence["target"]))
                self.assertTrue(all(len(row) == len(sentence["source"]) for row in head))
        self.refused(2, "generate", self.bundle, "--text", "Yes.", "--alignments",
                     folder / "a.pdf", says=["--alignments", ".html", "a.pdf"])

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

    def test_errors_name_the_folder(self):
        """Messages name the folder, not the temporary bundle that is made of it."""
        copy = pathlib.Path(tempfile.mkdtemp(dir=OUT)) / "model"
        self.addCleanup(shutil.rmtree, copy.parent)
        shutil.copytree(EXAMPLE, copy)
        result = run("generate", copy, "--text", "Yes.", check=False,
                     env={**os.environ, "ENCDEC_CPU": "neon"})
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"error: {copy}: ", result.stderr)
        (copy / "source.spm").write_text("garbage")
        result = run("generate", copy, "--text", "Yes.", check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertIn(f"{copy}: source.spm", result.stderr)
        self.assertNotIn("model.encdec", result.stderr)

    def test_interrupted_folder(self):
        """A signal during the temporary compile ends it all and leaves nothing."""
        temporary = pathlib.Path(tempfile.mkdtemp(dir=OUT))
        self.addCleanup(shutil.rmtree, temporary)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE,
                       signal.SIGALRM, signal.SIGUSR1):
            with self.subTest(number):
                process = start("generate", EXAMPLE, "--text", "Yes.",
                                env={**os.environ, "TMPDIR": str(temporary)})
                # encdec's folder, and then the compiler's.
                while process.poll() is None and len(list(temporary.iterdir())) < 2:
                    time.sleep(0.005)
                process.send_signal(number)
                out, _ = process.communicate()
                self.assertEqual((process.returncode, out), (-number, ""))
                self.assertEqual(list(temporary.iterdir()), [])


def restore_sigpipe():
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


unittest.main()
