#!/usr/bin/env python3
"""walls.py must find each planted breach, and pass a clean tree.

usage: walls_test.py [C_COMPILER]
"""
import pathlib
import subprocess
import sys
import tempfile
import unittest

WALLS = pathlib.Path(__file__).with_name("walls.py")
COMPILER = sys.argv[1:] or ["cc"]


class WallsTest(unittest.TestCase):
    def run_on(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = pathlib.Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return subprocess.run([sys.executable, WALLS, folder],
                                  capture_output=True, text=True)

    def test_clean(self):
        for name, include in [
            ("runtime/exec/A.cpp", "runtime/bundle/B.h"),
            ("compiler/import/I.cpp", "runtime/base/Status.h"),
            ("compiler/tools/T.cpp", "runtime/base/Status.h"),
            ("compiler/tools/T.cpp", "encdec/runtime.h"),
        ]:
            with self.subTest(name=name, include=include):
                result = self.run_on({name: f'#include "{include}"\n'})
                self.assertEqual(result.returncode, 0, result.stderr)

    def test_breaches(self):
        for name, include in [
            ("runtime/A.cpp", "mlir/IR/Builders.h"),
            ("runtime/exec/A.h", "runtime/search/Greedy.h"),
            ("dialect/Ops.cpp", "compiler/Passes.h"),
            ("compiler/fuse/F.cpp", "compiler/lower/Target.h"),
            ("compiler/import/I.cpp", "encdec/runtime.h"),
            ("compiler/import/I.cpp", "runtime/bundle/Bundle.h"),
            ("compiler/tools/T.cpp", "runtime/exec/Model.h"),
            ("dialect/Ops.cpp", "runtime/base/Status.h"),
            ("runtime/base/A.h", "runtime/text/Utf8.h"),
            ("runtime/base/A.h", "encdec/runtime.h"),
            ("runtime/base/A.h", "llvm/ADT/StringRef.h"),
            ("include/encdec/abi.h", "llvm/ADT/StringRef.h"),
        ]:
            with self.subTest(name=name):
                result = self.run_on({name: f"#include <{include}>\n"})
                self.assertEqual(result.returncode, 1)
                self.assertIn(include, result.stderr)

    def test_symbols(self):
        with tempfile.TemporaryDirectory() as folder:
            lib = pathlib.Path(folder, "lib")
            lib.mkdir()
            for name in ("dialect", "compiler", "runtime"):
                subprocess.run([*COMPILER, "-shared", "-nostdlib", "-x", "c", "-",
                                "-o", lib / f"libencdec_{name}.so"], check=True, text=True,
                               input=f"int twice; int {name}; int encdec_{name};")
            result = subprocess.run([sys.executable, WALLS, folder, folder],
                                    capture_output=True, text=True)
        for message in ("compiler.so and libencdec_dialect.so: both define twice",
                        "libencdec_runtime.so: shows runtime"):
            self.assertIn(message, result.stderr)
        self.assertNotIn("encdec_compiler;", result.stderr)
        self.assertNotIn("shows encdec_runtime", result.stderr)

    def test_empty_tree_is_no_pass(self):
        self.assertEqual(self.run_on({"README.md": ""}).returncode, 1)


unittest.main(argv=sys.argv[:1])
