#!/usr/bin/env python3
"""Writes seeded random Marian checkpoints, with the standard library alone.

A specification (a small JSON object, see DEFAULTS) says everything; the same one
always gives the same bytes, so that goldens hold specifications and not weights.

    make_checkpoint.py SPEC.json FOLDER        one checkpoint
    make_checkpoint.py --goldens FILE FOLDER   one folder per golden, by its name

Weights are not those of a fresh model, which would let wrong code pass: every
tensor is nonzero (biases, norms, the pad row, final_logits_bias), logits spread
over several units, and `eos_bias` makes sentences end.
"""
import argparse
import array
import json
import math
import os
import random
import struct
import sys

DEFAULTS = {
    "seed": 1,
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_heads": 4,
    "decoder_heads": 4,
    "encoder_ffn": 64,
    "decoder_ffn": 64,
    "vocab": 211,
    "decoder_vocab": None,      # None: as vocab
    "positions": 64,
    "activation": "relu",
    "scale_embedding": True,
    "share": True,              # share_encoder_decoder_embeddings
    "tie": True,                # tie_word_embeddings
    "dtype": "F32",             # F64, F32, F16, BF16
    "names": "v5",              # v5: one tensor a tie; v4: all of them
    "own_head": False,          # store a head with values of its own though tied
    "logit_bias": True,         # store final_logits_bias
    "stored_positions": False,  # store position tables with values of their own
    "shards": 1,
    "config": "v5",             # v4: legacy keys, torch_dtype
    "separate_generation": True,  # False: generation keys stay in config.json
    "logit_spread": 3.0,
    "eos_bias": 0.0,
    "attention_gain": 2.0,      # of query and key projections: sharp attention
    "block_gain": 0.9,          # of values and outputs: more, and the source alone decides
    "ffn_gain": 0.8,
    "bias": 0.1,                # biases and betas lie within +-bias
    "generation": {},           # over the defaults of generation()
}


def complete(spec):
    unknown = set(spec) - set(DEFAULTS)
    if unknown:
        sys.exit(f"make_checkpoint: unknown keys {sorted(unknown)}")
    spec = {**DEFAULTS, **spec}
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


def tensors(spec):
    """{name: (shape, values)} in no particular order."""
    s = complete(spec)
    e, seed = s["d_model"], s["seed"]
    result = {}

    def put(name, shape, low, high, source=None):
        count = math.prod(shape)
        values = nonzero(uniform(seed, source or name, count, low, high))
        result[name] = (list(shape), values)

    def linear(name, out, inputs, gain=1.0):
        bound = gain * math.sqrt(3.0 / inputs)
        put(name + ".weight", [out, inputs], -bound, bound)
        put(name + ".bias", [out], -s["bias"], s["bias"])

    def norm(name, signed=False):
        put(name + ".weight", [e], 0.6, 1.4)
        if signed:  # else a tied head would prefer the token just read
            flips = uniform(seed, name + "/sign", e, -1, 1)
            values = result[name + ".weight"][1]
            values[:] = [v if flip > 0 else -v for v, flip in zip(values, flips)]
        put(name + ".bias", [e], -s["bias"], s["bias"])

    def attention(name):
        linear(name + ".q_proj", e, e, s["attention_gain"])
        linear(name + ".k_proj", e, e, s["attention_gain"])
        linear(name + ".v_proj", e, e, s["block_gain"])
        linear(name + ".out_proj", e, e, s["block_gain"])
        norm(name + "_layer_norm")

    for side in ("encoder", "decoder"):
        for layer in range(s[side + "_layers"]):
            base = f"model.{side}.layers.{layer}"
            attention(base + ".self_attn")
            if side == "decoder":
                attention(base + ".encoder_attn")
            linear(base + ".fc1", s[side + "_ffn"], e, s["ffn_gain"])
            linear(base + ".fc2", e, s[side + "_ffn"], s["ffn_gain"])
            norm(base + ".final_layer_norm", signed=side == "decoder")

    # Rows of variance spread^2/E times a normed row of variance 1 give logits with a
    # standard deviation of `spread`.
    bound = s["logit_spread"] * math.sqrt(3.0 / e)
    shared, head = "model.shared.weight", "lm_head.weight"
    encoder, decoder = (f"model.{side}.embed_tokens.weight" for side in ("encoder", "decoder"))
    source_vocab, target_vocab = s["vocab"], s["decoder_vocab"]
    old = s["names"] == "v4"

    def table(name, rows, source):
        put(name, [rows, e], -bound, bound, source)

    if s["share"]:
        if s["tie"]:
            for name in [shared] + ([encoder, decoder, head] if old else []):
                table(name, source_vocab, shared)
        else:  # three tables, each on its own
            for name in (encoder, decoder, head):
                table(name, source_vocab, name)
    else:
        table(encoder, source_vocab, encoder)
        table(decoder, target_vocab, decoder)
        if old or not s["tie"]:
            table(head, target_vocab, decoder if s["tie"] else head)
    if s["own_head"]:
        table(head, target_vocab, head + "/own")
    if s["logit_bias"]:
        put("final_logits_bias", [1, target_vocab], -0.5, 0.5)
        result["final_logits_bias"][1][eos(s)] = s["eos_bias"] or 0.01
    if s["stored_positions"]:
        for side in ("encoder", "decoder"):
            put(f"model.{side}.embed_positions.weight", [s["positions"], e], -1.0, 1.0)
    return result


def eos(spec):
    return 0


def pad(spec):
    return min(spec["vocab"], spec["decoder_vocab"]) - 1


def generation(spec):
    s = complete(spec)
    keys = {"bos_token_id": 0, "decoder_start_token_id": pad(s), "eos_token_id": eos(s),
            "pad_token_id": pad(s), "max_length": 24, "forced_eos_token_id": eos(s),
            "bad_words_ids": [[pad(s)]], "num_beams": 1}
    keys.update(s["generation"])
    return {k: v for k, v in keys.items() if v is not None}


def config(spec):
    s = complete(spec)
    dtype = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}[s["dtype"]]
    result = {
        "activation_dropout": 0.0, "activation_function": s["activation"],
        "architectures": ["MarianMTModel"], "attention_dropout": 0.0, "d_model": s["d_model"],
        "decoder_attention_heads": s["decoder_heads"], "decoder_ffn_dim": s["decoder_ffn"],
        "decoder_layerdrop": 0.0, "decoder_layers": s["decoder_layers"],
        "decoder_start_token_id": pad(s), "decoder_vocab_size": s["decoder_vocab"], "dropout": 0.1,
        "encoder_attention_heads": s["encoder_heads"], "encoder_ffn_dim": s["encoder_ffn"],
        "encoder_layerdrop": 0.0, "encoder_layers": s["encoder_layers"], "eos_token_id": eos(s),
        "init_std": 0.02, "is_decoder": False, "is_encoder_decoder": True,
        "max_position_embeddings": s["positions"], "model_type": "marian",
        "pad_token_id": pad(s), "scale_embedding": s["scale_embedding"],
        "share_encoder_decoder_embeddings": s["share"], "use_cache": True,
        "vocab_size": s["vocab"],
    }
    if s["config"] == "v4":
        result.update({
            "torch_dtype": dtype, "add_bias_logits": False, "add_final_layer_norm": False,
            "classif_dropout": 0.0, "classifier_dropout": 0.0,
            "extra_pos_embeddings": pad(s) + 1, "normalize_before": False,
            "normalize_embedding": False, "num_hidden_layers": s["encoder_layers"],
            "static_position_embeddings": True, "transformers_version": "4.22.0.dev0",
            "id2label": {"0": "LABEL_0"}, "label2id": {"LABEL_0": 0}, "_num_labels": 3})
    else:
        result.update({"dtype": dtype, "transformers_version": "5.23.0"})
    if not s["tie"] or s["config"] == "v5":
        result["tie_word_embeddings"] = s["tie"]
    if not s["separate_generation"]:
        result.update(generation(s))
    return result


def write_safetensors(path, chosen, dtype):
    header, offset, blobs = {"__metadata__": {"format": "pt"}}, 0, []
    for name, (shape, values) in sorted(chosen.items()):
        blob = pack(values, dtype)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(blob)]}
        offset += len(blob)
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        file.writelines(blobs)


def write(spec, folder):
    s = complete(spec)
    os.makedirs(folder, exist_ok=True)

    def dump(name, value):
        with open(os.path.join(folder, name), "w") as file:
            json.dump(value, file, indent=2, sort_keys=True)

    dump("config.json", config(s))
    if s["separate_generation"]:
        dump("generation_config.json", {**generation(s), "transformers_version": "5.23.0"})
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
