// What the module's dictionaries may say: sizes of the model, defaults of decoding.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

module attributes {encdec.model = {family = "marian", d_model = 8 : i64, encoder_layers = 1 : i64, decoder_layers = 1 : i64, encoder_heads = 2 : i64, decoder_heads = 2 : i64, encoder_ffn = 12 : i64, decoder_ffn = 12 : i64, vocab_size = 11 : i64, source_vocab_size = 11 : i64, max_positions = 16 : i64},
  encdec.generation = {decoder_start_token_id = 0 : i64, eos_token_ids = array<i64: 1>, max_length = 16 : i64, min_length = 0 : i64, forced_eos_token_ids = array<i64>, bad_token_ids = array<i64>, num_beams = 1 : i64, length_penalty = 1.0 : f64, early_stopping = "false"}} {
}

// -----

// expected-error @below {{expected encdec.model to be a dictionary of a module but got "marian"}}
module attributes {encdec.model = "marian"} {
}

// -----

// expected-error @below {{expected encdec.generation to be a dictionary of a module but got {}}}
func.func private @elsewhere() attributes {encdec.generation = {}}

// -----

// expected-error @below {{expected a key of encdec.model but got "d_modle"; did you mean "d_model"?}}
module attributes {encdec.model = {family = "marian", d_modle = 8 : i64}} {
}

// -----

// expected-error @below {{expected a key of encdec.generation but got "eos_token_id"; did you mean "eos_token_ids"?}}
module attributes {encdec.generation = {eos_token_id = 0 : i64}} {
}

// -----

// expected-error @below {{expected key "d_model" of encdec.model to be an i64 from 1 on but got none}}
module attributes {encdec.model = {family = "marian"}} {
}

// -----

// expected-error @below {{expected key "family" of encdec.model to be a string but got 3 : i64}}
module attributes {encdec.model = {family = 3}} {
}

// -----

// expected-error @below {{expected key "d_model" of encdec.model to be an i64 from 1 on but got 0 : i64}}
module attributes {encdec.model = {family = "marian", d_model = 0 : i64}} {
}

// -----

// expected-error @below {{expected key "decoder_start_token_id" of encdec.generation to be an i64 from 0 on but got 2 : i32}}
module attributes {encdec.generation = {decoder_start_token_id = 2 : i32}} {
}

// -----

// expected-error @below {{expected key "eos_token_ids" of encdec.generation to be an array<i64> of numbers from 0 on but got array<i64: 3, -1>}}
module attributes {encdec.generation = {decoder_start_token_id = 2 : i64, eos_token_ids = array<i64: 3, -1>}} {
}

// -----

// expected-error @below {{expected key "pad_token_id" of encdec.generation to be an i64 from 0 on but got -1 : i64}}
module attributes {encdec.generation = {decoder_start_token_id = 2 : i64, eos_token_ids = array<i64>, pad_token_id = -1 : i64}} {
}

// -----

// expected-error @below {{expected key "no_repeat_ngram_size" of encdec.generation to be an i64 from 1 on but got 0 : i64}}
module attributes {encdec.generation = {decoder_start_token_id = 0 : i64, eos_token_ids = array<i64: 1>, max_length = 16 : i64, min_length = 0 : i64, forced_eos_token_ids = array<i64>, bad_token_ids = array<i64>, no_repeat_ngram_size = 0 : i64}} {
}

// -----

// expected-error @below {{expected key "length_penalty" of encdec.generation to be an f64 but got 1 : i64}}
module attributes {encdec.generation = {decoder_start_token_id = 0 : i64, eos_token_ids = array<i64: 1>, max_length = 16 : i64, min_length = 0 : i64, forced_eos_token_ids = array<i64>, bad_token_ids = array<i64>, num_beams = 1 : i64, length_penalty = 1 : i64}} {
}
