"""Families as programs see them: one that is added by a file alone, refusals of files, the
list of what is built in, and the limit of families that have none.

usage: family_test.py BIN_FOLDER SOURCE_FOLDER
"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BIN, SOURCE = map(pathlib.Path, sys.argv[1:3])
sys.path.insert(0, str(SOURCE / "tests" / "models"))
import make_checkpoint  # noqa: E402

SMALL = {"d_model": 8, "encoder_heads": 2, "decoder_heads": 2, "vocab": 31,
         "encoder_layers": 1, "decoder_layers": 2}


def run(program, *arguments):
    return subprocess.run([BIN / program, *map(str, arguments)], text=True,
                          capture_output=True)


class Family(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def checkpoint(self, family, **spec):
        folder = self.folder / family
        make_checkpoint.write({"family": family, **SMALL, **spec}, str(folder))
        return folder

    def edit(self, path, change):
        data = json.loads(path.read_text())
        change(data)
        path.write_text(json.dumps(data))

    def my_family(self, change=lambda data: None):
        """BART's file under another name, and changed."""
        file = self.folder / "quux.json"
        file.write_text((SOURCE / "compiler/import/families/bart.json").read_text())
        self.edit(file, lambda data: data.update(family="quux", model_types=["quux"]))
        self.edit(file, change)
        return file

    def test_a_file_adds_a_family(self):
        checkpoint = self.checkpoint("bart")
        known = run("encdec-import", checkpoint)
        self.assertEqual(known.returncode, 0, known.stderr)
        self.edit(checkpoint / "config.json", lambda data: data.update(model_type="quux"))
        unknown = run("encdec-import", checkpoint)
        self.assertEqual(unknown.returncode, 3)
        self.assertIn("expected one of the supported families", unknown.stderr)
        self.assertIn("--family FILE", unknown.stderr)
        added = run("encdec-import", "--family", self.my_family(), checkpoint)
        self.assertEqual(added.returncode, 0, added.stderr)
        self.assertEqual(added.stdout, known.stdout.replace('family = "bart"',
                                                            'family = "quux"'))
        bundle = self.folder / "quux.encdec"
        made = run("encdec-compile", checkpoint, "-o", bundle, "--family", self.my_family(),
                   "--cpu", "v3", "--quiet")
        self.assertEqual(made.returncode, 0, made.stderr)
        shown = run("encdec", "inspect", bundle)
        self.assertIn("quux", shown.stdout)

    def test_the_file_says_what_the_model_is(self):
        checkpoint = self.checkpoint("bart")
        self.edit(checkpoint / "config.json", lambda data: data.update(model_type="quux"))
        before = run("encdec-import", checkpoint, "--family", self.my_family(
            lambda data: data["both"]["norm"].update(order="before")))
        self.assertEqual(before.returncode, 0, before.stderr)
        self.assertIn("%l0.self.sum = encdec.add %l0.self.o, %embed.normed", before.stdout)

    def test_bad_files_are_refused(self):
        checkpoint = self.checkpoint("bart")
        self.edit(checkpoint / "config.json", lambda data: data.update(model_type="quux"))

        def refused(file, says, code=3):
            result = run("encdec-import", "--family", file, checkpoint)
            self.assertEqual((result.returncode, result.stdout), (code, ""), result.stderr)
            self.assertIn(says, result.stderr)
            self.assertEqual(result.stderr.count("\n"), 1, result.stderr)

        refused(self.folder / "nowhere.json", "nowhere.json")
        refused(self.my_family(lambda data: data.update(both=3)), "quux.json: both: expected")
        refused(self.my_family(lambda data: data.update(model_types=["quuz"])),
                'expected one that quux.json lists in model_types (quuz), found "quux"')
        other = self.my_family(lambda data: data["both"]["ffn"].update(up="l.{layer}.up"))
        result = run("encdec-import", "--quiet", "--family", other, checkpoint)
        self.assertEqual(result.returncode, 3)
        self.assertIn("missing: \"l.0.up.weight\"", result.stderr)

    def test_tensors_of_old_files_and_untied_tables(self):
        checkpoint = self.checkpoint("t5", own_head=True)
        result = run("encdec-import", checkpoint)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('"lm_head.weight" and "shared.weight" hold different values',
                      result.stderr)
        self.assertEqual(result.stderr.count("\n"), 1, result.stderr)
        self.assertIn("encdec.weight @decoder.head :", result.stdout)

    def test_missing_tables_are_tied_as_the_class_does(self):
        """T5's classes tie a head that is missing, whatever tie_word_embeddings says."""
        for family in ("t5", "mt5", "umt5"):
            with self.subTest(family=family):
                checkpoint = self.checkpoint(family, tie=True)
                self.edit(checkpoint / "config.json",
                          lambda data: data.update(tie_word_embeddings=False))
                result = run("encdec-import", checkpoint)
                self.assertEqual((result.returncode, result.stderr), (0, ""))
                self.assertNotIn("encdec.weight @decoder.head :", result.stdout)

    def test_an_encoder_alone(self):
        checkpoint = self.checkpoint("t5")

        def encoded(module):
            result = subprocess.run(
                [BIN / "encdec-run-reference", "-", "--checkpoint", checkpoint, "--encoder",
                 "--ids", "5 9 22 1"], input=module, text=True, capture_output=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            return result.stdout

        whole = run("encdec-import", checkpoint).stdout
        self.edit(checkpoint / "config.json", lambda data: data.update(
            architectures=["T5EncoderModel"], is_encoder_decoder=False))
        alone = run("encdec-import", checkpoint)
        self.assertEqual(alone.returncode, 0, alone.stderr)
        self.assertIn("tensors not used", alone.stderr)  # the decoder's
        for part in ("@step", "decoder_layers", "encdec.generation", "@decoder"):
            self.assertIn(part, whole)
            self.assertNotIn(part, alone.stdout)
        self.assertEqual(encoded(alone.stdout), encoded(whole))
        self.edit(checkpoint / "config.json",
                  lambda data: data.update(architectures=["T5ForConditionalGeneration"]))
        refused = run("encdec-import", checkpoint)
        self.assertEqual(refused.returncode, 3)
        self.assertIn('"is_encoder_decoder": expected true, found false', refused.stderr)

    def test_max_source_tokens(self):
        relative, learned = self.checkpoint("t5"), self.checkpoint("bart")
        limit = run("encdec-import", relative, "--max-source-tokens", 77)
        self.assertIn("max_positions = 77 :", limit.stdout)
        self.edit(relative / "generation_config.json", lambda data: data.update(max_length=50))
        self.assertIn("max_positions = 49 :",
                      run("encdec-import", relative, "--max-source-tokens", 49).stdout)
        cut = run("encdec-import", relative, "--max-source-tokens", 10)
        self.assertIn("max_positions = 10 :", cut.stdout)
        self.assertIn("\"max_length\": 50 is more than the model's 10 positions allow, cut to 11",
                      cut.stderr)
        refused = run("encdec-import", learned, "--max-source-tokens", 77)
        self.assertEqual(refused.returncode, 2)
        self.assertIn("bart models have 64 positions", refused.stderr)
        for wrong in ("0", "-1", "x", "99999999"):
            self.assertEqual(
                run("encdec-import", relative, "--max-source-tokens", wrong).returncode, 2)

    def test_list_of_families(self):
        listed = run("encdec", "families")
        self.assertEqual(listed.returncode, 0, listed.stderr)
        details = json.loads(run("encdec-families", "--json").stdout)
        files = {path.stem for path in (SOURCE / "compiler/import/families").glob("*.json")}
        self.assertEqual({family["family"] for family in details["families"]} | {"refused"},
                         files)
        for family in details["families"] + details["refused"]:
            self.assertIn(family["family"], listed.stdout)
        for family in details["refused"]:
            self.assertIn(family["reason"], listed.stdout)
        self.assertEqual(run("encdec-families", "--jso").returncode, 2)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
