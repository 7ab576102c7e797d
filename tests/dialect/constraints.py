"""Every numbered constraint of an op has a test named after it.

Reads `C<n>` lines of the op descriptions in dialect/Ops.td and what it includes and
looks for @<op>_c<n> in the lit files of this folder.
"""
import pathlib
import re
import sys

source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2])
text = "".join((source / "dialect" / name).read_text()
               for name in ("Ops.td", "AttentionOps.td", "FusedOps.td"))
tests = "".join(path.read_text()
                for path in sorted((source / "tests/dialect").glob("*.mlir")))
missing, count = [], 0
# An op's text runs from its def to the next one.
for body in re.split(r"^def EncDec_", text, flags=re.M)[1:]:
    name = re.search(r"^\w+Op : \w+<(?:EncDec_Dialect, )?\"(\w+)\"", body)
    if not name:
        continue
    for number in re.findall(r"^    C(\d+) ", body, flags=re.M):
        count += 1
        test = f"@{name.group(1)}_c{number}"
        if not re.search(re.escape(test) + r"\b", tests):
            missing.append(test)
if missing or count < 40:
    sys.exit(f"{count} constraints; no test named {', '.join(missing)}")
print(f"{count} constraints, each with a test")
