#!/usr/bin/env python3
"""The bundle as a file: same bytes twice, small, one clear refusal if damaged."""
import random
import unittest

from driver import EXAMPLE, OUT, compile_model, run


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.int8 = compile_model(EXAMPLE, "bundle-int8.encdec", "--weights", "int8")

    def test_same_bytes_twice(self):
        again = compile_model(EXAMPLE, "bundle-again.encdec", "--weights", "int8")
        self.assertEqual(self.int8.read_bytes(), again.read_bytes())

    def test_int8_under_9_mb(self):
        size = self.int8.stat().st_size
        print(f"int8 bundle of the example model: {size:,} bytes")
        self.assertLess(size, 9_000_000)

    def test_verify(self):
        run("verify", self.int8)

    def test_damage_is_refused(self):
        whole = self.int8.read_bytes()
        draw = random.Random(7)
        path = OUT / "damaged.encdec"
        for attempt in range(40):
            data = bytearray(whole)
            if attempt % 2:
                data = data[:draw.randrange(len(data))]
            else:
                data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
            path.write_bytes(data)
            result = run("generate", path, "--ids", "5 0", check=False)
            self.assertIn(result.returncode, (3, 4), f"attempt {attempt}: {result.stderr}")
            self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)
            self.assertEqual(result.stdout, "")

    def test_failed_compile_leaves_the_old_file(self):
        path = compile_model(EXAMPLE, "kept.encdec")
        before = path.read_bytes()
        result = run("compile", OUT, "-o", path, check=False)
        self.assertEqual(result.returncode, 3, result.stderr)
        self.assertEqual(path.read_bytes(), before)
        self.assertEqual([p.name for p in OUT.iterdir() if p.name.startswith("kept")],
                         ["kept.encdec"])


unittest.main()
