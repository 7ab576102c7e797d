"""Random checkpoints of any size, in seconds and without a library: the writer of the
tests, with numbers drawn from a pool. As a program it writes those that figures are
measured with, without a tokenizer: a Marian of OPUS-MT's size (280 MB) unless --size
names another."""
import argparse
import array
import random
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "models"))
import make_checkpoint as writer # noqa: E402

# Drawing each of 75 million numbers would take minutes. A prime length keeps the rows of
# a matrix different.
POOL = 65537
SMALL = 4096 # up to here numbers are drawn one by one: norms, biases
OPUS = {"d_model": 512, "encoder_layers": 6, "decoder_layers": 6, "encoder_heads": 8,
        "decoder_heads": 8, "encoder_ffn": 2048, "decoder_ffn": 2048, "vocab": 58101,
        "positions": 512, "activation": "swish"}
# Without scaled embeddings and with modest blocks the best token depends on the source,
# the position and the token before, so equal ids mean agreement.
COMPARED = {**OPUS, "scale_embedding": False, "logit_spread": 8.0, "block_gain": 0.5}
TWELVE = {"encoder_layers": 12, "decoder_layers": 12}
LARGE = {**TWELVE, "d_model": 1024, "encoder_heads": 16, "decoder_heads": 16,
         "encoder_ffn": 4096, "decoder_ffn": 4096, "positions": 1024,
         "logit_spread": 8.0, "block_gain": 0.5}
SIZES = {
    "opus": COMPARED,
    "t5-base": {**TWELVE, "family": "t5", "d_model": 768, "encoder_heads": 12, "head_size": 64,
                "encoder_ffn": 3072, "vocab": 32128, "logit_spread": 8.0, "eos_gain": 1.0},
    "nllb-600m": {**LARGE, "family": "m2m100", "vocab": 256206, "eos_gain": 1.0},
    # CTranslate2's converter reads normalize_before and others that v5 no longer writes.
    "bart-large": {**LARGE, "family": "bart", "vocab": 50265, "config": "v4"},
}


def pooled(exact):
    """A replacement for make_checkpoint.uniform: each tensor starts at its own
    place of one pool and goes round it."""
    draw = random.Random(1).random
    unit = [draw() for _ in range(POOL)]

    def uniform(seed, name, count, low, high):
        if count <= SMALL:
            return exact(seed, name, count, low, high)
        width, start = high - low, writer.fnv(f"{seed}/{name}") % POOL
        values = array.array("f", (low + width * u for u in unit[start:] + unit[:start]))
        return (values * (count // POOL + 1))[:count]

    return uniform


def nonzero(exact):
    return lambda values: exact(values) if isinstance(values, list) else values


def with_zero_pad(exact):
    """OPUS-MT's pad row is zero, and CTranslate2 takes it to be: it begins decoding
    with a zero row of its own. The pad row is the last. No other family's is."""
    def tensors(spec):
        result = exact(spec)
        if spec["family"] == "marian":
            shape, values = result["model.shared.weight"]
            values[-shape[1]:] = array.array("f", bytes(4 * shape[1]))
        return result

    return tensors


def write(spec, folder):
    """`spec` is make_checkpoint's, with one shared table; the same one gives the same
    bytes."""
    kept = writer.uniform, writer.nonzero, writer.tensors
    writer.uniform, writer.nonzero = pooled(kept[0]), nonzero(kept[1])
    writer.tensors = with_zero_pad(kept[2])
    try:
        writer.write(spec, folder)
    finally:
        writer.uniform, writer.nonzero, writer.tensors = kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench/checkpoint", description=__doc__)
    parser.add_argument("folder", type=Path, help="where it goes; made when missing")
    parser.add_argument("--size", choices=list(SIZES), default="opus",
                        help="nllb-600m takes 2.5 GB and twice as much memory")
    options = parser.parse_args()
    write(SIZES[options.size], options.folder)
