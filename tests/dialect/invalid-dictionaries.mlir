// What the module's dictionaries may say: sizes of the model, defaults of decoding.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

module attributes {encdec.model = {family = "marian", d_model = 8 : i64, encoder_layers = 1 : i64, decoder_layers = 1 : i64, encoder_heads = 2 : i64, decoder_heads = 2 : i64, encoder_ffn = 12 : i64, decoder_ffn = 12 : i64, vocab_size = 11 : i64, source_vocab_size = 11 : i64, max_positions = 16 : i64},
  encdec.generation = {decoder_start_token_id = 0 : i64, eos_token_id = [1], max_length = 16 : i64, do_sample = true, length_penalty = 1.0 : f64, sequence_bias = [[[3, 4], -1.5 : f64]], early_stopping = "never"}} {
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

// expected-error @below {{expected key "max_length" of encdec.generation to be true, false, an i64, a finite f64, a string or an array of such values but got 2 : i32}}
module attributes {encdec.generation = {max_length = 2 : i32}} {
}

// -----

// expected-error @below {{expected key "length_penalty" of encdec.generation to be true, false, an i64, a finite f64, a string or an array of such values but got 1.000000e+00 : f32}}
module attributes {encdec.generation = {length_penalty = 1.0 : f32}} {
}

// -----

// expected-error @below {{expected key "temperature" of encdec.generation to be true, false, an i64, a finite f64, a string or an array of such values but got 0x7FF0000000000000 : f64}}
module attributes {encdec.generation = {temperature = 0x7FF0000000000000 : f64}} {
}

// -----

// expected-error @below {{expected key "bad_words_ids" of encdec.generation to be true, false, an i64, a finite f64, a string or an array of such values but got [[1], [array<i64: 2>]]}}
module attributes {encdec.generation = {bad_words_ids = [[1], [array<i64: 2>]]}} {
}

// -----

// expected-error @below {{expected key "top_k" of encdec.generation to be true, false, an i64, a finite f64, a string or an array of such values but got unit}}
module attributes {encdec.generation = {top_k = unit}} {
}

// -----

// expected-error @below {{expected the shortlist "fr" to be an array of ascending ids}}
module attributes {encdec.shortlists = {fr = array<i32: 3, 3>}} {
}

// -----

// expected-error @below {{expected encdec.shortlists to be a dictionary of a module}}
module attributes {encdec.shortlists = "fr"} {
}

// -----

module attributes {encdec.shortlists = {fr = array<i32: 3, 4>}} {
  // expected-error @below {{expected encdec.shortlist of a func.func to number one of its module's 1 encdec.shortlists, from 1 on, but got 2}}
  func.func private @step() attributes {encdec.shortlist = 2 : i64}
}
