#!/usr/bin/env python3
"""encdec compile --ir: a bundle from a file of IR, of any stage up to encdec-place."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support import BUILD, EXAMPLE, TESTS, Cli, run


class Ir(Cli):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.out = self.folder / "out.encdec"
        self.model = self.folder / "model.mlir"
        self.model.write_text(run("import", EXAMPLE).stdout)

    def opt(self, *passes):
        file = self.folder / "changed.mlir"
        subprocess.run([BUILD / "bin" / "encdec-opt", self.model, *passes, "-o", file], check=True)
        return file

    def compiled(self, file, *options):
        run("compile", "--ir", file, "--checkpoint", EXAMPLE, "-o", self.out, *options)
        return self.out.read_bytes()

    def folders(self, *options):
        run("compile", EXAMPLE, "-o", self.out, *options)
        return self.out.read_bytes()

    def test_imported_ir_gives_the_bytes_of_its_folder(self):
        for options in ([], ["--weights", "int8", "--cpu", "v3"], ["--sketch", "--cpu", "v3"]):
            self.assertEqual(self.compiled(self.model, *options), self.folders(*options))

    def test_what_has_run_is_left(self):
        wanted = self.folders("--weights", "int8", "--cpu", "v3")
        for passes in (["--encdec-fuse"], ["--encdec-fuse-attention"],
                       ["--encdec-fuse", "--encdec-hoist-encoder"], ["--encdec-hoist-encoder"]):
            self.assertEqual(self.compiled(self.opt(*passes), "--weights", "int8", "--cpu", "v3"),
                             wanted, passes)
        # The manifest of placed IR lists the passes that ran here, which are fewer.
        self.compiled(self.opt("--encdec-fuse", "--encdec-place=weights=int8"), "--cpu", "v3")
        self.assertEqual(run("generate", self.out, *self.words).stdout,
                         run("generate", self.bundle, *self.words).stdout)

    def test_names_outlive_tools(self):
        fused = self.opt("--encdec-fuse")
        again = subprocess.run([BUILD / "bin" / "encdec-opt", fused, "--encdec-decompose"],
                               capture_output=True, text=True, check=True).stdout
        for text in (self.model.read_text(), fused.read_text(), again):
            for name in ("l0.cross.k", "l0.cross.q", "l0.cross.o"):
                self.assertTrue(f"%{name} = " in text, name)

    def test_refusals(self):
        def wrong(code, file, *options, says):
            self.refused(code, "compile", "--ir", file, EXAMPLE, "-o", self.out, *options,
                         says=says)
            self.assertFalse(self.out.exists())

        text = self.folder / "text.mlir"
        text.write_text("module {\n  func.func @f(\n}\n")
        wrong(3, text, says=["text.mlir:2:16: "])
        wrong(3, self.folder / "none.mlir", says=["none.mlir"])
        wrong(3, TESTS / "fuse" / "apply-patterns.mlir", says=["encdec.entry"])
        wrong(2, self.model, "--family", "x.json", says=["--family", "--ir"])
        placed = self.opt("--encdec-fuse", "--encdec-place")
        wrong(2, placed, "--weights", "int8", says=["placed already"])
        wrong(3, self.opt("--encdec-fuse", "--encdec-place", "--encdec-schedule"),
              says=["scheduled already"])
        self.refused(2, "compile", "--ir", self.model, EXAMPLE, "-o", self.model,
                     says=["the file of --ir"])
        self.refused(2, "compile", "--ir", self.model, "-o", self.out, says=["required"])


if __name__ == "__main__":
    unittest.main()
