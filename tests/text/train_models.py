#!/usr/bin/env python3
"""Trains the three small SentencePiece models beside this script.

Each switches on what the example model does not: byte fallback and
user-defined symbols; whitespace as suffix; whitespace kept, no prefix.
"""
import pathlib

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
