#!/usr/bin/env python3
"""Stands in for `encdec bench`: made-up times in the noise of a machine, by LAB_FAKE:

    equal    both bundles are as fast
    slow     the idea takes 3 % longer
    cached   the idea answers at once where it has been asked the same before
    short    the idea makes fewer tokens than asked
    grouped  bundles with groups take 10 % longer
    nothing  the idea's time is no number
"""
import hashlib
import json
import os
import pathlib
import random
import sys

words = sys.argv[1:]
asked = dict(zip(words, words[1:]))
mode, bundle = os.environ["LAB_FAKE"], pathlib.Path(words[1])
idea = bundle.parent.name == "1"
# Equal seeds of the lab give equal times.
draw = random.Random(repr((mode, idea, words[2:])))
noise = draw.gauss(0, 0.01) + (0.5 if draw.random() < 0.1 else 0)
factor = 2.718281828 ** noise * (1.03 if idea and mode == "slow" else 1)
if mode == "grouped" and b"encdec-group-rows" in bundle.read_bytes():
    factor *= 1.1
if idea and mode == "cached":
    what = hashlib.sha256(repr(words).encode()).hexdigest()
    memory = pathlib.Path(os.environ["LAB_FAKE_FOLDER"]) / what
    factor *= 0.01 if memory.exists() else 1
    memory.touch()
tokens = int(asked["--new-tokens"])
print(json.dumps({
    "batch": int(asked["--batch"]), "source_length": int(asked["--source-length"]),
    "new_tokens": tokens // 2 if idea and mode == "short" else tokens,
    "repeat": int(asked["--repeat"]),
    "step_ms_quartile": "NaN" if idea and mode == "nothing" else 0.3 * factor,
    "encode_ms_quartile": 2 * factor}))
