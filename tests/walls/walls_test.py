#!/usr/bin/env python3
"""walls.py must find each planted breach, and pass a clean tree."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

WALLS = pathlib.Path(__file__).with_name("walls.py")


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
        result = self.run_on({"runtime/exec/A.cpp": '#include "runtime/bundle/B.h"\n'})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_breaches(self):
        for name, include in [
            ("runtime/A.cpp", "mlir/IR/Builders.h"),
            ("runtime/exec/A.h", "runtime/search/Greedy.h"),
            ("dialect/Ops.cpp", "compiler/Passes.h"),
            ("compiler/fuse/F.cpp", "compiler/lower/Target.h"),
            ("compiler/import/I.cpp", "encdec/runtime.h"),
            ("include/encdec/abi.h", "llvm/ADT/StringRef.h"),
        ]:
            with self.subTest(name=name):
                result = self.run_on({name: f"#include <{include}>\n"})
                self.assertEqual(result.returncode, 1)
                self.assertIn(include, result.stderr)

    def test_empty_tree_is_no_pass(self):
        self.assertEqual(self.run_on({"README.md": ""}).returncode, 1)


unittest.main()
