// Sides, widths and heads of attention, in pieces and fused.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

!d = tensor<?x8xf32, #encdec.side<decoder>>
!d4 = tensor<?x4xf32, #encdec.side<decoder>>
// expected-note @below {{query is}}
func.func @scores_c2(%q: !d, %k: !d4, %i: tensor<?xi32>) {
  // expected-error @below {{expected the width of key to be 8 but got 4}}
  %s = encdec.scores %q, %k of %i in %i {heads = 2, scale = 0.5} : !d, !d4
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{query is}}
func.func @scores_c3(%q: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected heads to divide the width of query, 8, but got 3 heads}}
  %s = encdec.scores %q, %q of %i in %i {heads = 3, scale = 0.5} : !d, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{value is}}
func.func @context_c2(%p: tensor<2x?x?xf32, #encdec.side<decoder>>, %v: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected heads to divide the width of value, 8, but got 0 heads}}
  %c = encdec.context %p, %v of %i in %i {heads = 0} : tensor<2x?x?xf32, #encdec.side<decoder>>, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{probs is}}
func.func @context_c3(%p: tensor<2x?x?xf32, #encdec.side<decoder>>, %v: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected heads to be 2 but got 4}}
  %c = encdec.context %p, %v of %i in %i {heads = 4} : tensor<2x?x?xf32, #encdec.side<decoder>>, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @self_attention_c1(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected key of the decoder but got one of the encoder: only cross-attention connects the two sides}}
  %c = encdec.self_attention %q, %k, %k of %i in %i {heads = 2, scale = 0.5} : !d, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @self_attention_c1_value(%q: !e, %v: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected value of the encoder but got one of the decoder: the decoder asks, the encoder answers}}
  %c = encdec.self_attention %q, %q, %v of %i in %i {heads = 2, scale = 0.5} : !e, !e, !d
  return
}

// -----

!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @self_attention_c2(%q: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected query of the decoder but got one of the encoder: causal is for the decoder}}
  %c = encdec.self_attention %q, %q, %q of %i in %i causal at %i {heads = 2, scale = 0.5} : !e, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!d4 = tensor<?x4xf32, #encdec.side<decoder>>
// expected-note @below {{query is}}
func.func @self_attention_c3(%q: !d, %v: !d4, %i: tensor<?xi32>) {
  // expected-error @below {{expected the width of value to be 8 but got 4}}
  %c = encdec.self_attention %q, %q, %v of %i in %i {heads = 2, scale = 0.5} : !d, !d, !d4
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{query is}}
func.func @self_attention_c4(%q: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected heads to divide the width of query, 8, but got 5 heads}}
  %c = encdec.self_attention %q, %q, %q of %i in %i {heads = 5, scale = 0.5} : !d, !d, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @self_attention_c5(%q: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected probs to name heads below 2, ascending, but got head 0 after 1}}
  %c, %p = encdec.self_attention %q, %q, %q of %i in %i {heads = 2, scale = 0.5, probs = [1, 0]} : !d, !d, !d
  return
}

// -----

!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @cross_attention_c1(%q: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected query of the decoder but got one of the encoder: the decoder asks, the encoder answers}}
  %c = encdec.cross_attention %q, %q, %q of %i in %i {heads = 2, scale = 0.5} : !e, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{value is}}
func.func @cross_attention_c2(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected value of the encoder but got one of the decoder: the decoder asks, the encoder answers}}
  %c = encdec.cross_attention %q, %k, %q of %i in %i {heads = 2, scale = 0.5} : !d, !e, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x4xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @cross_attention_c3(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected the width of key to be 8 but got 4}}
  %c = encdec.cross_attention %q, %k, %k of %i in %i {heads = 2, scale = 0.5} : !d, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{query is}}
func.func @cross_attention_c4(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected heads to divide the width of query, 8, but got 16 heads}}
  %c = encdec.cross_attention %q, %k, %k of %i in %i {heads = 16, scale = 0.5} : !d, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
func.func @cross_attention_c5(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected probs to name heads below 2, ascending, but got head 2}}
  %c, %p = encdec.cross_attention %q, %k, %k of %i in %i {heads = 2, scale = 0.5, probs = [2]} : !d, !e, !e
  return
}

// -----

// There is nothing to say "causal" with.
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
func.func @cross_attention_causal(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-error @below {{expected '{'}}
  %c = encdec.cross_attention %q, %k, %k of %i in %i causal at %i {heads = 2, scale = 0.5} : !d, !e, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @infinite_scale(%q: !d, %i: tensor<?xi32>) {
  // expected-error @below {{attribute 'scale' failed to satisfy constraint: 32-bit float attribute that is finite}}
  %s = encdec.scores %q, %q of %i in %i {heads = 2, scale = 0x7F800000} : !d, !d
  return
}
