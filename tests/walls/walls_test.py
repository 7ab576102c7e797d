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
            ("compiler/place/P.cpp", "compiler/cpu/Levels.h"),
            ("compiler/schedule/S.cpp", "dialect/Ops.h"),
            ("compiler/lower/L.cpp", "compiler/cpu/CpuKernels.h"),
            ("compiler/import/I.cpp", "encdec/generate.h"),
            ("compiler/import/I.cpp", "runtime/bundle/Bundle.h"),
            ("compiler/tools/T.cpp", "runtime/exec/Model.h"),
            ("dialect/Ops.cpp", "runtime/base/Status.h"),
            ("runtime/base/A.h", "runtime/text/Utf8.h"),
            ("runtime/base/A.h", "encdec/model.h"),
            ("runtime/base/A.h", "llvm/ADT/StringRef.h"),
            ("include/encdec/abi.h", "llvm/ADT/StringRef.h"),
        ]:
            with self.subTest(name=name):
                result = self.run_on({name: f"#include <{include}>\n"})
                self.assertEqual(result.returncode, 1)
                self.assertIn(include, result.stderr)

    def test_no_source_names_a_family(self):
        data = {"compiler/import/families/t5.json":
                '{"family": "t5", "model_types": ["t5"]}',
                "compiler/import/families/refused.json":
                '{"LED": {"model_types": ["led"], "reason": "windows"}}'}
        for text in ('if (type == "t5")', "importT5(input);", "// as T5 does", "LedConfig"):
            with self.subTest(text=text):
                result = self.run_on({**data, "compiler/import/Import.cpp": text})
                self.assertEqual(result.returncode, 1)
                self.assertIn("names the family", result.stderr)
        tokenizers = {"compiler/tokenizer/families/nllb.json": "{}",
                      "compiler/tokenizer/families/fast.json": "{}"}
        for name in ("compiler/tokenizer/T.cpp", "runtime/text/T.cpp", "include/encdec/t.h"):
            with self.subTest(name=name):
                result = self.run_on({**tokenizers, name: "// as Nllb does, fast"})
                self.assertEqual(result.returncode, 1)
                self.assertIn(f"{name}: names the family Nllb", result.stderr)
        result = self.run_on({**data, "compiler/import/Import.cpp": "// called; int att5;"})
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_generic_folders_name_no_target_op_or_kernel(self):
        tree = {"dialect/Ops.td": 'def EncDec_CacheAppendOp : EncDec_Op<"cache_append"> {',
                "compiler/cpu/Cpu.cpp": '    {"block_keys", make},'}
        for name, text, word in [
            ("compiler/place/P.cpp", "// wide as AVX-512", "AVX"),
            ("compiler/lower/L.cpp", "isa<CacheAppendOp>(op);", "CacheAppendOp"),
            ("compiler/schedule/S.cpp", 'name == "cache_append";', '"cache_append"'),
            ("compiler/schedule/S.cpp", 'name == "block_keys";', '"block_keys"'),
        ]:
            with self.subTest(text=text):
                result = self.run_on({**tree, name: text})
                self.assertEqual(result.returncode, 1)
                self.assertIn(f"names {word}", result.stderr)
        clean = {**tree, "compiler/place/P.cpp": "isa<CacheAppendOp>(op);",
                 "compiler/schedule/S.cpp": '// such as "block_keys"'}
        self.assertEqual(self.run_on(clean).returncode, 0)

    def test_cycles_of_folders(self):
        files = {"compiler/a/A.h": '#include "compiler/Root.h"\n',
                 "compiler/Root.h": '#include "compiler/b/B.h"\n',
                 "compiler/b/B.h": "", "compiler/b/B.cpp": '#include "compiler/c/C.h"\n',
                 "compiler/c/C.h": ""}
        self.assertEqual(self.run_on(files).returncode, 0)
        result = self.run_on({**files, "compiler/c/C.cpp": '#include "compiler/a/A.h"\n'})
        self.assertEqual(result.returncode, 1)
        self.assertIn("a includes b includes c includes a", result.stderr)

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
