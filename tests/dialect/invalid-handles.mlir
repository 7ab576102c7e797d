// Who writes a memory or a cache, when, and with what.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

!e = tensor<?x8xf32, #encdec.side<encoder>>
!c = !encdec.cache<2x4>
// expected-note @below {{key is}}
func.func @cache_append_c1(%c: !c, %k: !e, %i: tensor<?xi32>, %a: tensor<?x?xi32>) attributes {encdec.entry = "step"} {
  // expected-error @below {{expected key of the decoder but got one of the encoder: a cache grows by the decoder's own keys and values}}
  encdec.cache_append %c, %k, %k of %a at %i : !c, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!d4 = tensor<?x4xf32, #encdec.side<decoder>>
!c = !encdec.cache<2x4>
// expected-note @below {{cache is '!encdec.cache<2x4>', defined here}}
func.func @cache_append_c2(%c: !c, %k: !d, %v: !d4, %i: tensor<?xi32>, %a: tensor<?x?xi32>) attributes {encdec.entry = "step"} {
  // expected-error @below {{expected the width of value to be 8 but got 4}}
  encdec.cache_append %c, %k, %v of %a at %i : !c, !d, !d4
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!c = !encdec.cache<2x4>
// expected-note @below {{the function is here}}
func.func @cache_append_c3(%c: !c, %k: !d, %i: tensor<?xi32>, %a: tensor<?x?xi32>) attributes {encdec.entry = "encode"} {
  // expected-error @below {{expected to stand in a function with encdec.entry = "step" but got "encode": only a step appends to a cache}}
  encdec.cache_append %c, %k, %k of %a at %i : !c, !d, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!m = !encdec.memory<2x4>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{input is}}
func.func @memory_project_c1(%m: !m, %x: !d, %i: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  // expected-error @below {{expected input of the encoder but got one of the decoder: a memory holds what the encoder said}}
  encdec.memory_project %m, %x, key @w, value @w in %i : !m, !d
  return
}

// -----

!e = tensor<?x8xf32, #encdec.side<encoder>>
!m = !encdec.memory<2x4>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{the function is here}}
func.func @memory_project_c2(%m: !m, %x: !e, %i: tensor<?xi32>) attributes {encdec.entry = "step"} {
  // expected-error @below {{expected to stand in a function with encdec.entry = "encode" but got "step": nothing writes memory in a step}}
  encdec.memory_project %m, %x, key @w, value @w in %i : !m, !e
  return
}

// -----

!e = tensor<?x8xf32, #encdec.side<encoder>>
!m = !encdec.memory<3x4>
// expected-note @below {{@w is defined here}}
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
func.func @memory_project_c3(%m: !m, %x: !e, %i: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  // expected-error @below {{expected key_weight to be [12, 8] but got 'tensor<8x8xf32>'}}
  encdec.memory_project %m, %x, key @w, value @w in %i : !m, !e
  return
}

// -----

!e = tensor<?x8xf32, #encdec.side<encoder>>
!m = !encdec.memory<2x4>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<7xf32> = #encdec.seeded<1, 0.5>
func.func @memory_project_c4(%m: !m, %x: !e, %i: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  // expected-error @below {{expected value_bias to be [8] but got 'tensor<7xf32>'}}
  encdec.memory_project %m, %x, key @w, value @w @b in %i : !m, !e
  return
}

// -----

// expected-error @below {{expected positive heads and head size, but got 0 and 4}}
func.func private @no_heads(%m: !encdec.memory<0x4>)

// -----

// expected-error @below {{expected heads x head size, but got 3 sizes}}
func.func private @three_sizes(%m: !encdec.cache<2x4x4>)

// -----

// expected-error @below {{expected encdec.entry to be "encode" or "step", but got "decode"}}
func.func private @entry() attributes {encdec.entry = "decode"}

// -----

// expected-error @below {{expected encdec.entry on a function with a body, but got a declaration}}
func.func private @encode(%x: tensor<?xi32>) attributes {encdec.entry = "encode"}

// -----

// Sizes whose product exceeds 64 bits.
// expected-error @below {{expected at most 2^48 elements, but got sizes 4294967296x4294967296}}
func.func private @wraps_to_nothing(%m: !encdec.memory<4294967296x4294967296>)

// -----

// expected-error @below {{expected at most 2^48 elements, but got sizes 2x140737488355329}}
func.func private @too_wide(%c: !encdec.cache<2x140737488355329>)

// -----

// expected-error @below {{expected at most 2^48 elements, but got sizes ?x281474976710657}}
func.func private @too_wide_rows(%x: tensor<?x281474976710657xf32, #encdec.side<encoder>>)

// -----

// expected-error @below {{expected elements of f32 or bf16, but got 'f16'}}
func.func @cache_element(%c: !encdec.cache<2x4, f16>) {
  return
}
