// What encdec.arg may say, and the type that each role asks for.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{expected encdec.arg to be one of "tokens", "positions", "rows", "sources", "offsets", "ancestors", "logit_bias", "row_bias", "top_k", "memory", "memory.N", "cache.N", but got 7 : i64}}
func.func @no_name(%x: tensor<?xi32> {encdec.arg = 7}) {
  return
}

// -----

// expected-error @below {{but got "cache"}}
func.func @handle_without_its_number(%x: !encdec.cache<2x4> {encdec.arg = "cache"}) {
  return
}

// -----

// expected-error @below {{but got "cache.01"}}
func.func @two_ways_to_say_one(%x: !encdec.cache<2x4> {encdec.arg = "cache.01"}) {
  return
}

// -----

// expected-error @below {{expected argument 0, encdec.arg = "tokens", to be of type [?] i32 tensor with a side but got 'tensor<?xi32>'}}
func.func @tokens(%x: tensor<?xi32> {encdec.arg = "tokens"}) {
  return
}

// -----

// expected-error @below {{expected argument 1, encdec.arg = "positions", to be of type [?] i32 tensor without a side but got 'tensor<3xi32>'}}
func.func @positions(%r: tensor<?xi32> {encdec.arg = "rows"}, %x: tensor<3xi32> {encdec.arg = "positions"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "offsets", to be of type [?] i32 tensor without a side but got '!encdec.cache<2x4>'}}
func.func @offsets(%x: !encdec.cache<2x4> {encdec.arg = "offsets"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "ancestors", to be of type [?, ?] i32 tensor without a side but got 'tensor<?xi32>'}}
func.func @ancestors(%x: tensor<?xi32> {encdec.arg = "ancestors"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "logit_bias", to be of type [?, width] f32 tensor without a side but got 'tuple<f32>'}}
func.func @logit_bias(%x: tuple<f32> {encdec.arg = "logit_bias"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "top_k", to be of type i64 but got 'i32'}}
func.func @top(%x: i32 {encdec.arg = "top_k"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "memory", to be of type [?, width] f32 tensor with a side but got '!encdec.memory<2x4>'}}
func.func @memory(%x: !encdec.memory<2x4> {encdec.arg = "memory"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "memory.3", to be of type !encdec.memory but got '!encdec.cache<2x4>'}}
func.func @memory_handle(%x: !encdec.cache<2x4> {encdec.arg = "memory.3"}) {
  return
}

// -----

// expected-error @below {{encdec.arg = "cache.0", to be of type !encdec.cache but got '!encdec.memory<2x4>'}}
func.func @cache_handle(%x: !encdec.memory<2x4> {encdec.arg = "cache.0"}) {
  return
}

// -----

// expected-error @below {{expected one argument with encdec.arg = "rows" but got arguments 0 and 2}}
func.func @twice(%x: tensor<?xi32> {encdec.arg = "rows"}, %y: tensor<?xi32> {encdec.arg = "sources"}, %z: tensor<?xi32> {encdec.arg = "rows"}) {
  return
}
