#!/usr/bin/env python3
"""Checks or rewrites tokens.golden: SentencePiece's tokens of many odd lines.

Run in a virtual environment with sentencepiece and transformers:
    golden_tokens.py              compares with the stored hashes
    golden_tokens.py --refresh    rewrites them
    golden_tokens.py --show MODEL N   prints line N and its pieces or ids
The lines are not stored: LineGenerator.h makes the same ones from the same
random numbers. One hash stands for ten lines.
"""
import argparse
import json
import pathlib
import sys

import sentencepiece

from xorshift import MASK, Random

HERE = pathlib.Path(__file__).resolve().parent
MODEL = HERE.parents[1] / "examples" / "models" / "en-fr"
SENTENCES = HERE.parent / "data" / "en-fr-200.tsv"
GOLDEN = HERE / "tokens.golden"
GROUP = 10
# Model name -> number of lines. "en-fr" hashes the Marian ids, "special" those
# with special tokens parsed, "decode" the text of random ids; the others are
# small SentencePiece files beside this script, and hash pieces and their ids.
MODELS = {"en-fr": 24000, "special": 3000, "decode": 3000,
          "bytes": 3000, "suffix": 3000, "plain": 3000, "ties": 6000}

SPACES = [" ", "  ", "\t", "\u00a0", "\u3000", "\u2009", "\n", "\r", "\u200b",
          "\u2028", "\u2581"]
EMOJI = ["😀", "👨‍👩‍👧‍👦", "🇫🇷", "👍🏽", "1️⃣", "❤️", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "👩🏿‍🚀"]
SPECIAL = ["</s>", "<unk>", "<pad>", ">>fra<<", "▁", "<0x41>", "<s>", ">>", "<<",
           "[USER]", "[USER]2", "ab[hehehe", "\ufffd", "\x00"]
RANGES = [(0x300, 0x36F), (0xFF00, 0xFFEF), (0x600, 0x6FF), (0x590, 0x5FF),
          (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0x1100, 0x11FF),
          (0x1F300, 0x1FAFF), (0x2100, 0x214F), (0xF900, 0xFAFF),
          (0xFB00, 0xFDFF), (0xA0, 0x24F), (0, 0x1F), (0x7F, 0x9F),
          (0x3040, 0x30FF), (0x1D400, 0x1D7FF), (0xE0000, 0xE007F),
          (0xFE00, 0xFE0F), (0xE000, 0xF8FF), (0x900, 0x97F), (0x2000, 0x206F)]


def fragment(rng, sentences):
    kind = rng.below(12)
    if kind <= 3:  # part of a sentence; kind 3 may cut characters
        text = sentences[rng.below(len(sentences))]
        begin = rng.below(len(text))
        end = min(len(text), begin + 1 + rng.below(40))
        while kind < 3 and begin > 0 and text[begin] & 0xC0 == 0x80:
            begin -= 1
        while kind < 3 and end < len(text) and text[end] & 0xC0 == 0x80:
            end += 1
        return text[begin:end]
    if kind == 4:
        return SPACES[rng.below(len(SPACES))].encode() * (1 + rng.below(4))
    if kind <= 6:
        low, high = RANGES[rng.below(len(RANGES))]
        return b"".join(chr(low + rng.below(high - low + 1)).encode()
                        for _ in range(1 + rng.below(4)))
    if kind == 7:
        return EMOJI[rng.below(len(EMOJI))].encode()
    if kind == 8:
        return bytes(rng.below(256) for _ in range(1 + rng.below(3)))
    if kind == 9:
        return SPECIAL[rng.below(len(SPECIAL))].encode()
    if kind == 10:
        return bytes(0x20 + rng.below(0x5F) for _ in range(1 + rng.below(6)))
    letter = bytes([0x61 + rng.below(26)])
    return letter + b"".join(chr(0x300 + rng.below(0x70)).encode()
                             for _ in range(1 + rng.below(3)))


def line(n, sentences):
    rng = Random(n)
    return b"".join(fragment(rng, sentences) for _ in range(1 + rng.below(10)))


class Oracle:
    def __init__(self, name):
        self.name = name
        self.marian = name in ("en-fr", "special", "decode")
        path = MODEL / "source.spm" if self.marian else HERE / f"{name}.spm"
        self.spm = sentencepiece.SentencePieceProcessor(model_file=str(path))
        if self.marian:
            self.vocab = json.loads((MODEL / "vocab.json").read_text("utf-8"))
            from transformers import MarianTokenizer
            self.reference = MarianTokenizer.from_pretrained(MODEL)

    def tokens(self, n, sentences):
        """What gets hashed for line n: strings."""
        text = line(n, sentences)
        if not self.marian:
            pieces = self.spm.encode(text, out_type=str)
            ids = self.spm.encode(text, out_type=int)
            assert len(pieces) == len(ids)
            return [f"{i}:{p}" for i, p in zip(ids, pieces)]
        if self.name == "decode":
            rng = Random(n)
            count = 1 + rng.below(20)
            ids = [rng.below(len(self.vocab)) for _ in range(count)]
            return [self.reference.decode(ids, skip_special_tokens=True)]
        if self.name == "special":
            try:
                return [str(i) for i in self.reference(text.decode()).input_ids]
            except UnicodeDecodeError:
                return ["not UTF-8"]
        return [str(i) for i in self.plain_ids(text)]

    def plain_ids(self, text):
        unk, eos = self.vocab["<unk>"], self.vocab["</s>"]
        ids, rest = [], text
        if text.startswith(b">>") and (end := text.find(b"<<")) != -1:
            code = text[:end + 2].decode(errors="replace")
            ids, rest = [self.vocab.get(code, unk)], text[end + 2:]
        ids += [self.vocab.get(p, unk)
                for p in self.spm.encode(rest, out_type=str)] + [eos]
        try:  # text that is UTF-8 can be shown to the whole tokenizer too
            whole = self.reference(text.decode(), split_special_tokens=True)
            assert whole.input_ids == ids, text
        except UnicodeDecodeError:
            pass
        return ids


def fnv(tokens, state):
    """FNV-1a, 64 bits, over the tokens, each ended by a newline."""
    for byte in "".join(t + "\n" for t in tokens).encode() + b"\n":
        state = (state ^ byte) * 0x100000001B3 & MASK
    return state


def golden(sentences):
    out = []
    for name, count in MODELS.items():
        oracle = Oracle(name)
        out.append(f"{name} {count}")
        for first in range(0, count, GROUP):
            state = 0xCBF29CE484222325
            for n in range(first, first + GROUP):
                state = fnv(oracle.tokens(n, sentences), state)
            out.append(f"{state:016x}")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--refresh", action="store_true")
    parser.add_argument("--show", nargs=2, metavar=("MODEL", "N"))
    args = parser.parse_args()
    sentences = [column.encode()
                 for row in SENTENCES.read_text("utf-8").splitlines()
                 for column in row.split("\t") if column]
    if args.show:
        name, n = args.show[0], int(args.show[1])
        print(line(n, sentences))
        print(*Oracle(name).tokens(n, sentences))
        return 0
    wanted = golden(sentences)
    if args.refresh:
        GOLDEN.write_text(wanted)
        return 0
    if GOLDEN.read_text() != wanted:
        print("tokens.golden differs; run with --refresh", file=sys.stderr)
        return 1
    print("tokens.golden agrees with sentencepiece", sentencepiece.__version__)
    return 0


if __name__ == "__main__":
    sys.exit(main())
