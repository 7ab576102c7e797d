"""The page of encdec explain in a real browser: it fits narrow and wide windows, marks the
same op in every stage by keyboard, and asks no network for anything.

usage: page_test.py BUILD_DIR
Exits with 77, which skips the test, where there is no chromium.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1))
EXAMPLE = ROOT / "examples" / "models" / "en-fr"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")

# The page in a frame of the window's width; what the script finds becomes the title.
FRAME = """<!DOCTYPE html><title>nothing</title><body style="margin:0">
<iframe src="page.html" style="border:0;width:%dpx;height:900px"></iframe>
<script>
document.querySelector("iframe").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement;
  const key = name => page.activeElement.dispatchEvent(
      new page.defaultView.KeyboardEvent("keydown", {key: name, bubbles: true}));
  const stages = () => [...page.querySelectorAll(".stage")].map(
      stage => stage.querySelectorAll(".marked").length);
  const found = {overflow: root.scrollWidth - root.clientWidth, title: page.title,
                 heads: page.querySelectorAll("#heads figure").length};
  page.querySelector("#model [data-item]").focus();
  found.first = stages();
  key("ArrowDown");
  found.second = stages();
  found.detail = page.getElementById("detail").textContent;
  key("Escape");
  found.none = stages();
  page.querySelector(".stage:last-child [data-item]").focus();
  found.back = page.querySelectorAll("#model .marked").length;
  document.title = JSON.stringify(found);
};
</script>"""


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        subprocess.run([BUILD / "bin" / "encdec-explain", EXAMPLE, "--quiet", "--threads", "1", "--html",
                        cls.path / "page.html", "--text", "I like tea."],
                       check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def browse(self, page, *options):
        out = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
             "--allow-file-access-from-files", f"--user-data-dir={self.path / 'profile'}",
             "--enable-logging=stderr", "--virtual-time-budget=5000", *options, page],
            capture_output=True, text=True, timeout=120, check=True,
            env={**os.environ, "HOME": str(self.path)})
        # Errors of the script and what the page's policy refuses.
        self.assertEqual([line for line in out.stderr.splitlines() if "CONSOLE" in line], [])
        return out.stdout

    def test_widths_and_keyboard(self):
        for width in (390, 1280):
            with self.subTest(width=width):
                (self.path / "frame.html").write_text(FRAME % width)
                page = self.browse(self.path / "frame.html", f"--window-size={width},900",
                                   "--dump-dom")
                found = json.loads(re.search("<title>(.*?)</title>", page)[1]
                                   .replace("&gt;", ">").replace("&amp;", "&"))
                self.assertLessEqual(found["overflow"], 0)
                self.assertIn("en-fr", found["title"])
                self.assertEqual(found["heads"], 1)
                self.assertEqual(found["first"], [1, 1, 1, 1])
                self.assertEqual(found["second"], [3, 1, 1, 1])  # q, k, v: one linear
                self.assertIn("fuse-projections", found["detail"])
                self.assertEqual(found["none"], [0, 0, 0, 0])
                self.assertEqual(found["back"], 2)  # the embedding and q, k, v: one call

    def test_no_request_leaves(self):
        dom = self.browse(self.path / "page.html", "--dump-dom")
        self.assertNotRegex(dom.replace("http://www.w3.org/2000/svg", ""), "https?://")
        self.assertNotRegex(dom, r"<(img|link|iframe|object|embed)\b")

    def test_print(self):
        self.browse(self.path / "page.html", "--no-pdf-header-footer",
                    f"--print-to-pdf={self.path / 'page.pdf'}")
        self.assertGreater((self.path / "page.pdf").stat().st_size, 10000)


if __name__ == "__main__":
    if not BROWSER:
        print("skipped: explain-page needs chromium")
        sys.exit(77)
    unittest.main()
