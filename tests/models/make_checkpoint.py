#!/usr/bin/env python3
"""Writes seeded random checkpoints of every family, with the standard library alone.

A specification (a small JSON object, see DEFAULTS) says everything; the same one
always gives the same bytes, so that goldens hold specifications and not weights.

    make_checkpoint.py SPEC.json FOLDER        one checkpoint
    make_checkpoint.py --goldens FILE FOLDER   one folder per golden, by its name

families.py says what a family's checkpoints hold. Weights are not those of a fresh
model, which would let wrong code pass: every tensor is nonzero (biases, norms, the pad
row, final_logits_bias), logits spread over several units, and sentences end by
`eos_bias` or, where logits have no bias, by a longer row of the end's embedding.
"""
import argparse
import array
import json
import math
import os
import random
import struct
import sys

from families import FAMILIES

TRANSFORMERS = "5.24.0"
MAX_LENGTH = 24  # of the generation configurations

DEFAULTS = {
    "seed": 1,
    "family": "marian",
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_heads": 4,
    "decoder_heads": 4,
    "head_size": None,          # None: d_model / heads
    "encoder_ffn": 64,
    "decoder_ffn": 64,
    "vocab": 211,
    "decoder_vocab": None,      # None: as vocab
    "positions": 64,
    "buckets": 32,              # of relative positions
    "max_distance": 128,
    "norm_epsilon": 1e-6,       # of RMS norms
    "activation": "relu",       # T5's feed_forward_proj
    "scale_embedding": True,
    "share": True,              # share_encoder_decoder_embeddings
    "tie": True,                # tie_word_embeddings
    "dtype": "F32",             # F64, F32, F16, BF16
    "names": "v5",              # v5: one tensor a tie; v4: all of them
    "own_head": False,          # store a head with values of its own though tied
    "logit_bias": True,         # store final_logits_bias, where the family has it
    "stored_positions": False,  # store computed position tables with values of their own
    "shards": 1,
    "encoder_only": False,      # a checkpoint of the family's encoder class, no decoder
    "config": "v5",             # v4: legacy keys, torch_dtype
    "separate_generation": True,  # False: generation keys stay in config.json
    "logit_spread": 3.0,
    "final_gain": 1.0,          # of the norm before the head: more spread, same embeddings
    "eos_bias": 0.0,
    "eos_gain": 1.0,            # of the row of the end's embedding
    "attention_gain": 2.0,      # of query and key projections: sharp attention
    "block_gain": 0.9,          # of values and outputs: more, and the source alone decides
    "ffn_gain": 0.8,
    "bias": 0.1,                # biases and betas lie within +-bias
    "source_lengths": None,     # of the goldens; None: those of goldens.py
    "generation": {},           # over the family's
}


def family(spec):
    return FAMILIES[spec.get("family", DEFAULTS["family"])]


def complete(spec):
    unknown = set(spec) - set(DEFAULTS)
    if unknown:
        sys.exit(f"make_checkpoint: unknown keys {sorted(unknown)}")
    keys = family(spec)["keys"].values()
    spec = {**DEFAULTS, **family(spec)["defaults"], **spec}
    for key in ("heads", "ffn"):  # T5 has one number for both sides
        if "decoder_" + key not in keys:
            spec["decoder_" + key] = spec["encoder_" + key]
    if spec["decoder_vocab"] is None:
        spec["decoder_vocab"] = spec["vocab"]
    return spec


def fnv(text):
    """FNV-1a, 64 bits: one stream of numbers per tensor name."""
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    return value


def uniform(seed, name, count, low, high):
    """Python promises that random() of a seeded generator never changes."""
    draw = random.Random(fnv(f"{seed}/{name}")).random
    width = high - low
    return [low + width * draw() for _ in range(count)]


def nonzero(values):
    return [v if abs(v) > 1e-3 else 1e-3 for v in values]


def pack(values, dtype):
    if dtype == "F16":  # struct rounds to nearest, ties to even
        return struct.pack(f"<{len(values)}e", *values)
    floats = array.array("d" if dtype == "F64" else "f", values)
    if dtype in ("F64", "F32"):
        if sys.byteorder == "big":
            floats.byteswap()
        return floats.tobytes()
    out = array.array("H")
    for (bits,) in struct.iter_unpack("=I", floats.tobytes()):
        out.append((bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()


class Drawing:
    """The tensors of one specification: {name: (shape, values)} in no particular order."""

    def __init__(self, spec):
        self.s = complete(spec)
        self.family = family(self.s)
        self.names = self.family["tensors"]
        self.tensors = {}

    def put(self, name, shape, low, high, source=None):
        """`source` names the stream of numbers: equal streams are equal tensors."""
        values = uniform(self.s["seed"], source or name, math.prod(shape), low, high)
        self.tensors[name] = (list(shape), nonzero(values))

    def scale(self, name, gain, begin=0, end=None):
        values = self.tensors[name][1]
        for i in range(begin, len(values) if end is None else end):
            values[i] *= gain

    def linear(self, name, out, inputs, gain=1.0):
        bound = gain * math.sqrt(3.0 / inputs)
        self.put(name + ".weight", [out, inputs], -bound, bound)
        if self.family["biases"]:
            self.put(name + ".bias", [out], -self.s["bias"], self.s["bias"])

    def norm(self, name, signed=False):
        width = self.s["d_model"]
        self.put(name + ".weight", [width], 0.6, 1.4)
        if signed:  # else a tied head would prefer the token just read
            flips = uniform(self.s["seed"], name + "/sign", width, -1, 1)
            values = self.tensors[name + ".weight"][1]
            values[:] = [v if flip > 0 else -v for v, flip in zip(values, flips)]
        if self.family["biases"]:
            self.put(name + ".bias", [width], -self.s["bias"], self.s["bias"])

    def attention(self, base, part, heads):
        s, names = self.s, {k: base + name for k, name in self.names[part].items()}
        size = s["head_size"] or s["d_model"] // heads
        # Scores of the same spread, whether the model scales them or not.
        sharp = s["attention_gain"] * (1 if self.family["scaled_scores"] else size ** -0.25)
        inner = heads * size
        self.linear(names["q"], inner, s["d_model"], sharp)
        self.linear(names["k"], inner, s["d_model"], sharp)
        self.linear(names["v"], inner, s["d_model"], s["block_gain"])
        self.linear(names["o"], s["d_model"], inner, s["block_gain"])
        self.norm(names["norm"])

    def ffn(self, base, side):
        s, names = self.s, {k: base + name for k, name in self.names[side + "_ffn"].items()}
        width, inner = s["d_model"], s[side + "_ffn"]
        ups = ("gate", "gated_up") if s["activation"].startswith("gated-") else ("up",)
        for up in ups:
            self.linear(names[up], inner, width, s["ffn_gain"])
        self.linear(names["down"], width, inner, s["ffn_gain"])
        self.norm(names["norm"], signed=side == "decoder" and not self.family["pre_norm"])

    def side(self, side):
        s, family, heads = self.s, self.family, self.s[side + "_heads"]
        for layer in range(s[side + "_layers"]):
            base = self.names["layer"].format(side=side, layer=layer)
            self.attention(base, "self", heads)
            if family["relative_bias"] == "all" or family["relative_bias"] and layer == 0:
                self.put(base + self.names["self"]["relative_bias"], [s["buckets"], heads],
                         -2.0, 2.0)
            if side == "decoder":
                self.attention(base, "cross", heads)
            self.ffn(base, side)
        if family["embedding_norm"]:
            self.norm(self.names["embedding_norm"].format(side=side))
        if family["final_norm"]:
            name = self.names["final_norm"].format(side=side)
            self.norm(name, signed=side == "decoder")
            if side == "decoder" and s["final_gain"] != 1:
                self.scale(name + ".weight", s["final_gain"])
        if family["positions"] == "learned" or s["stored_positions"]:
            self.put(self.names["positions"].format(side=side),
                     [s["positions"] + family["offset"], s["d_model"]], -1.0, 1.0)

    def table(self, name, rows, source):
        # Rows of variance spread^2/E times a normed row of variance 1 give logits with a
        # standard deviation of `spread`.
        s = self.s
        scaled = self.family["scaled_head"] and s["tie"]
        bound = s["logit_spread"] * math.sqrt(3.0 / (1 if scaled else s["d_model"]))
        self.put(name, [rows, s["d_model"]], -bound, bound, source)
        if s["eos_gain"] != 1:
            begin = eos(s) * s["d_model"]
            self.scale(name, s["eos_gain"], begin, begin + s["d_model"])

    def tables(self):
        s, old = self.s, self.s["names"] == "v4"
        names = {"shared": self.names["shared"], "head": self.names["head"],
                 **{side: self.names["embed"].format(side=side) for side in ("encoder", "decoder")}}
        rows = {"encoder": s["vocab"], "decoder": s["decoder_vocab"], "head": s["decoder_vocab"],
                "shared": s["vocab"]}
        if not s["share"]:
            sources = {"encoder": "encoder", "decoder": "decoder"}
            if old or not s["tie"]:
                sources["head"] = "decoder" if s["tie"] else "head"
        elif s["tie"]:
            sources = dict.fromkeys(names if old else ["shared"], "shared")
        else:
            sources = {table: table for table in self.family["untied"]}
        if s["encoder_only"]:
            sources = {table: source for table, source in sources.items()
                       if table in ("shared", "encoder")}
        for table, source in sources.items():
            self.table(names[table], rows[table], names[source])
        if s["own_head"]:
            self.table(names["head"], rows["head"], names["head"] + "/own")

    def draw(self):
        s = self.s
        self.side("encoder")
        if not s["encoder_only"]:
            self.side("decoder")
        self.tables()
        if s["logit_bias"] and self.family["logit_bias"]:
            self.put("final_logits_bias", [1, s["decoder_vocab"]], -0.5, 0.5)
            self.tensors["final_logits_bias"][1][eos(s)] = s["eos_bias"] or 0.01
        if s["names"] == "v4":
            for name, shape in self.family["ignored"].items():
                self.put(name, [s.get(size, size) for size in shape], -9.0, 9.0)
        return self.tensors


def tensors(spec):
    return Drawing(spec).draw()


def special(spec, name):
    """The id of a special token; None where the family has none."""
    s = complete(spec)
    token = family(s)["special"].get(name)
    return token if token is None or token >= 0 else min(s["vocab"], s["decoder_vocab"]) + token


def eos(spec):
    return special(spec, "eos")


def pad(spec):
    return special(spec, "pad")


def generation(spec):
    s = complete(spec)
    keys = {"bos_token_id": special(s, "bos"), "decoder_start_token_id": special(s, "start"),
            "eos_token_id": eos(s), "pad_token_id": pad(s), "max_length": MAX_LENGTH, "num_beams": 1,
            "bad_words_ids": [[special(s, name)] for name in family(s)["banned"]] or None,
            **family(s)["generation"], **s["generation"]}
    return {k: v for k, v in keys.items() if v is not None}


def config(spec):
    s, of = complete(spec), family(spec)
    dtype = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}[s["dtype"]]
    result = {"architectures": [of["class"]], "model_type": of["model_type"], **of["constants"],
              "decoder_start_token_id": special(s, "start"), "eos_token_id": eos(s),
              "pad_token_id": pad(s), **{key: s[name] for key, name in of["keys"].items()}}
    if s["config"] == "v4":
        result.update({"torch_dtype": dtype, **of["legacy"]})
        result.update({key: s[name] for key, name in of["legacy_keys"].items()})
        for key, value in of["legacy_defaults"].items():
            if result[key] == value:
                del result[key]
        if not s["tie"]:
            result["tie_word_embeddings"] = False
    else:
        result.update({"dtype": dtype, "transformers_version": TRANSFORMERS})
        result.update({key: s[value] if isinstance(value, str) else value
                       for key, value in of["tie"].items()})
    if s["encoder_only"]:
        result.update({"architectures": [of["encoder_class"]], "is_encoder_decoder": False})
    elif not s["separate_generation"]:
        result.update(generation(s))
    return result


def write_safetensors(path, chosen, dtype):
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    size = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}[dtype]
    for name, (shape, values) in sorted(chosen.items()):
        end = offset + size * len(values)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for _, (_, values) in sorted(chosen.items()):
            file.write(pack(values, dtype))


def write(spec, folder):
    s = complete(spec)
    os.makedirs(folder, exist_ok=True)

    def dump(name, value):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(value, file, indent=2, sort_keys=True)

    dump("config.json", config(s))
    if s["separate_generation"] and not s["encoder_only"]:
        dump("generation_config.json", {**generation(s), "transformers_version": TRANSFORMERS})
    everything = tensors(s)
    if s["shards"] == 1:
        write_safetensors(os.path.join(folder, "model.safetensors"), everything, s["dtype"])
        return
    names, weight_map = sorted(everything), {}
    for shard in range(s["shards"]):
        file = f"model-{shard + 1:05}-of-{s['shards']:05}.safetensors"
        chosen = {name: everything[name] for name in names[shard::s["shards"]]}
        write_safetensors(os.path.join(folder, file), chosen, s["dtype"])
        weight_map.update({name: file for name in chosen})
    dump("model.safetensors.index.json", {"metadata": {"total_size": 0}, "weight_map": weight_map})


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--goldens", action="store_true", help="SPEC is a goldens file")
    parser.add_argument("spec")
    parser.add_argument("folder")
    options = parser.parse_args()
    with open(options.spec) as file:
        spec = json.load(file)
    if not options.goldens:
        return write(spec, options.folder)
    for golden in spec["models"]:
        write(golden["spec"], os.path.join(options.folder, golden["name"]))


if __name__ == "__main__":
    main()
