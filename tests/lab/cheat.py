#!/usr/bin/env python3
"""Stands in for encdec-compile: with --cheat NAME the model is changed on its way into the
bundle, by a rewrite of its textbook IR. Each cheat would make it faster, or look so."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BIN = pathlib.Path(os.environ["LAB_BIN"])
SEEDED = "\n  encdec.weight @flat : tensor<512x64xf32> = #encdec.seeded<1, 1.0e-9>" \
         "\n  encdec.weight @flat_bias : tensor<512xf32> = #encdec.seeded<2, 1.0>\n}"

# name: (what is found, what takes its place)
CHEATS = {
    "weights-dropped": (r"(@decoder\.l1\.ffn\.down\.w : tensor<[^>]*> = )#encdec\.file<[^>]*>",
                        r"\1#encdec.seeded<1, 1.0e-9>"),
    "slightly-changed": (r"(%l0\.cross\.scores = .*scale = )2\.500000e-01", r"\g<1>2.501e-01"),
    "layer-skipped": (r"%logits = encdec\.linear %l1\.ffn\.normed",
                      "%logits = encdec.linear %l0.ffn.normed"),
    "residual-dropped": (r"encdec\.add %l1\.ffn\.down, %l1\.cross\.normed",
                         "encdec.add %l1.ffn.down, %l1.ffn.down"),
    "source-ignored": (r"encdec\.add %l([01])\.cross\.o,", r"encdec.add %l\1.self.o,"),
    "constant-output": (r"(%logits = encdec\.linear %l1\.ffn\.normed), @shared, @decoder\.head_bias",
                        r"\1, @flat, @flat_bias"),
    "fewer-tokens": (r"max_length = \d+", "max_length = 3"),
    "no-numbers": (r"(%l1\.self\.scores = .*scale = )2\.500000e-01", r"\g<1>3.0e38"),
}


def main():
    words = sys.argv[1:]
    if "--cheat" not in words:
        os.execv(BIN / "encdec-compile", ["encdec-compile", *words])
    name = words[words.index("--cheat") + 1]
    folder, out = words[0], words[words.index("-o") + 1]
    text = subprocess.run([BIN / "encdec-import", folder], capture_output=True, text=True,
                          check=True).stdout
    found, put = CHEATS[name]
    text, count = re.subn(found, put, text)
    if not count:
        sys.exit(f"cheat {name}: nothing to change")
    if "@flat" in text:
        text = re.sub(r"\n}\s*$", SEEDED, text)
    with tempfile.TemporaryDirectory() as temporary:
        ir = pathlib.Path(temporary, "cheat.mlir")
        ir.write_text(text)
        return subprocess.run([BIN / "encdec-run", ir, "--fuse", "--checkpoint", folder, "--ids", "5",
                               "--steps", "1", "--bundle", out],
                              stdout=subprocess.DEVNULL, check=False).returncode


sys.exit(main())
