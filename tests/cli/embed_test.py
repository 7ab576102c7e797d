#!/usr/bin/env python3
"""encdec embed as its user meets it: texts and ids in, vectors out, as text, JSON, .npy."""
import array
import ast
import json
import math
import os
import subprocess
import tempfile
import unittest

from support import (BUILD, EXAMPLE, FAMILIES, OUT, TEXTS, Cli, checkpoint, compile_model,
                     feed, run, start)

WIDTH = 256  # d_model of the example


def read_npy(path):
    """Rows of a .npy file, read by the letter of the format's definition, version 1.0."""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", data[:8]
    end = 10 + int.from_bytes(data[8:10], "little")
    assert end % 64 == 0 and data[end - 1:end] == b"\n", end
    head = ast.literal_eval(data[10:end].decode("ascii"))
    assert sorted(head) == ["descr", "fortran_order", "shape"], head
    assert (head["descr"], head["fortran_order"]) == ("<f4", False), head
    rows, width = head["shape"]
    assert len(data) == end + rows * width * 4
    values = array.array("f", data[end:])
    return [list(values[row * width:][:width]) for row in range(rows)]


def lines_of(text):
    return [[float(word) for word in line.split()] for line in text.splitlines()]


def f32(values):
    return list(array.array("f", values))


class Embed(Cli):
    def objects(self, *arguments, text=None):
        out = (run("embed", *arguments, "--json") if text is None else
               feed(text, "embed", *arguments, "--json")).stdout
        return [json.loads(line) for line in out.splitlines()]

    def test_a_vector_for_each_text(self):
        result = run("embed", self.bundle, *self.words)
        self.assertEqual(result.stderr, "")
        vectors = lines_of(result.stdout)
        self.assertEqual([len(vector) for vector in vectors], [WIDTH] * len(TEXTS))
        self.assertEqual(len(set(map(tuple, vectors))), len(TEXTS))

    def test_pooling_is_of_the_tokens_rows(self):
        rows = self.objects(self.bundle, *self.words, "--pool", "none")
        first = self.objects(self.bundle, *self.words, "--pool", "first")
        mean = self.objects(self.bundle, *self.words)
        for each, one, average in zip(rows, first, mean, strict=True):
            self.assertEqual(list(each), ["ids", "vectors"])
            self.assertEqual(list(one), ["ids", "vector"])
            self.assertEqual(each["ids"], one["ids"])
            self.assertEqual(len(each["vectors"]), len(each["ids"]))
            self.assertEqual(one["vector"], each["vectors"][0])
            sums = [math.fsum(column) for column in zip(*map(f32, each["vectors"]))]
            self.assertEqual(f32(average["vector"]), f32(s / len(each["ids"]) for s in sums))

    def test_text_and_json_and_ids_say_the_same(self):
        plain = lines_of(run("embed", self.bundle, *self.words).stdout)
        objects = self.objects(self.bundle, *self.words)
        self.assertEqual([one["vector"] for one in objects], plain)
        ids = [word for one in objects
               for word in ("--ids", " ".join(map(str, one["ids"])))]
        self.assertEqual(lines_of(run("embed", self.ids_only, *ids).stdout), plain)
        each = run("embed", self.bundle, "--text", TEXTS[2], "--pool", "none").stdout
        self.assertTrue(each.endswith("\n\n"))
        self.assertEqual(lines_of(each)[:-1],
                         self.objects(self.bundle, "--text", TEXTS[2], "--pool",
                                      "none")[0]["vectors"])

    def test_rows_are_the_interpreters(self):
        """Of the checkpoint's IR, in float64."""
        ir = OUT / "embed.mlir"
        ir.write_text(run("import", EXAMPLE).stdout)
        for one in self.objects(self.bundle, *self.words[:4], "--pool", "none"):
            out = subprocess.run(
                [BUILD / "bin" / "encdec-run-reference", ir, "--checkpoint", EXAMPLE,
                 "--encoder", "--ids", " ".join(map(str, one["ids"]))],
                capture_output=True, text=True, check=True).stdout
            rows = [line.split(": ")[1] for line in out.splitlines()]
            for expected, got in zip(lines_of("\n".join(rows)), one["vectors"], strict=True):
                for a, b in zip(expected, got, strict=True):
                    self.assertAlmostEqual(a, b, delta=2e-5)

    def test_company_and_threads_change_no_bit(self):
        together = self.objects(self.bundle, text="\n".join(TEXTS * 20))
        for threads in (1, 2):
            alone = [self.objects(self.bundle, "--text", text, "--threads", threads)[0]
                     for text in TEXTS]
            self.assertEqual(alone * 20, together)

    def test_a_table_for_numpy(self):
        with tempfile.TemporaryDirectory() as folder:
            path = OUT / os.path.basename(folder)
            result = feed("\n".join(TEXTS), "embed", self.bundle, "--output", path)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
            self.assertEqual(read_npy(path), [f32(one["vector"]) for one
                                              in self.objects(self.bundle, *self.words)])
            objects = self.objects(self.bundle, *self.words, "--pool", "none", "--output", path)
            rows, at = read_npy(path), 0
            for one, whole in zip(objects, self.objects(self.bundle, *self.words, "--pool",
                                                        "none"), strict=True):
                self.assertEqual(one["rows"], [at, len(one["ids"])])
                self.assertEqual(rows[at:at + len(one["ids"])], list(map(f32, whole["vectors"])))
                at += len(one["ids"])
            self.assertEqual(len(rows), at)
            feed("", "embed", self.bundle, "--output", path)
            self.assertEqual(read_npy(path), [])
            path.unlink()

    def test_texts_that_cannot_be_read(self):
        long = "very " * 2000 + "long"
        text = f"Yes.\n{long}\nNo.\n"
        result = feed(text, "embed", self.bundle)
        self.assertEqual(result.returncode, 5)
        self.assertIn("line 2: ", result.stderr)
        lines = result.stdout.splitlines()
        self.assertEqual([bool(line) for line in lines], [True, False, True])
        objects = self.objects(self.bundle, text=text)
        self.assertIsNone(objects[1]["vector"])
        self.assertIn("positions", objects[1]["error"])
        self.assertEqual(objects[2]["vector"], lines_of(lines[2])[0])
        path = OUT / "embed-nan.npy"
        result = feed(text, "embed", self.bundle, "--json", "--output", path)
        self.assertEqual(result.returncode, 5)
        rows = read_npy(path)
        self.assertEqual(len(rows), 3)
        self.assertTrue(all(map(math.isnan, rows[1])))
        self.assertEqual([json.loads(line)["rows"] for line in result.stdout.splitlines()],
                         [[0, 1], [1, 1], [2, 1]])
        cut = feed(text, "embed", self.bundle, "--truncate")
        self.assertEqual(cut.returncode, 0, cut.stderr)
        self.assertTrue(all(cut.stdout.splitlines()))
        self.assertEqual(len(cut.stderr.splitlines()), 1, cut.stderr)
        self.assertRegex(cut.stderr, "warning: line 2: the source has .* were cut off")
        # Ids of a text are cut where the text is: what ends it stays.
        ids = feed(long, "tokenize", self.bundle).stdout.strip()
        given = run("embed", self.bundle, "--truncate", "--ids", ids, "--ids", "5 0")
        self.assertEqual(given.stdout.splitlines()[0], cut.stdout.splitlines()[1])
        self.assertRegex(given.stderr, "warning: --ids 1: the source has .* were cut off")
        fast = feed(text, "embed", self.bundle, "--fail-fast")
        self.assertEqual((fast.returncode, len(fast.stdout.splitlines())), (5, 1))
        self.refused(2, "embed", self.ids_only, "--ids", "999999", "--fail-fast",
                     says=["--ids 1: ", "outside the source vocabulary"])

    def test_numbers_that_overflow_are_named(self):
        folder = checkpoint("embed-overflow", {"family": "t5", "ffn_gain": 1e30})
        bundle = compile_model(folder, "embed-overflow.encdec", "--quiet", "--cpu", "v3")
        for pool in ("none", "mean"):
            result = run("embed", bundle, "--ids", "5 17", "--pool", pool)
            self.assertIn("nan", result.stdout)
            self.assertEqual(result.stderr, (
                "encdec: warning: --ids 1: the vector of token 1 of 2 (id 5) holds numbers "
                "that are not finite: the model's numbers overflow\n"))

    def test_streams(self):
        """Each line is answered when it arrives, not at the end of input."""
        process = start("embed", self.bundle)
        for text in TEXTS[:2]:
            process.stdin.write(text + "\n")
            process.stdin.flush()
            self.assertEqual(len(process.stdout.readline().split()), WIDTH)
        self.assertEqual(process.communicate()[0], "")
        self.assertEqual(process.returncode, 0)

    def test_wrong_usage(self):
        self.refused(2, "embed", self.bundle, "--pool", "max", says=["--pool", "mean"])
        self.refused(2, "embed", self.bundle, "--pol", "mean", says=["--pool"])
        self.refused(2, "embed", self.bundle, "--text", "a", "--ids", "1",
                     says=["exclude each other"])
        self.refused(2, "embed", self.ids_only, "--text", "a", says=["no tokenizer", "--ids"])
        self.refused(2, "embed", self.bundle, "--text", "a", "--output", self.bundle,
                     says=["would replace the model's file"])
        self.refused(2, "embed", says=["MODEL"])
        self.refused(3, "embed", OUT / "no-such-model", says=["no such file"])
        self.refused(1, "embed", self.bundle, "--text", "a", "--output", "/no-such/v.npy",
                     says=["--output: cannot write /no-such/v.npy"])
        help = run("embed", "--help").stdout
        for word in ("--pool", "--output", "Examples:", ".npy"):
            self.assertIn(word, help)

    def test_a_checkpoint_folder(self):
        result = run("embed", EXAMPLE, "--weights", "bf16", "--text", TEXTS[0])
        exact = lines_of(run("embed", self.bundle, "--text", TEXTS[0]).stdout)[0]
        near = lines_of(result.stdout)[0]
        self.assertLess(max(abs(a - b) for a, b in zip(near, exact)),
                        0.05 * max(map(abs, exact)))
        self.assertNotEqual(near, exact)


class EveryFamily(unittest.TestCase):
    def check(self, folder, options, *given):
        """Each row of a text's states is the interpreter's, in float64."""
        bundle = compile_model(folder, f"{folder.name}.encdec", "--quiet", "--cpu", "v3")
        module = run("import", folder, "--quiet").stdout
        self.assertEqual("@step" in module, not options.get("encoder_only"))
        out = run("embed", bundle, *given, "--pool", "none", "--json").stdout
        one = json.loads(out)
        reference = subprocess.run(
            [BUILD / "bin" / "encdec-run-reference", "-", "--checkpoint", folder,
             "--encoder", "--ids", " ".join(map(str, one["ids"]))],
            input=module, capture_output=True, text=True, check=True).stdout
        rows = [line.split(": ")[1] for line in reference.splitlines()]
        for expected, got in zip(lines_of("\n".join(rows)), one["vectors"], strict=True):
            for a, b in zip(expected, got, strict=True):
                self.assertAlmostEqual(a, b, delta=2e-5)
        return bundle

    def test_rows_are_the_interpreters(self):
        for family in FAMILIES:
            with self.subTest(family=family):
                spec = {"family": family}
                self.check(checkpoint(f"embed-{family}", spec), spec,
                           "--ids", "5 17 2 31 8 9 17 4")

    def test_an_encoder_alone(self):
        """A checkpoint of T5EncoderModel and its like; its bundle has no decoder either."""
        for family, tokenizer, size in (("t5", "t5-spm", 1600), ("mt5", "mt5", 2100),
                                        ("umt5", "umt5-spm", 2100)):
            with self.subTest(family=family):
                spec = {"family": family, "vocab": size, "encoder_only": True}
                folder = checkpoint(f"embed-{family}-encoder", spec, tokenizer)
                bundle = self.check(folder, spec, "--text", TEXTS[1])
                vectors = lines_of(run("embed", bundle, "--text", TEXTS[0], "--text",
                                       TEXTS[2]).stdout)
                self.assertEqual([len(vector) for vector in vectors], [32, 32])
                self.assertNotEqual(*vectors)
                self.generates_nothing(bundle, "--text", "Yes.")
                self.generates_nothing(bundle, "--ids", "5 1", "--json")
                self.generates_nothing(folder, "--text", "Yes.")
                for words, says in ((["bench", bundle], "bench measures a decoder's steps"),
                                    (["compile", folder, "-o", OUT / "never", "--sketch"],
                                     "this checkpoint is an encoder only")):
                    refused = run(*words, check=False)
                    self.assertEqual((refused.returncode, refused.stdout), (2, ""))
                    self.assertIn(says, refused.stderr)
                ids = feed(TEXTS[1], "tokenize", bundle, "--bare").stdout
                self.assertEqual(feed(ids, "tokenize", bundle, "--detokenize").stdout,
                                 TEXTS[1] + "\n")

    def generates_nothing(self, model, *given):
        result = run("generate", model, *given, check=False)
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn("an encoder only, so it generates nothing", result.stderr)
        self.assertIn(f"`encdec embed {model}`", result.stderr)


unittest.main()
