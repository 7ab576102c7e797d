// Relative bias: what makes it, and what adds it. Each of these was seen in the wild: an
// exported bias of another length, the bias of self-attention given to cross-attention, a
// cache's offset forgotten, keys held by the heads of another layer type.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c1(%i: tensor<?xi32>) {
  // expected-error @below {{expected a bias over offsets or to positions but got neither}}
  %b = encdec.relative_bias @t {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  return
}

// -----

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c1_both(%i: tensor<?xi32>) {
  // expected-error @below {{expected a bias over offsets or to positions but got both}}
  %b = encdec.relative_bias @t over %i to %i {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  return
}

// -----

// The forgotten cache offset: all keys of a step's cache, as if its rows were a sequence.
encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{offsets is}}
func.func @relative_bias_c2(%offsets: tensor<?xi32>) attributes {encdec.entry = "step"} {
  // expected-error @below {{expected bias of the encoder but got one of the decoder: a decoder's query stands where its cache ends, so its bias is made to positions}}
  %b = encdec.relative_bias @t over %offsets {max_distance = 128} : tensor<2x?xf32, #encdec.side<decoder>>
  return
}

// -----

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{positions is}}
func.func @relative_bias_c2_encoder(%positions: tensor<?xi32>) {
  // expected-error @below {{expected bias of the decoder but got one of the encoder: the encoder sees keys on both sides of a query}}
  %b = encdec.relative_bias @t to %positions {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  return
}

// -----

// The table as [heads, buckets].
// expected-note @below {{@t is defined here}}
encdec.weight @t : tensor<2x32xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c3(%i: tensor<?xi32>) {
  // expected-error @below {{expected table to be [?, 2] but got 'tensor<2x32xf32>'}}
  %b = encdec.relative_bias @t over %i {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  return
}

// -----

encdec.weight @t : tensor<31x2xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c4(%i: tensor<?xi32>) {
  // expected-error @below {{expected an even number of buckets, at least 4, but got 31 in @t}}
  %b = encdec.relative_bias @t over %i {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  // The causal bias has one direction.
  %c = encdec.relative_bias @t to %i {max_distance = 128} : tensor<2x?xf32, #encdec.side<decoder>>
  return
}

// -----

encdec.weight @t : tensor<1x2xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c4_one(%i: tensor<?xi32>) {
  // expected-error @below {{expected at least 2 buckets but got 1 in @t}}
  %b = encdec.relative_bias @t to %i {max_distance = 128} : tensor<2x?xf32, #encdec.side<decoder>>
  return
}

// -----

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c5(%i: tensor<?xi32>) {
  %b = encdec.relative_bias @t over %i {max_distance = 9} : tensor<2x?xf32, #encdec.side<encoder>>
  // expected-error @below {{expected max_distance in [17, 2147483647], since the first 16 distances have a bucket each, but got 16}}
  %c = encdec.relative_bias @t to %i {max_distance = 16} : tensor<2x?xf32, #encdec.side<decoder>>
  return
}

// -----

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
func.func @relative_bias_c5_encoder(%i: tensor<?xi32>) {
  // expected-error @below {{expected max_distance in [9, 2147483647], since the first 8 distances have a bucket each, but got -1}}
  %b = encdec.relative_bias @t over %i {max_distance = -1} : tensor<2x?xf32, #encdec.side<encoder>>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
func.func @scores_c4(%q: !d, %i: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected a bias and its positions together but got only the bias}}
  %s = "encdec.scores"(%q, %q, %i, %i, %b) <{heads = 2 : i64, scale = 1.0 : f32, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0>}> : (!d, !d, tensor<?xi32>, tensor<?xi32>, !b) -> tensor<2x?x?xf32, #encdec.side<decoder>>
  return
}

// -----

// The bias of self-attention on cross-attention's scores.
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
// expected-note @below {{bias is}}
func.func @scores_c5(%q: !d, %k: !e, %i: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected key of the decoder but got one of the encoder: a bias is of distances, and there is none between the sides}}
  %s = encdec.scores %q, %k of %i in %i bias %b at %i {heads = 2, scale = 1.0} : !d, !e, !b
  return
}

// -----

// The encoder's bias on the decoder's self-attention.
!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @scores_c6(%q: !d, %i: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected bias of the decoder but got one of the encoder: the sides have buckets of their own}}
  %s = encdec.scores %q, %q of %i in %i bias %b at %i {heads = 2, scale = 1.0} : !d, !d, !b
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<4x?xf32, #encdec.side<decoder>>
// expected-note @below {{bias is}}
func.func @scores_c7(%q: !d, %i: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected the heads of bias to be 2 but got 4}}
  %s = encdec.scores %q, %q of %i in %i bias %b at %i {heads = 2, scale = 1.0} : !d, !d, !b
  return
}

// -----

// A bias of the wrong length: of other sources than the keys'.
encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<encoder>>
func.func @scores_c8(%q: !e, %r: tensor<?xi32>, %o: tensor<?xi32>, %other: tensor<?xi32>, %p: tensor<?xi32>) {
  // expected-note @below {{the bias is made here}}
  %b = encdec.relative_bias @t over %other {max_distance = 128} : !b
  // expected-error @below {{expected a bias over the offsets that the keys have but got one of others, which may be shorter}}
  %s = encdec.scores %q, %q of %r in %o bias %b at %p {heads = 2, scale = 1.0} : !e, !e, !b
  return
}

// -----

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
func.func @scores_c8_positions(%q: !d, %r: tensor<?xi32>, %o: tensor<?xi32>, %other: tensor<?xi32>, %p: tensor<?xi32>) {
  // expected-note @below {{the bias is made here}}
  %b = encdec.relative_bias @t to %other {max_distance = 128} : !b
  // expected-error @below {{expected a bias to the positions at which it is read but got one of others, which may be shorter}}
  %s = encdec.scores %q, %q of %r in %o bias %b at %p {heads = 2, scale = 1.0} : !d, !d, !b
  return
}

// -----

// The forgotten cache offset: a query at the row's number instead of its cache's end.
encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
func.func @scores_c8_cache(%q: !d, %a: tensor<?x?xi32>, %p: tensor<?xi32>, %row: tensor<?xi32>, %c: !encdec.cache<2x4>) {
  // expected-note @below {{the cache is read here}}
  %k, %v, %o, %r = encdec.cache_read %c of %a to %p : !encdec.cache<2x4>
  %b = encdec.relative_bias @t to %row {max_distance = 128} : !b
  // expected-error @below {{expected the bias at the positions to which the cache is read but got others: a query stands where its cache ends}}
  %s = encdec.scores %q, %k of %r in %o bias %b at %row {heads = 2, scale = 1.0} : !d, !d, !b
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{their handle is}}
func.func @scores_c9(%q: !d, %i: tensor<?xi32>, %m: !encdec.memory<2x4>) {
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x4>
  // expected-error @below {{expected the 2 heads by which the keys are held but got 4}}
  %s = encdec.scores %q, %k of %i in %o {heads = 4, scale = 1.0} : !d, tensor<?x8xf32, #encdec.side<encoder>>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
!s = tensor<2x?x?xf32, #encdec.side<decoder>>
func.func @mask_c3(%q: !d, %i: tensor<?xi32>, %p: tensor<?xi32>, %other: tensor<?xi32>, %b: !b) {
  // expected-note @below {{the scores are made here}}
  %s = encdec.scores %q, %q of %i in %i bias %b at %p {heads = 2, scale = 1.0} : !d, !d, !b
  // expected-error @below {{expected the positions of the scores' bias but got others: a row has one position}}
  %m = encdec.mask %s at %other : !s
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
func.func @self_attention_c6(%q: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected a bias and its positions together but got only the positions}}
  %c = "encdec.self_attention"(%q, %q, %q, %i, %i, %i) <{heads = 2 : i64, scale = 1.0 : f32, operandSegmentSizes = array<i32: 1, 1, 1, 1, 1, 0, 1, 0>}> : (!d, !d, !d, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>) -> !d
  return
}

// -----

// The decoder's bias in the encoder.
!e = tensor<?x8xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
// expected-note @below {{query is}}
func.func @self_attention_c7(%q: !e, %i: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected bias of the encoder but got one of the decoder: the sides have buckets of their own}}
  %c = encdec.self_attention %q, %q, %q of %i in %i bias %b at %i {heads = 2, scale = 1.0} : !e, !e, !e, !b
  return
}

// -----

!e = tensor<?x8xf32, #encdec.side<encoder>>
!b = tensor<1x?xf32, #encdec.side<encoder>>
// expected-note @below {{bias is}}
func.func @self_attention_c8(%q: !e, %i: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected the heads of bias to be 2 but got 1}}
  %c = encdec.self_attention %q, %q, %q of %i in %i bias %b at %i {heads = 2, scale = 1.0} : !e, !e, !e, !b
  return
}

// -----

encdec.weight @t : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<encoder>>
func.func @self_attention_c9(%q: !e, %r: tensor<?xi32>, %o: tensor<?xi32>, %other: tensor<?xi32>, %p: tensor<?xi32>) {
  // expected-note @below {{the bias is made here}}
  %b = encdec.relative_bias @t over %other {max_distance = 128} : !b
  // expected-error @below {{expected a bias over the offsets that the keys have but got one of others}}
  %c = encdec.self_attention %q, %q, %q of %r in %o bias %b at %p {heads = 2, scale = 1.0} : !e, !e, !e, !b
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
func.func @self_attention_c10(%q: !d, %i: tensor<?xi32>, %p: tensor<?xi32>, %b: !b) {
  // expected-error @below {{expected causal and bias at the same positions but got two: a row has one position}}
  %c = encdec.self_attention %q, %q, %q of %i in %i bias %b at %i causal at %p {heads = 2, scale = 1.0} : !d, !d, !d, !b
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{their handle is}}
func.func @self_attention_c11(%q: !d, %a: tensor<?x?xi32>, %p: tensor<?xi32>, %c: !encdec.cache<4x2>) {
  %k, %v, %o, %r = encdec.cache_read %c of %a to %p : !encdec.cache<4x2>
  // expected-error @below {{expected the 4 heads by which the keys are held but got 2}}
  %y = encdec.self_attention %q, %k, %v of %r in %o causal at %p {heads = 2, scale = 1.0} : !d, !d, !d
  return
}

// -----

// A memory by the heads of the decoder's own attention, where the encoder has others.
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{their handle is}}
func.func @cross_attention_c6(%q: !d, %i: tensor<?xi32>, %m: !encdec.memory<4x2>) {
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<4x2>
  // expected-error @below {{expected the 4 heads by which the keys are held but got 2}}
  %c = encdec.cross_attention %q, %k, %v of %i in %o {heads = 2, scale = 1.0} : !d, !e, !e
  return
}

// -----

// A cross-attention whose keys lie in a cache, as a self-attention layer's do.
!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @cross_attention_of_a_cache(%q: !d, %a: tensor<?x?xi32>, %p: tensor<?xi32>, %c: !encdec.cache<2x4>) {
  // expected-note @below {{key is}}
  %k, %v, %o, %r = encdec.cache_read %c of %a to %p : !encdec.cache<2x4>
  // expected-error @below {{expected key of the encoder but got one of the decoder: the decoder asks, the encoder answers}}
  %y = encdec.cross_attention %q, %k, %v of %r in %o {heads = 2, scale = 1.0} : !d, !d, !d
  return
}

// -----

// Cross-attention has nothing to say "bias" with.
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
func.func @cross_attention_bias(%q: !d, %k: !e, %i: tensor<?xi32>, %b: tensor<2x?xf32, #encdec.side<decoder>>) {
  // expected-error @below {{expected '{'}}
  %c = encdec.cross_attention %q, %k, %k of %i in %i bias %b at %i {heads = 2, scale = 1.0} : !d, !e, !e
  return
}
