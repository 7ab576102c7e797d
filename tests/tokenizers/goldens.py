#!/usr/bin/env python3
"""Checks or rewrites what the reference makes of lines.txt, for each tokenizer folder.

Run in a virtual environment with transformers, sentencepiece and tokenizers:
    goldens.py                     compares the stored goldens with the reference
    goldens.py --refresh           rewrites lines.txt and the goldens
    goldens.py --full PROGRAM [N]  runs N new strings (default 100,000) a folder through
                                   PROGRAM (build/bin/encdec_tokenize_test) and through the
                                   reference, and prints counts
A golden has, for each way (the default, "trained", and "transformers"), hashes of ids,
with special tokens left alone and parsed, of ids on the target's side, of offsets and of
decoded text, and in full the first lines.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import warnings

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "text")]
warnings.filterwarnings("ignore")

import transformers  # noqa: E402

import corpus  # noqa: E402
import judge  # noqa: E402
from xorshift import MASK, Random  # noqa: E402

LINES = HERE / "lines.txt"
COUNT, GROUP, SHOWN, DECODED = 1200, 20, 10, 600
GENERIC = ["</s>", "<s>", "<unk>", "<pad>", "<mask>", "<extra_id_0>", "<extra_id_99>", "fr_XX", "__fr__",
           "fra_Latn", "<2en>", ">>fra<<", "<0x41>", "<0x0A>", "▁", "▁▁", "[USER]", "NEW_LINE", "__java__"]


def escape(raw):
    """One line of UTF-8: controls, backslashes and broken bytes become \\xNN."""
    out, at = "", 0
    text = raw.decode("utf-8", "surrogateescape")
    for c in text:
        if "\udc80" <= c <= "\udcff":
            out += f"\\x{ord(c) - 0xDC00:02X}"
        elif c == "\\" or ord(c) < 0x20 or 0x7F <= ord(c) < 0xA0 or c in "\u2028\u2029":
            out += "".join(f"\\x{byte:02X}" for byte in c.encode())
        else:
            out += c
    return out


def unescape(line):
    raw, at = b"", 0
    data = line.encode()
    while at < len(data):
        if data[at:at + 2] == b"\\x":
            raw += bytes([int(data[at + 2:at + 4], 16)])
            at += 4
        else:
            raw += data[at:at + 1]
            at += 1
    return raw


def fnv(items):
    """FNV-1a, 64 bits, over the items, each ended by a newline."""
    state = 0xCBF29CE484222325
    for byte in "".join(item + "\n" for item in items).encode():
        state = (state ^ byte) * 0x100000001B3 & MASK
    return f"{state:016x}"


def hashes(items):
    items = list(items)
    return [fnv(items[i:i + GROUP]) for i in range(0, len(items), GROUP)]


def join(ids):
    return " ".join(map(str, ids))


def show_offsets(offsets):
    return " ".join("-" if o is None or o[0] == o[1] else f"{o[0]}:{o[1]}" for o in offsets)


def is_utf8(raw):
    try:
        raw.decode()
        return True
    except UnicodeDecodeError:
        return False


def random_ids(n, size):
    rng = Random(n)
    return [rng.below(size) for _ in range(1 + rng.below(20))]


def measure(j, lines):
    texts = [judge.repair(raw) for raw in lines]
    whole = [text for text, raw in zip(texts, lines) if is_utf8(raw)]
    ids = [j.encode(text) for text in texts]
    made = {"size": j.size, "ids": hashes(map(join, ids)),
            "special": hashes(join(j.encode(text, True)) for text in texts),
            "decoded": hashes(j.decode(one) for one in ids[:DECODED]),
            "random": hashes(j.decode(random_ids(n, j.size)) for n in range(DECODED))}
    if j.target("") is not None:
        made["target"] = hashes(join(j.target(text)) for text in texts[:300])
    if j.offsets:
        made["offsets"] = hashes(show_offsets(j.offsets(text)) if j.places(text) else "?" for text in whole)
        made["unplaced"] = [i for i, text in enumerate(whole) if not j.places(text)]
    made["shown"] = [{"text": text, "ids": one, "decoded": j.decode(one)}
                     | ({"offsets": show_offsets(j.offsets(text))} if j.offsets else {})
                     for text, one in list(zip(texts, ids))[:SHOWN]]
    return made


def golden(name, lines):
    ways = {}
    for way in ("trained", "transformers"):
        if j := judge.judge(name, way):
            ways[way] = measure(j, lines)
    return json.dumps(ways, ensure_ascii=False, indent=1) + "\n"


def run(program, name, way, options, lines):
    """The program's answers, a line each."""
    command = [program, str(HERE / name), "--as", way, *options]
    out = subprocess.run(command, input="".join(raw.hex() + "\n" for raw in lines).encode(),
                         stdout=subprocess.PIPE, check=True).stdout.decode()
    return out.split("\n")[:-1]


def compare(what, lines, ours, wanted):
    """The number of answers that differ; prints the first ones."""
    wrong = [(raw, a, b) for raw, a, b in zip(lines, ours, wanted, strict=True) if a != b]
    for raw, a, b in wrong[:3]:
        print(f"  {what}: {escape(raw)!r}\n    ours      {a}\n    reference {b}")
    return len(wrong)


def full(program, count, only):
    failures = 0
    for name in only or judge.names():
        for way in ("trained", "transformers"):
            j = judge.judge(name, way)
            if not j:
                continue
            strings = corpus.Strings(f"{name} {way}", j.tokens + GENERIC)
            lines = [strings.next() for _ in range(count)]
            texts = [judge.repair(raw) for raw in lines]
            ids = [j.encode(text) for text in texts]
            wrong = compare("ids", lines, run(program, name, way, [], lines), list(map(join, ids)))
            some = slice(0, max(1, count // 8))
            wrong += compare("special", lines[some], run(program, name, way, ["--special"], lines[some]),
                             [join(j.encode(text, True)) for text in texts[some]])
            wrong += compare("decoded", lines[some], run(program, name, way, ["--decode"], lines[some]),
                             [escape(j.decode(one).encode()) for one in ids[some]])
            placed = 0
            if j.offsets:
                whole = [raw for raw in lines[some] if is_utf8(raw) and j.places(raw.decode())]
                placed = len(whole)
                wrong += compare("offsets", whole, run(program, name, way, ["--offsets"], whole),
                                 [show_offsets(j.offsets(raw.decode())) for raw in whole])
            unk_id = getattr(getattr(j, "ref", None), "unk_token_id", None)
            unk_id = j.control["<unk>"] if unk_id is None else unk_id
            known = sum(one.count(unk_id) < 0.2 * len(one) for one in ids)
            seen = len({i for one in ids for i in one})
            failures += wrong
            print(f"{name} {way}: {count} strings, {wrong} differ, {known / count:.1%} of them with under 20 % "
                  f"unknowns, {seen / j.size:.1%} of {j.size} ids seen, offsets of {placed}", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--full", metavar="PROGRAM")
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("count", nargs="?", type=int, default=100_000)
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()
    if args.full:
        return 1 if full(args.full, args.count, args.only) else 0
    if args.refresh and not args.only:
        strings = corpus.Strings("goldens", GENERIC)
        LINES.write_text("".join(escape(strings.next()) + "\n" for _ in range(COUNT)), "utf-8")
    lines = [unescape(line) for line in LINES.read_text("utf-8").split("\n")[:-1]]
    status = 0
    for name in args.only or judge.names():
        path, made = HERE / name / "golden", golden(name, lines)
        if args.refresh:
            path.write_text(made, "utf-8")
        elif path.read_text("utf-8") != made:
            print(f"{path} differs; run with --refresh", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
