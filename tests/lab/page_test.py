#!/usr/bin/env python3
"""The page of encdec lab in a real browser: it fits narrow and wide windows and asks no network
for anything.

usage: page_test.py BUILD_DIR
Exits with 77, which skips the test, where there is no chromium.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(sys.argv.pop(1)).resolve() / "bin"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

# The page in a frame of the window's width; how much wider it is becomes the title.
FRAME = """<!DOCTYPE html><title>nothing</title><body style="margin:0">
<iframe src="page.html" style="border:0;width:%dpx;height:900px"></iframe>
<script>
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement;
  const loaded = event.target.contentWindow.performance.getEntriesByType("resource").length;
  const times = page.querySelector(".times");  // whose figures are all seen without scrolling
  const wider = element => element.scrollWidth - element.clientWidth;
  document.title = `${wider(times)} ${wider(root)} ${loaded} ${page.title}`;
};
</script>"""


class Page(unittest.TestCase):
    def test_widths(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder)
            model = path / "model"
            subprocess.run([BIN / "encdec", "synth", "--family", "bart", "-o", model],
                           capture_output=True, check=True)
            subprocess.run([BIN / "encdec", "lab", model, "--seconds", "1", "--ablate", "--groups",
                            "all", "--time-equal", "--bench-with", HERE / "fake_bench.py", "--html",
                            path / "page.html"], capture_output=True, check=True,
                           env={**os.environ, "LAB_FAKE": "equal"})
            for width in (390, 1280):
                (path / "frame.html").write_text(FRAME % width)
                out = subprocess.run(
                    [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                     "--allow-file-access-from-files", f"--user-data-dir={path / 'profile'}",
                     "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom",
                     f"--window-size={width},900", path / "frame.html"],
                    capture_output=True, text=True, timeout=120, check=True,
                    env={**os.environ, "HOME": folder})
                self.assertEqual([line for line in out.stderr.splitlines() if "CONSOLE" in line],
                                 [])
                times, wider, loaded, title = re.search("<title>(.*?)</title>",
                                                        out.stdout)[1].split(" ", 3)
                self.assertLessEqual(int(times), 0, width)
                self.assertLessEqual(int(wider), 0, width)
                self.assertEqual(loaded, "0")
                self.assertNotEqual(title, "")


if __name__ == "__main__":
    if not BROWSER:
        print("skipped: no chromium")
        sys.exit(77)
    unittest.main()
