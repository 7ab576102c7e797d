#!/usr/bin/env python3
"""Makes the four small SentencePiece models beside this script.

Each has a feature that the example model lacks: "bytes" byte fallback and user-defined
symbols; "suffix" whitespace as suffix; "plain" whitespace kept and no prefix; "ties",
written by hand, scores so coarse that most texts have several best splits, and
user-defined and unused pieces that overlap.
"""
import itertools
import pathlib
import struct

import sentencepiece

HERE = pathlib.Path(__file__).resolve().parent
rows = (HERE.parent / "data" / "en-fr-200.tsv").read_text("utf-8").splitlines()
text = [column for row in rows for column in row.split("\t") if column]
common = dict(model_type="unigram", normalization_rule_name="identity",
              num_threads=1, hard_vocab_limit=False, minloglevel=2)
variants = {
    "bytes": dict(vocab_size=520, byte_fallback=True,
                  user_defined_symbols=["[USER]", "[USER]2", "ab"]),
    "suffix": dict(vocab_size=200, treat_whitespace_as_suffix=True,
                   character_coverage=0.98),
    "plain": dict(vocab_size=200, add_dummy_prefix=False,
                  remove_extra_whitespaces=False, control_symbols=["<x>"],
                  user_defined_symbols=["</s>x", "é"]),
}
for name, options in variants.items():
    with open(HERE / f"{name}.spm", "wb") as file:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(text), model_writer=file, **common, **options)


def varint(n):
    return bytes([n]) if n < 128 else bytes([n & 127 | 128]) + varint(n >> 7)


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def piece(text, score, kind=1):
    return field(1, field(1, text.encode()) + b"\x15" + struct.pack("<f", score)
                 + b"\x18" + varint(kind))


ties = piece("<unk>", 0, 2)
for length in (1, 2, 3):
    for letters in itertools.product("etaon▁", repeat=length):
        # Halves are exact in binary, so equal sums are equal.
        kind = 5 if letters.count("n") == 2 else 1
        ties += piece("".join(letters), -1.5 - 0.5 * length, kind)
for text in ("thei", "hei", "he", "hehe", "ei", "b[he"):
    ties += piece(text, 0, 4)
(HERE / "ties.spm").write_bytes(ties)
