"""What checkpoints of each family hold, as Transformers 5.24 reads them: names and shapes
of tensors, keys of config.json, special tokens. `make_checkpoint` knows specifications
and this table, no family by its name.

A family:
  class, model_type      of config.json
  encoder_class          of a checkpoint that holds the encoder alone, where there is one
  tensors                NAMES of its layout (BART_TENSORS, T5_TENSORS)
  keys                   key of config.json -> key of the specification
  constants              further keys of config.json, none of which changes the model
  legacy                 what Transformers 4 wrote besides
  legacy_keys            the same for keys that repeat the specification's
  legacy_defaults        keys that Transformers 4 left out at these values
  tie                    how a config of Transformers 5 says that the head is tied: its
                         key and, for T5, another that says whether outputs are scaled
  special                token -> id; negative ids count from the end of the vocabulary
  generation             keys of generation_config.json besides the special tokens
  banned                 names of the special tokens that bad_words_ids ban
  defaults               of the specification, where make_checkpoint.DEFAULTS do not fit
  pre_norm, final_norm, embedding_norm, logit_bias, biases: what the layers hold
  scaled_scores          whether scores are multiplied by head_size^-0.5
  positions              None; "learned"; or "computed": stored only where a
                         specification says so, with values of their own
  offset                 rows of a table of learned positions before position 0
  relative_bias          None; "first" layer of a side; "all" layers
  scaled_head            whether a tied head multiplies by d_model^-0.5
  untied                 tables that are drawn apart where the specification is untied
  ignored                {name: keys of the shape} that old files hold and nothing reads
"""

BART_TENSORS = {
    "shared": "model.shared.weight",
    "embed": "model.{side}.embed_tokens.weight",
    "head": "lm_head.weight",
    "positions": "model.{side}.embed_positions.weight",
    "embedding_norm": "model.{side}.layernorm_embedding",
    "final_norm": "model.{side}.layer_norm",
    "layer": "model.{side}.layers.{layer}.",
    "self": {"q": "self_attn.q_proj", "k": "self_attn.k_proj", "v": "self_attn.v_proj",
             "o": "self_attn.out_proj", "norm": "self_attn_layer_norm"},
    "cross": {"q": "encoder_attn.q_proj", "k": "encoder_attn.k_proj",
              "v": "encoder_attn.v_proj", "o": "encoder_attn.out_proj",
              "norm": "encoder_attn_layer_norm"},
    "encoder_ffn": {"up": "fc1", "down": "fc2", "norm": "final_layer_norm"},
    "decoder_ffn": {"up": "fc1", "down": "fc2", "norm": "final_layer_norm"},
}


def t5_ffn(layer):
    dense = f"layer.{layer}.DenseReluDense."
    return {"up": dense + "wi", "gate": dense + "wi_0", "gated_up": dense + "wi_1",
            "down": dense + "wo", "norm": f"layer.{layer}.layer_norm"}


def t5_attention(layer, kind):
    names = {part: f"layer.{layer}.{kind}.{part}" for part in "qkvo"}
    return {**names, "norm": f"layer.{layer}.layer_norm",
            "relative_bias": f"layer.{layer}.{kind}.relative_attention_bias.weight"}


T5_TENSORS = {
    "shared": "shared.weight",
    "embed": "{side}.embed_tokens.weight",
    "head": "lm_head.weight",
    "final_norm": "{side}.final_layer_norm",
    "layer": "{side}.block.{layer}.",
    "self": t5_attention(0, "SelfAttention"),
    "cross": t5_attention(1, "EncDecAttention"),
    "encoder_ffn": t5_ffn(1),
    "decoder_ffn": t5_ffn(2),
}

BART_KEYS = {
    "activation_function": "activation", "d_model": "d_model",
    "decoder_attention_heads": "decoder_heads", "decoder_ffn_dim": "decoder_ffn",
    "decoder_layers": "decoder_layers", "encoder_attention_heads": "encoder_heads",
    "encoder_ffn_dim": "encoder_ffn", "encoder_layers": "encoder_layers",
    "max_position_embeddings": "positions", "scale_embedding": "scale_embedding",
    "vocab_size": "vocab",
}
BART_CONSTANTS = {
    "activation_dropout": 0.0, "attention_dropout": 0.0, "decoder_layerdrop": 0.0,
    "dropout": 0.1, "encoder_layerdrop": 0.0, "init_std": 0.02, "is_decoder": False,
    "is_encoder_decoder": True, "use_cache": True,
}
T5_KEYS = {
    "d_ff": "encoder_ffn", "d_kv": "head_size", "d_model": "d_model",
    "feed_forward_proj": "activation", "layer_norm_epsilon": "norm_epsilon",
    "num_decoder_layers": "decoder_layers", "num_heads": "encoder_heads",
    "num_layers": "encoder_layers", "relative_attention_max_distance": "max_distance",
    "relative_attention_num_buckets": "buckets", "vocab_size": "vocab",
}
T5_CONSTANTS = {
    "classifier_dropout": 0.0, "dropout_rate": 0.1, "initializer_factor": 1.0,
    "is_decoder": False, "is_encoder_decoder": True, "use_cache": True,
}

T5_LEGACY = {"n_positions": 512, "output_past": True, "transformers_version": "4.23.1"}
T5_DEFAULTS = {"activation": "relu", "head_size": 8, "eos_gain": 2.0, "block_gain": 1.6,
               "scale_embedding": False}
GATED = {**T5_DEFAULTS, "activation": "gated-gelu", "tie": False}


def legacy(pre_norm, embedding_norm, final_norm, **more):
    """The keys of BART's converted checkpoints that say in v4 what the class says now."""
    return {
        "add_bias_logits": False, "add_final_layer_norm": final_norm, "classif_dropout": 0.0,
        "classifier_dropout": 0.0, "normalize_before": pre_norm,
        "normalize_embedding": embedding_norm, "static_position_embeddings": False,
        "transformers_version": "4.22.0.dev0", "id2label": {"0": "LABEL_0"},
        "label2id": {"LABEL_0": 0}, "_num_labels": 3, **more}


def bart_like(name, model_type, **changes):
    return {
        "class": name, "model_type": model_type, "tensors": BART_TENSORS, "keys": BART_KEYS,
        "constants": BART_CONSTANTS, "legacy": legacy(False, True, False),
        "legacy_keys": {"num_hidden_layers": "encoder_layers"}, "legacy_defaults": {},
        "tie": {"tie_word_embeddings": "tie"},
        "special": {"bos": 0, "pad": 1, "eos": 2, "start": 2},
        "generation": {"forced_eos_token_id": 2}, "banned": [],
        "defaults": {"activation": "gelu", "scale_embedding": False},
        "pre_norm": False, "final_norm": False, "embedding_norm": True, "logit_bias": True,
        "biases": True, "scaled_scores": True, "positions": "learned", "offset": 2,
        "relative_bias": None, "scaled_head": False, "untied": ["encoder", "decoder", "head"],
        "ignored": {"model.encoder.version": [1], "model.decoder.version": [1]}, **changes}


def t5_like(name, model_type, **changes):
    return {
        "class": name, "model_type": model_type, "tensors": T5_TENSORS, "keys": T5_KEYS,
        "constants": T5_CONSTANTS, "legacy": T5_LEGACY, "legacy_keys": {},
        "legacy_defaults": {"feed_forward_proj": "relu",
                            "relative_attention_max_distance": 128},
        "tie": {"tie_word_embeddings": True, "scale_decoder_outputs": "tie"},
        "special": {"pad": 0, "eos": 1, "start": 0}, "generation": {}, "banned": [],
        "defaults": T5_DEFAULTS, "pre_norm": True, "final_norm": True,
        "embedding_norm": False, "logit_bias": False, "biases": False,
        "scaled_scores": False, "positions": None, "offset": 0,
        "relative_bias": "first", "scaled_head": True, "untied": ["shared", "head"],
        "ignored": {"decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight":
                    ["buckets", "encoder_heads"]}, **changes}


PRE_NORM = {"pre_norm": True, "final_norm": True}
# Before a sum that no norm follows, smaller layers would leave the last token alone to choose.
PRE_NORM_GAINS = {"block_gain": 1.6, "ffn_gain": 1.2}

FAMILIES = {
    "marian": bart_like(
        "MarianMTModel", "marian",
        keys={**BART_KEYS, "decoder_vocab_size": "decoder_vocab",
              "share_encoder_decoder_embeddings": "share"},
        legacy=legacy(False, False, False, static_position_embeddings=True),
        legacy_keys={"num_hidden_layers": "encoder_layers", "extra_pos_embeddings": "vocab"},
        special={"bos": 0, "eos": 0, "pad": -1, "start": -1},
        generation={"forced_eos_token_id": 0}, banned=["pad"],
        defaults={}, embedding_norm=False, positions="computed", offset=0, ignored={}),
    "bart": bart_like("BartForConditionalGeneration", "bart"),
    "mbart": bart_like(
        "MBartForConditionalGeneration", "mbart", **PRE_NORM,
        legacy=legacy(True, True, True),
        special={"bos": 0, "pad": 1, "eos": 2, "start": -3},
        defaults={"activation": "gelu", **PRE_NORM_GAINS}),
    "pegasus": bart_like(
        "PegasusForConditionalGeneration", "pegasus", **PRE_NORM,
        legacy=legacy(True, False, True, static_position_embeddings=True,
                      extra_pos_embeddings=0, force_bos_token_to_be_generated=False),
        special={"pad": 0, "eos": 1, "start": 0}, generation={"forced_eos_token_id": 1},
        defaults={"stored_positions": True, **PRE_NORM_GAINS}, embedding_norm=False,
        positions="computed", offset=0),
    "m2m100": bart_like(
        "M2M100ForConditionalGeneration", "m2m_100", **PRE_NORM,
        legacy={"transformers_version": "4.21.0.dev0"},
        # A generated pad would stand at no position in the reference's cached steps.
        generation={}, banned=["pad"], defaults={"eos_gain": 2.0, **PRE_NORM_GAINS},
        embedding_norm=False, logit_bias=False, positions=None, offset=0,
        ignored={"model.encoder.embed_positions.weights": ["positions", "d_model"],
                 "model.decoder.embed_positions.weights": ["positions", "d_model"]}),
    "blenderbot": bart_like(
        "BlenderbotForConditionalGeneration", "blenderbot", **PRE_NORM,
        legacy=legacy(True, False, True, do_blenderbot_90_layernorm=True,
                      extra_layer_norm=False, extra_pos_embeddings=0,
                      force_bos_token_to_be_generated=False,
                      layernorm_variant="prelayernorm", unk_token_id=3),
        special={"pad": 0, "bos": 1, "eos": 2, "start": 1},
        defaults={"activation": "gelu", **PRE_NORM_GAINS}, embedding_norm=False,
        offset=0),
    # The decoder of version 5 does not scale embeddings, whatever scale_embedding says.
    "blenderbot_small": bart_like(
        "BlenderbotSmallForConditionalGeneration", "blenderbot-small",
        legacy=legacy(False, True, False, do_blenderbot_90_layernorm=True,
                      extra_layer_norm=False, extra_pos_embeddings=0,
                      force_bos_token_to_be_generated=False, layernorm_variant="xlm",
                      unk_token_id=3),
        special={"pad": 0, "bos": 1, "eos": 2, "start": 1},
        defaults={"activation": "gelu"}, offset=0),
    "plbart": bart_like(
        "PLBartForConditionalGeneration", "plbart",
        special={"bos": 0, "pad": 1, "eos": 2, "start": -2},
        defaults={"activation": "gelu"}),
    "t5": t5_like("T5ForConditionalGeneration", "t5", encoder_class="T5EncoderModel"),
    "mt5": t5_like(
        "MT5ForConditionalGeneration", "mt5", encoder_class="MT5EncoderModel",
        legacy_defaults={}, defaults=GATED, ignored={}, scaled_head=False,
        tie={"tie_word_embeddings": True}),
    "umt5": t5_like(
        "UMT5ForConditionalGeneration", "umt5", encoder_class="UMT5EncoderModel",
        legacy_defaults={}, defaults=GATED, ignored={},
        legacy={**T5_LEGACY, "scalable_attention": True}, relative_bias="all"),
}
