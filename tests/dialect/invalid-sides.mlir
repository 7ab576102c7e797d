// The decoder asks, the encoder answers: what mixes or turns the sides is refused.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{query is 'tensor<?x8xf32, #encdec.side<encoder>>', defined here}}
func.func @scores_c1(%q: !e, %k: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected key of the encoder but got one of the decoder: the decoder asks, the encoder answers}}
  %s = encdec.scores %q, %k of %i in %i {heads = 2, scale = 0.5} : !e, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{probs is}}
func.func @context_c1(%p: tensor<2x?x?xf32, #encdec.side<encoder>>, %v: !d, %i: tensor<?xi32>) {
  // expected-error @below {{expected value of the encoder but got one of the decoder: the decoder asks, the encoder answers}}
  %c = encdec.context %p, %v of %i in %i {heads = 2} : tensor<2x?x?xf32, #encdec.side<encoder>>, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{the key behind probs is}}
func.func @context_c4(%q: !d, %k: !e, %v: !d, %i: tensor<?xi32>) {
  %s = encdec.scores %q, %k of %i in %i {heads = 2, scale = 0.5} : !d, !e
  %p = encdec.softmax %s : tensor<2x?x?xf32, #encdec.side<decoder>>
  // expected-error @below {{expected value of the encoder but got one of the decoder: a value stands beside its key}}
  %c = encdec.context %p, %v of %i in %i {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, !d
  return
}

// -----

func.func @mask_c1(%s: tensor<2x?x?xf32, #encdec.side<encoder>>, %i: tensor<?xi32>) {
  // expected-error @below {{expected scores of the decoder but got ones of the encoder: the encoder sees its whole source}}
  %m = encdec.mask %s at %i : tensor<2x?x?xf32, #encdec.side<encoder>>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{their key is 'tensor<?x8xf32, #encdec.side<encoder>>', defined here}}
func.func @mask_c2(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-note @below {{the scores are made here}}
  %s = encdec.scores %q, %k of %i in %i {heads = 2, scale = 0.5} : !d, !e
  // expected-error @below {{there is no causal mask on the memory}}
  %m = encdec.mask %s at %i : tensor<2x?x?xf32, #encdec.side<decoder>>
  return
}

// -----

// The fused op hides the scores, but not the keys.
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{their key is 'tensor<?x8xf32, #encdec.side<encoder>>', defined here}}
func.func @mask_c2_fused(%q: !d, %k: !e, %i: tensor<?xi32>) {
  // expected-note @below {{the scores are made here}}
  %c, %p = encdec.cross_attention %q, %k, %k of %i in %i {heads = 2, scale = 0.5, probs = [0, 1]} : !d, !e, !e
  // expected-error @below {{there is no causal mask on the memory}}
  %m = encdec.mask %p at %i : tensor<2x?x?xf32, #encdec.side<decoder>>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{the key behind probs is 'tensor<?x8xf32, #encdec.side<decoder>>', defined here}}
func.func @context_c4_fused(%q: !d, %k: !d, %v: !e, %i: tensor<?xi32>) {
  %c, %p = encdec.self_attention %q, %k, %k of %i in %i {heads = 2, scale = 0.5, probs = [0, 1]} : !d, !d, !d
  // expected-error @below {{expected value of the decoder but got one of the encoder: a value stands beside its key}}
  %c2 = encdec.context %p, %v of %i in %i {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
// expected-note @below {{x is}}
func.func @add_c1(%x: !d, %y: !e) {
  // expected-error @below {{expected y of the decoder but got one of the encoder: only cross-attention connects the two sides}}
  %z = encdec.add %x, %y : !d, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @g : tensor<8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{input is}}
func.func @add_norm_c1(%x: !d, %y: !e) {
  // expected-error @below {{expected residual of the decoder but got one of the encoder: only cross-attention connects the two sides}}
  %z = encdec.add_norm %x, %y, @g, @g {eps = 1.0e-5} : !d, !e
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{input is}}
func.func @linear_c3(%x: !e) {
  // expected-error @below {{expected output of the encoder but got one of the decoder: a linear stays on its input's side}}
  %y = encdec.linear %x, @w : !e -> !d
  return
}

// -----

encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{ids is}}
func.func @embed_c1(%ids: tensor<?xi32, #encdec.side<encoder>>, %i: tensor<?xi32>) {
  // expected-error @below {{expected output of the encoder but got one of the decoder: an embedding stays on its tokens' side}}
  %y = encdec.embed %ids at %i, @w {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  return
}

// -----

// Matrices without a side are not sequences.
func.func @no_side(%x: tensor<?x8xf32>) {
  // expected-error @below {{operand #0 must be [?, width] f32 tensor with a side, but got 'tensor<?x8xf32>'}}
  %z = "encdec.add"(%x, %x) : (tensor<?x8xf32>, tensor<?x8xf32>) -> tensor<?x8xf32>
  return
}

// -----

// expected-error @below {{expected f32 or i32 elements in a tensor with a side, but got 'f64'}}
func.func private @side_on_f64(%x: tensor<?x8xf64, #encdec.side<decoder>>)
