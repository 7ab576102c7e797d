#!/usr/bin/env python3
"""Documents show files, or parts of files, that the tests use.

    snippets.py            fails where a document shows something else
    snippets.py --refresh  writes what the files say into the documents

A fenced block behind a line <!-- file: NAME --> holds that file (beside the document), without
the comment at its top; behind <!-- file: NAME#PART -->, the lines between the comments
`part: PART` and `end: PART`."""
import argparse
import pathlib
import re
import sys

parser = argparse.ArgumentParser(description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--refresh", action="store_true")
REFRESH = parser.parse_args().refresh
ROOT = pathlib.Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"(?ms)^<!-- file: (\S+?)(?:#(\S+))? -->\n```(\w*)\n.*?^```\n")


def content(path, part):
    text = path.read_text(encoding="utf-8")
    if part:
        return re.search(rf"(?ms)^[^\n]*part: {part}\n(.*?)^[^\n]*end: {part}$", text)[1]
    return re.sub(r"\A(?://|#).*\n(?:(?://|# ).*\n)*\n*", "", text)


blocks, stale = 0, []
for document in sorted(ROOT.glob("examples/**/*.md")):
    text = document.read_text(encoding="utf-8")

    def filled(match):
        global blocks
        blocks += 1
        name, part, language = match.groups()
        mark = f"{name}#{part}" if part else name
        return (f"<!-- file: {mark} -->\n```{language}\n"
                f"{content(document.parent / name, part)}```\n")

    wanted = BLOCK.sub(filled, text)
    if wanted != text:
        stale.append(str(document.relative_to(ROOT)))
        if REFRESH:
            document.write_text(wanted, encoding="utf-8")
assert blocks >= 4, "marked blocks are not recognised any more"
print(f"{blocks} blocks of files; changed: {stale}")
if stale and not REFRESH:
    sys.exit("tests/snippets.py --refresh writes these documents anew")
