#!/usr/bin/env python3
"""Every code a pass of compiler/fuse may give stands in its README and has a case
in a lit test, and the other way round."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
fuse = root / "compiler" / "fuse"

# In a source: Refusal{"code", …} or the first string of reportMissed's braces.
in_sources = set()
for path in fuse.glob("*.[ch]*"):
    text = path.read_text()
    in_sources |= set(re.findall(r'Refusal\{\s*"([a-z-]+)"', text))
    in_sources |= set(re.findall(r'reportMissed\([^{]*\{\s*"([a-z-]+)"', text))

in_readme = set(re.findall(r"^\|[^|]*\| `([a-z-]+)` \|", (fuse / "README.md").read_text(),
                           re.MULTILINE))

in_tests = set()
for path in (root / "tests" / "fuse").glob("*.mlir"):
    in_tests |= set(re.findall(r"\[Missed\] ([a-z-]+) ", path.read_text()))

problems = []
for name, codes in (("README.md", in_readme), ("tests", in_tests)):
    for code in sorted(in_sources - codes):
        problems.append(f"{code}: given by a pass, but missing in {name}")
    for code in sorted(codes - in_sources):
        problems.append(f"{code}: stands in {name}, but no pass gives it")
print("\n".join(problems) or f"{len(in_sources)} codes, each documented and tested")
sys.exit(1 if problems or len(in_sources) < 20 else 0)
