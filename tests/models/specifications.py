"""The specifications that goldens are made of: for each family every variant at least
once, odd sizes included, and some drawn at random."""
import random

import make_checkpoint
from families import FAMILIES

RANDOM = 4  # random specifications of each family among the goldens

SIZES = {
    "plain": {},
    "one-head": {"encoder_heads": 1, "decoder_heads": 1},
    "head-size-20": {"d_model": 40, "encoder_heads": 2, "decoder_heads": 2, "head_size": 20},
    "ffn-131": {"encoder_ffn": 131, "decoder_ffn": 131},
    "deeper-encoder": {"encoder_layers": 3, "decoder_layers": 1},
    "deeper-decoder": {"encoder_layers": 1, "decoder_layers": 3},
    "vocabulary-1031": {"vocab": 1031, "d_model": 24},
}
STORED = {
    "f16-v4": {"dtype": "F16", "names": "v4", "config": "v4"},
    "bf16-sharded": {"dtype": "BF16", "shards": 3},
    "v4-config": {"config": "v4", "separate_generation": False},
    "own-head": {"own_head": True},
    "untied": {"tie": False},
}
NO_REPEAT = {"no-repeat": {"generation": {
    "no_repeat_ngram_size": 3, "encoder_no_repeat_ngram_size": 3, "min_length": 8}}}

BART = {
    **SIZES, **STORED, **NO_REPEAT,
    "odd-width": {"d_model": 21, "encoder_heads": 3, "decoder_heads": 7, "encoder_ffn": 37,
                  "decoder_ffn": 53},
    "scaled-relu": {"scale_embedding": True, "activation": "relu"},
    "unscaled-swish": {"scale_embedding": False, "activation": "swish"},
    "forced-bos": {"generation": {"forced_bos_token_id": 9}},
}
T5 = {
    **SIZES, **STORED, **NO_REPEAT,
    "head-size-33": {"head_size": 33, "encoder_heads": 1},
    "narrow-heads": {"head_size": 3, "encoder_heads": 5, "d_model": 48},
    "gated-gelu": {"activation": "gated-gelu"},
    "gated-silu-untied": {"activation": "gated-silu", "tie": False},
    "relu": {"activation": "relu"},
    "gelu-new": {"activation": "gelu_new"},
    "few-buckets": {"buckets": 6, "max_distance": 20, "head_size": 16},
    "long-sources": {"source_lengths": [40, 129, 160, 200, 23, 7]},
    "epsilon": {"norm_epsilon": 0.01},
}
SPREAD_BY_TABLE = {"logit_spread": 9.0}
SPREAD_BY_NORM = {"final_gain": 3.0}
OLD_FORCED_BOS = {"forced-bos-of-an-old-config": {
    "config": "v4", "separate_generation": False,
    "generation": {"force_bos_token_to_be_generated": True}}}


def large(vocab, **more):
    """A vocabulary as large as the family's own, in a model narrow enough for a test."""
    return {"large-vocabulary": {
        "vocab": vocab, "d_model": 8, "encoder_heads": 2, "decoder_heads": 2, "dtype": "F16",
        "encoder_layers": 1, "decoder_layers": 1, **more}}


MARIAN = {
    "plain": {},
    "one-head": {"encoder_heads": 1, "decoder_heads": 1},
    "head-size-20": {"d_model": 40, "encoder_heads": 2, "decoder_heads": 2},
    "ffn-333": {"encoder_ffn": 333, "decoder_ffn": 333},
    "one-decoder-layer": {"decoder_layers": 1, "encoder_layers": 3},
    "one-layer-each": {"decoder_layers": 1, "encoder_layers": 1},
    "large-vocabulary": {"vocab": 58101, "d_model": 8, "encoder_heads": 2, "decoder_heads": 2,
                         "dtype": "F16", "encoder_layers": 1, "decoder_layers": 1},
    "large-target-vocabulary": {"vocab": 97, "decoder_vocab": 58101, "share": False,
                                "d_model": 8, "encoder_heads": 1, "decoder_heads": 2,
                                "encoder_layers": 1, "decoder_layers": 1},
    "relu-unscaled": {"activation": "relu", "scale_embedding": False},
    "gelu": {"activation": "gelu"},
    "gelu-unscaled": {"activation": "gelu", "scale_embedding": False},
    "swish": {"activation": "swish"},
    "swish-unscaled": {"activation": "swish", "scale_embedding": False},
    "silu": {"activation": "silu"},
    "gelu-new": {"activation": "gelu_new"},
    "f16": {"dtype": "F16"},
    "bf16": {"dtype": "BF16"},
    "bf16-v4": {"dtype": "BF16", "names": "v4", "config": "v4"},
    "f16-v4": {"dtype": "F16", "names": "v4", "config": "v4"},
    "v4-names": {"names": "v4"},
    "v4-config": {"config": "v4", "separate_generation": False},
    "separate-vocabularies": {"share": False, "vocab": 211, "decoder_vocab": 157},
    "separate-v4": {"share": False, "vocab": 131, "decoder_vocab": 257, "names": "v4"},
    "separate-untied": {"share": False, "vocab": 131, "decoder_vocab": 257, "tie": False},
    "shared-untied": {"tie": False},
    "own-head": {"own_head": True},
    "no-logit-bias": {"logit_bias": False, "generation": {"eos_token_id": [0, 3, 5, 8, 9, 12, 44, 45, 46, 47, 48]}},
    "stored-positions": {"stored_positions": True},
    "stored-positions-f16": {"stored_positions": True, "dtype": "F16", "scale_embedding": False},
    "sharded": {"shards": 3},
    "sharded-bf16": {"shards": 2, "dtype": "BF16", "share": False},
    "sides-differ": {"encoder_layers": 3, "decoder_layers": 1, "encoder_heads": 8,
                     "decoder_heads": 2, "encoder_ffn": 96, "decoder_ffn": 48},
    "odd-width": {"d_model": 21, "encoder_heads": 3, "decoder_heads": 7, "encoder_ffn": 37,
                  "decoder_ffn": 53},
    "width-17": {"d_model": 17, "encoder_heads": 1, "decoder_heads": 17, "encoder_ffn": 5,
                 "decoder_ffn": 129},
    "head-size-1": {"d_model": 6, "encoder_heads": 6, "decoder_heads": 6, "vocab": 61},
    "wide-heads": {"d_model": 96, "encoder_heads": 1, "decoder_heads": 1, "encoder_ffn": 112,
                   "decoder_ffn": 16, "encoder_layers": 1, "decoder_layers": 1},
    "deep": {"encoder_layers": 6, "decoder_layers": 6, "encoder_ffn": 24,
             "decoder_ffn": 24, "block_gain": 0.4, "ffn_gain": 0.4},
    "max-new-tokens": {"generation": {"max_new_tokens": 9, "max_length": None}},
    "default-length": {"generation": {"max_length": None, "forced_eos_token_id": None}},
    "min-length": {"generation": {"min_length": 8}},
    "min-new-tokens": {"generation": {"min_new_tokens": 6, "max_length": 15}},
    "forced-bos": {"generation": {"forced_bos_token_id": 7}},
    "bad-words": {"generation": {"bad_words_ids": [[210], [5], [17], [0], [30], [31, 32]]}},
    "short-positions": {"positions": 24, "generation": {"max_length": 24}},
    "vocabulary-128": {"vocab": 128, "d_model": 64, "encoder_heads": 4, "decoder_heads": 4,
                       "encoder_layers": 1, "decoder_layers": 1},
    "tiny-vocabulary": {"vocab": 5, "d_model": 12, "encoder_heads": 3, "decoder_heads": 2},
    "no-repeat": {"generation": {"no_repeat_ngram_size": 2, "min_length": 12}},
    # So few tokens that outputs meet the sources' n-grams by chance.
    "no-repeat-of-the-source": {"vocab": 9, "d_model": 24,
                                "generation": {"encoder_no_repeat_ngram_size": 2, "min_length": 6}},
}

VARIANTS = {
    "marian": MARIAN,
    "bart": {**BART, **OLD_FORCED_BOS, **large(50265, **SPREAD_BY_TABLE)},
    "mbart": {**BART, **large(250027, logit_bias=False, **SPREAD_BY_NORM)},
    "pegasus": {**BART, "computed-positions": {"stored_positions": False}},
    "m2m100": {**BART, **large(256206, **SPREAD_BY_NORM),
               "positions-that-grow": {"positions": 12, "generation": {"max_length": 24}}},
    "blenderbot": BART,
    "blenderbot_small": {**BART, **large(54944, **SPREAD_BY_TABLE)},
    "plbart": {**BART, "no-logit-bias": {"logit_bias": False, "eos_gain": 2.0}},
    "t5": {**T5, **large(32128, **SPREAD_BY_NORM),
           "gated-v4": {"activation": "gated-gelu", "tie": False, "config": "v4",
                        "names": "v4", "separate_generation": False}},
    "mt5": {**T5, **large(250112, **SPREAD_BY_NORM)},
    "umt5": {**T5, **large(256384, **SPREAD_BY_NORM)},
}


def specifications(family):
    """Name -> specification."""
    draw = random.Random(make_checkpoint.fnv(family))
    specs = {**VARIANTS[family],
             **{f"random-{i + 1}": drawn(family, draw) for i in range(RANDOM)}}
    return {name: {"seed": 1000 + index, "family": family, **spec}
            for index, (name, spec) in enumerate(specs.items())}


def drawn(family, draw):
    """A random specification, from a generator of random numbers."""
    relative = FAMILIES[family]["relative_bias"]
    heads = [draw.choice([1, 2, 3, 4]) for _ in range(2)]
    width = draw.choice([1, 2, 3, 5]) * heads[0] * heads[1]
    spec = {
        "d_model": width if width > 7 else 12 * width,
        "encoder_heads": heads[0], "decoder_heads": heads[1],
        "encoder_layers": draw.randint(1, 4), "decoder_layers": draw.randint(1, 4),
        "encoder_ffn": draw.choice([7, 32, 65, 131]), "decoder_ffn": draw.choice([5, 64, 129]),
        "vocab": draw.choice([131, 211, 499, 2003]),
        "scale_embedding": draw.random() < 0.5, "tie": draw.random() < 0.7,
        "dtype": draw.choice(["F32", "F32", "F16", "BF16"]),
        "names": draw.choice(["v4", "v5"]), "config": draw.choice(["v4", "v5"]),
        "separate_generation": draw.random() < 0.7, "shards": draw.choice([1, 1, 2]),
        "activation": draw.choice(["relu", "gelu", "silu", "gelu_new"]),
        "generation": draw.choice([{}, {}, {"forced_bos_token_id": 11}, {"min_length": 5},
                                   {"max_new_tokens": 15, "max_length": None}]),
    }
    if relative:
        spec.update({
            "activation": draw.choice(["relu", "gated-gelu", "gated-gelu", "gated-silu"]),
            "head_size": draw.choice([1, 8, 20, 33, 64]), "buckets": draw.choice([4, 10, 32]),
            "max_distance": draw.choice([17, 128])})
    return spec
