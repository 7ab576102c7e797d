#!/usr/bin/env python3
"""What the documentation tells a reader to type exists and runs.

    readme_test.py BUILD_DIR

Commands are indented lines and backquoted texts that begin with a program. Commands of
README.md, and of the other documents in RUN, that need no more than a build are run, in a
copy of the clone, one after the other. In every document the commands' programs, the files
that they read, the options, the targets and the tests must exist."""
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv.pop(1)).resolve()
DOCUMENTS = sorted(path.relative_to(ROOT) for path in ROOT.rglob("*.md")
                   if not path.relative_to(ROOT).parts[0].startswith((".", "build")))
PROGRAM = re.compile(r"(ctest|cmake|encdec|encdec-[a-z-]+|"
                     r"(build/bin|bench|tests|examples)/[\w./-]+)(?= |$)")
FILE = re.compile(r"`((?:bench|compiler|dialect|examples|runtime|tests)/[\w./-]+\.[a-z]+)`")
# Documents whose commands are run; each begins with nothing but the build.
RUN = ["README.md", "compiler/tools/README.md", "examples/tutorials/README.md"]
# Commands that need a build and take seconds are run; commands that build, install,
# download or measure are only checked.
RUNS = re.compile(r"build/bin/(?!encdec_bench)(?!.*build/opus)")
# How often the tutorials' patterns match in the commands that show their remarks.
MATCHES = {"cross-output.pdll": 2, "fold-scale.pdll": 8, "value-output.pdll": 4}


def commands(document):
    """(whether it stands in an indented block, the line) of each."""
    text = (ROOT / document).read_text(encoding="utf-8")
    for line in re.sub(r" \\\n +", " ", text).splitlines():
        block = line.startswith("    ")
        for part in line.strip().split(" && ") if block else re.findall(r"`([^`]+)`", line):
            name = re.fullmatch(r"encdec[a-z-]*", part) # of a program, or of a pass
            if PROGRAM.match(re.sub(r"^(time |cut .*\| )", "", part)) and not name:
                yield block, part


def words_of(command):
    words = shlex.split(command, comments=True)
    return words[words.index("|") + 1:] if "|" in words else words[words[0] == "time":]


def output_of(*words):
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, cwd=ROOT)
    return done.stdout + done.stderr


class Documents(unittest.TestCase):
    def setUp(self):
        self.targets = output_of("ninja", "-C", BUILD, "-t", "targets", "all")
        presets = json.loads((ROOT / "CMakePresets.json").read_text())["buildPresets"]
        self.presets = [preset["name"] for preset in presets]

    def check(self, document, command):
        name, *rest = words_of(command)
        for option, value in zip(rest, rest[1:]):
            if option == "-R":
                found = output_of("ctest", "--test-dir", BUILD, "-N", "-R", value)
                self.assertRegex(found, r"Total Tests: [1-9]")
            elif option == "--preset":
                self.assertIn(value, self.presets)
            elif option == "--target":
                self.check_target(value)
        if name == "tests/setup.sh" and rest:
            self.assertIn(rest[0], self.presets)
            for target in rest[1:]:
                self.check_target(target)
        if name == "ctest": # which says little: figures need -V, the root has no tests
            self.assertTrue("--preset" in rest or rest[:2] == ["--test-dir", "build"])
        if name in ("cmake", "ctest"):
            return
        installed = name.startswith(("build/bin/", "encdec"))
        program = BUILD / "bin" / name.split("/")[-1] if installed else ROOT / name
        self.assertTrue(program.exists(), program)
        options = [word.split("=")[0] for word in rest if word.startswith("--")]
        command = rest[:1] if program.name == "encdec" and not rest[0].startswith("-") else []
        help_text = output_of(program, *command, "--help") if options else ""
        for option in options:
            self.assertRegex(help_text, rf"(?<![\w-]){option}(?![\w-])")
        for word in rest:
            if re.fullmatch(r"\w[\w.-]*/[\w./-]+", word) and not word.startswith("build"):
                self.assertTrue((ROOT / word).exists(), word)

    def check_target(self, name):
        self.assertRegex(self.targets, rf"(?m)^{re.escape(name)}: phony")

    def test_every_command_names_what_exists(self):
        seen = 0
        for document in DOCUMENTS:
            for _, command in commands(document):
                with self.subTest(document=str(document), command=command):
                    self.check(document, command)
                seen += 1
        self.assertGreater(seen, 40, "commands are not recognised any more")

    def test_every_cell_of_the_families_tables_has_its_test(self):
        listed = re.findall(r"(?m)^ *Test +#\d+: (.*)$",
                            output_of("ctest", "--test-dir", BUILD, "-N"))
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        text = text[text.index("\n## Families\n"):text.index("\n## Install\n")]
        families, others, tokenizers = (
            [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
            for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE))
        names = [row[-1].strip("`").replace("FAMILY", family) for row in families[2:]
                 for family, cell in zip(families[0][1:-1], row[1:-1], strict=True) if cell]
        self.assertGreater(len(names), 100)
        names += [row[1].strip("`") for row in others[2:]]
        folders = re.findall("`(.*?)`", " ".join(cell for row in tokenizers[2:]
                                                 for cell in row[1:]))
        self.assertEqual(set(folders), {path.parent.name.replace("-", "_")
                                        for path in ROOT.glob("tests/tokenizers/*/golden")})
        names += [rf"TokenizerFolder.*/{name}\b" for name in folders]
        for name in names:
            with self.subTest(name=name):
                self.assertTrue(any(re.search(name, test) for test in listed))

    def test_links_and_files_lead_somewhere(self):
        for document in DOCUMENTS:
            text = (ROOT / document).read_text(encoding="utf-8")
            names = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
            names += re.findall(FILE, text)
            for name in names:
                with self.subTest(document=str(document), name=name):
                    self.assertTrue((ROOT / document).parent.joinpath(name).exists()
                                    or (ROOT / name).exists())

    def test_commands_of_documents_run_in_their_order(self):
        for document in RUN:
            with self.subTest(document=document):
                self.run_all(document)

    def run_all(self, document):
        with tempfile.TemporaryDirectory() as folder:
            clone = pathlib.Path(folder)
            for path in ROOT.iterdir():
                if not path.name.startswith(("build", ".")):
                    (clone / path.name).symlink_to(path)
            (clone / "build").mkdir()
            for name in ("bin", "lib"):
                (clone / "build" / name).symlink_to(BUILD / name)
            before, ran = {path.name for path in clone.iterdir()}, 0
            for block, command in commands(document):
                if not (block and RUNS.search(command)):
                    continue
                done = subprocess.run(["bash", "-c", command], cwd=clone, text=True,
                                      capture_output=True, stdin=subprocess.DEVNULL)
                self.assertEqual(done.returncode, 0, f"{command}\n{done.stderr}")
                for file, count in MATCHES.items():
                    if f"tutorials/{file} --remarks-filter" in command:
                        self.assertEqual(done.stderr.count("[Passed] applied"), count, command)
                ran += 1
            self.assertGreater(ran, 5, "commands are not recognised any more")
            self.assertEqual({path.name for path in clone.iterdir()}, before,
                             "commands leave files in the clone")


unittest.main()
