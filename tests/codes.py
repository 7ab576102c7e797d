#!/usr/bin/env python3
"""Every code that a folder of compiler/ gives, in the brackets of an error or as the
name of a remark, stands in the README of that folder and has a case in its tests; and
every code there is given by the sources."""
import pathlib
import re
import sys

# A folder of compiler/, the folder of its tests, and the codes that have no test yet.
FOLDERS = [
    ("fuse", "fuse", set()),
    ("place", "place", set()),
    # Every format has kernels today; only a plugin's op that stands for no others is no step.
    ("cpu", "cpu", {"format", "no-step"}),
    ("schedule", "schedule", set()),
    ("lower", "lower", set()),
]
CODE = "([a-z][a-z0-9]*(?:-[a-z0-9]+)*)"


def read(folder, *patterns):
    return "".join(path.read_text() for pattern in patterns
                   for path in sorted(folder.glob(pattern)))


def codes_given(text):
    """Codes by kind: Error, Missed or Passed."""
    literals = re.findall(r'"(?:[^"\\\n]|\\.)*"', text)
    return {
        "Error": {code for literal in literals
                  for code in re.findall(rf"\[{CODE}\]: ", literal)}
        | set(re.findall(rf'\berror\("{CODE}"\)', text)),
        "Missed": set(re.findall(rf'Refusal\{{\s*"{CODE}"', text))
        | set(re.findall(rf'reportMissed\([^{{]*\{{\s*"{CODE}"', text)),
        "Passed": set(re.findall(rf'Gain\{{\s*\w+,\s*"{CODE}"', text))
        | set(re.findall(rf'reportPassed\(\s*[^,]+,\s*"{CODE}"', text)),
    }


def codes_tested(text):
    return {
        "Error": set(re.findall(rf"\[{CODE}\]", text)),
        "Missed": set(re.findall(rf"\[Missed\] {CODE} ", text)),
        "Passed": set(re.findall(rf"\[Passed\] {CODE} ", text)),
    }


root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
problems, count, known = [], 0, set()
for folder, tests, untested in FOLDERS:
    given = codes_given(read(root / "compiler" / folder, "*.cpp", "*.h"))
    readme = (root / "compiler" / folder / "README.md").read_text()
    tested = codes_tested(read(root / "tests" / tests, "*.mlir", "*.cpp"))
    for kind, codes in given.items():
        count += len(codes)
        for code in sorted(codes):
            where = f"compiler/{folder}: {kind.lower()} {code}"
            if f"`{code}`" not in readme:
                problems.append(f"{where} is missing in the README")
            if (code in tested[kind]) == (code in untested):
                problems.append(f"{where} has a test, but is listed without one"
                                if code in untested else f"{where} has no test")
    codes = set().union(*given.values())
    known |= codes
    # Rows of tables under a head "| pass | code | …".
    rows = "".join(re.findall(r"^\| pass \| code \|.*\n((?:\|.*\n)+)", readme, re.M))
    for code in sorted(set(re.findall(rf"^\|[^|]*\| `{CODE}` \|", rows, re.M)) - codes):
        problems.append(f"compiler/{folder}: {code} stands in the README, but no pass gives it")
    for code in sorted((tested["Missed"] | tested["Passed"] | untested) - known):
        problems.append(f"tests/{tests}: no pass gives {code}")

listed = {folder for folder, _, _ in FOLDERS}
for path in sorted((root / "compiler").glob("*/")):
    given = codes_given(read(path, "*.cpp", "*.h"))
    if path.name not in listed and any(given.values()):
        problems.append(f"compiler/{path.name}: gives codes, but is not in the table of {__file__}")
gaps = sum(len(untested) for _, _, untested in FOLDERS)
print("\n".join(problems) or f"{count} codes, each documented, {gaps} of them without a test")
sys.exit(1 if problems or count < 50 else 0)
