"""What the tests of encdec lab and tune share: a model of random weights, and a folder for temporary
files in which nothing may be left."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(sys.argv.pop(1)).resolve() / "bin"  # the first argument: the build


class WithModel(unittest.TestCase):
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
