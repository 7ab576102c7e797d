// What a weight may be, and what ops ask of the weights they name.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

// expected-error @below {{expected a static 1-D or 2-D tensor of f16, bf16, f32 or f64, without a side, but got 'tensor<8x8xi8>'}}
encdec.weight @weight_c1 : tensor<8x8xi8> = #encdec.seeded<1, 0.5>

// -----

// The count of its elements is 2^33 + 1 in 64 bits, where it wraps.
// expected-error @below {{expected at most 2^48 elements, but got sizes 4294967297x4294967297}}
encdec.weight @weight_c1_too_large : tensor<4294967297x4294967297xf32> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected the origin to be a file, sinusoidal, seeded, dense or derived attribute but got "here"}}
encdec.weight @weight_c2 : tensor<8xf32> = "here"

// -----

// expected-error @below {{expected a dense origin of type 'tensor<8xf32>' but got 'tensor<2xf32>'}}
encdec.weight @weight_c3 : tensor<8xf32> = dense<1.0> : tensor<2xf32>

// -----

// expected-error @below {{expected a sinusoidal table to be 2-D but got 'tensor<8xf32>'}}
encdec.weight @weight_c3_sinusoidal : tensor<8xf32> = #encdec.sinusoidal

// -----

// expected-error @below {{expected a sinusoidal table from a position of 0 or more on with 0 to all of its rows blank but got #encdec.sinusoidal<blank = 9>}}
encdec.weight @weight_c3_blank : tensor<8x8xf32> = #encdec.sinusoidal<blank = 9>

// -----

// expected-error @below {{expected a format of f32, bf16, int8, int8-dynamic but got "int4"}}
encdec.weight @weight_c4 : tensor<8x8xf32> = #encdec.seeded<1, 0.5> {format = "int4"}

// -----

// expected-error @below {{expected a 2-D weight behind format = "int8"}}
encdec.weight @weight_c4_bias : tensor<8xf32> = #encdec.seeded<1, 0.5> {format = "int8"}

// -----

// expected-error @below {{expected a 2-D weight behind layout = #encdec.packed but got 'tensor<8xf32>'}}
encdec.weight @weight_c5 : tensor<8xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed}

// -----

// expected-error @below {{expected offsets to be multiples of 64 but got 65}}
encdec.weight @weight_c6 : tensor<8xf32> = #encdec.seeded<1, 0.5> {offset = 65 : i64}

// -----

// expected-error @below {{expected a format with scales beside a scale_offset but got f32}}
encdec.weight @weight_c6_scales : tensor<8x8xf32> = #encdec.seeded<1, 0.5> {scale_offset = 64 : i64}

// -----

// expected-error @below {{expected a 1-D weight that bans but got 'tensor<8x8xf32>'}}
encdec.weight @weight_c7 : tensor<8x8xf32> = #encdec.seeded<1, 0.5> {bans}

// -----

// expected-note @below {{@w is defined here}}
encdec.weight @w : tensor<11x4xf32> = #encdec.seeded<1, 0.5>
func.func @embed_c2(%ids: tensor<?xi32, #encdec.side<encoder>>, %i: tensor<?xi32>) {
  // expected-error @below {{expected table to be [?, 8] but got 'tensor<11x4xf32>'}}
  %y = encdec.embed %ids at %i, @w {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  return
}

// -----

encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@p is defined here}}
encdec.weight @p : tensor<8xf32> = #encdec.seeded<1, 0.5>
func.func @embed_c3(%ids: tensor<?xi32, #encdec.side<encoder>>, %i: tensor<?xi32>) {
  // expected-error @below {{expected position_table to be [?, 8] but got 'tensor<8xf32>'}}
  %y = encdec.embed %ids at %i, @w, @p {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
func.func @linear_c1(%x: !d) {
  // expected-error @below {{expected as many weights as outputs, at least one, but got 2 weights and 1 outputs}}
  %y = encdec.linear %x, [@w, @w] : !d -> !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @b : tensor<8xf32> = #encdec.seeded<1, 0.5>
func.func @linear_c2(%x: !d) {
  // expected-error @below {{expected no biases or as many as weights but got 1 biases and 2 weights}}
  %y, %z = encdec.linear %x, [@w, @w], [@b] : !d -> !d, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{@w is defined here}}
encdec.weight @w : tensor<8x4xf32> = #encdec.seeded<1, 0.5>
func.func @linear_c4(%x: !d) {
  // expected-error @below {{expected weight to be [8, 8] but got 'tensor<8x4xf32>'}}
  %y = encdec.linear %x, @w : !d -> !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @linear_c4_missing(%x: !d) {
  // expected-error @below {{expected weight to name an encdec.weight of the module but got @w}}
  %y = encdec.linear %x, @w : !d -> !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<9xf32> = #encdec.seeded<1, 0.5>
func.func @linear_c5(%x: !d) {
  // expected-error @below {{expected bias to be [8] but got 'tensor<9xf32>'}}
  %y = encdec.linear %x, @w, @b : !d -> !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @g : tensor<8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<9xf32> = #encdec.seeded<1, 0.5>
func.func @norm_c1(%x: !d) {
  // expected-error @below {{expected beta to be [8] but got 'tensor<9xf32>'}}
  %y = encdec.norm %x, @g, @b {eps = 1.0e-5} : !d
  return
}

// -----

// A beta is checked where there is one, of either kind.
!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{@g is defined here}}
encdec.weight @g : tensor<9xf32> = #encdec.seeded<1, 0.5>
func.func @norm_c1_rms(%x: !d) {
  // expected-error @below {{expected gamma to be [8] but got 'tensor<9xf32>'}}
  %y = encdec.norm %x, @g {eps = 1.0e-5, kind = rms} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @unknown_norm(%x: !d) {
  // expected-error @below {{expected layer or rms, but got batch}}
  %y = encdec.norm %x, @g {eps = 1.0e-5, kind = batch} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!d4 = tensor<?x4xf32, #encdec.side<decoder>>
// expected-note @below {{x is}}
func.func @add_c2(%x: !d, %y: !d4) {
  // expected-error @below {{expected the width of y to be 8 but got 4}}
  %z = encdec.add %x, %y : !d, !d4
  return
}

// -----

!l = tensor<?x11xf32, #encdec.side<decoder>>
// expected-note @below {{logits is}}
func.func @top_tokens_c1(%x: !l, %bias: tensor<?x12xf32>, %i: tensor<?xi32>, %top: i64) {
  // expected-error @below {{expected the width of logit_bias to be 11 but got 12}}
  %t, %lp = encdec.top_tokens %x biased %bias by %i keep %top : !l, tensor<?x12xf32>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<12x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<8x12xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@g is defined here}}
encdec.weight @g : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c5(%x: !d) {
  // expected-error @below {{expected gate_weight to be [12, 8] but got 'tensor<11x8xf32>'}}
  %y = encdec.ffn %x, up @w, gate @g, down @v {kind = silu} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<12x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<8x12xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<8xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c6(%x: !d) {
  // expected-error @below {{expected gate_bias to be [12] but got 'tensor<8xf32>'}}
  %y = encdec.ffn %x, up @w, gate @w @b, down @v {kind = silu} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<12x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<8x12xf32> = #encdec.seeded<1, 0.5>
encdec.weight @b : tensor<12xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c6_alone(%x: !d) {
  // expected-error @below {{expected a gate_weight beside gate_bias @b but got none}}
  %y = "encdec.ffn"(%x) <{up_weight = @w, gate_bias = @b, down_weight = @v, kind = #encdec.activation_kind<silu>}> : (!d) -> !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{@w is defined here}}
encdec.weight @w : tensor<12x4xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c1(%x: !d) {
  // expected-error @below {{expected up_weight to be [?, 8] but got 'tensor<12x4xf32>'}}
  %y = encdec.ffn %x, up @w, down @w {kind = relu} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<12x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<8xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c2(%x: !d) {
  // expected-error @below {{expected up_bias to be [12] but got 'tensor<8xf32>'}}
  %y = encdec.ffn %x, up @w @b, down @w {kind = relu} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{@w is defined here}}
encdec.weight @w : tensor<12x8xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c3(%x: !d) {
  // expected-error @below {{expected down_weight to be [8, 12] but got 'tensor<12x8xf32>'}}
  %y = encdec.ffn %x, up @w, down @w {kind = relu} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w1 : tensor<12x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w2 : tensor<8x12xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<12xf32> = #encdec.seeded<1, 0.5>
func.func @ffn_c4(%x: !d) {
  // expected-error @below {{expected down_bias to be [8] but got 'tensor<12xf32>'}}
  %y = encdec.ffn %x, up @w1 @b, down @w2 @b {kind = relu} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @ffn_kind(%x: !d) {
  // expected-error @below {{expected relu, gelu, gelu_tanh or silu, but got mish}}
  %y = encdec.ffn %x, up @w, down @w {kind = mish} : !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!d4 = tensor<?x4xf32, #encdec.side<decoder>>
encdec.weight @g : tensor<8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{input is}}
func.func @add_norm_c2(%x: !d, %y: !d4) {
  // expected-error @below {{expected the width of residual to be 8 but got 4}}
  %z = encdec.add_norm %x, %y, @g, @g {eps = 1.0e-5} : !d, !d4
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{@g is defined here}}
encdec.weight @g : tensor<4xf32> = #encdec.seeded<1, 0.5>
func.func @add_norm_c3(%x: !d) {
  // expected-error @below {{expected gamma to be [8] but got 'tensor<4xf32>'}}
  %z = encdec.add_norm %x, %x, @g, @g {eps = 1.0e-5} : !d, !d
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
// expected-note @below {{@w is defined here}}
encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
func.func @vocabulary_c1(%x: !d, %bias: tensor<?x12xf32>, %i: tensor<?xi32>, %top: i64) {
  // expected-error @below {{expected weight to be [12, 8] but got 'tensor<11x8xf32>'}}
  %t, %lp = encdec.vocabulary %x, @w biased %bias by %i keep %top : !d, tensor<?x12xf32>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
// expected-note @below {{@b is defined here}}
encdec.weight @b : tensor<8xf32> = #encdec.seeded<1, 0.5>
func.func @vocabulary_c2(%x: !d, %bias: tensor<?x11xf32>, %i: tensor<?xi32>, %top: i64) {
  // expected-error @below {{expected bias to be [11] but got 'tensor<8xf32>'}}
  %t, %lp = encdec.vocabulary %x, @w, @b biased %bias by %i keep %top : !d, tensor<?x11xf32>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @s : tensor<11x8xf32> = #encdec.seeded<2, 0.5> {format = "int8"}
func.func @vocabulary_c3(%x: !d, %bias: tensor<?x11xf32>, %i: tensor<?xi32>, %top: i64) {
  // expected-error @below {{expected sketch to be the same weight as @w but got another, @s}}
  %t, %lp = encdec.vocabulary %x, @w sketch @s biased %bias by %i keep %top : !d, tensor<?x11xf32>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @s : tensor<11x8xf32> = #encdec.seeded<1, 0.5>
func.func @vocabulary_c3_stored(%x: !d, %bias: tensor<?x11xf32>, %i: tensor<?xi32>, %top: i64) {
  // expected-error @below {{expected a sketch in format int8 of a weight in f32 but got f32 of f32}}
  %t, %lp = encdec.vocabulary %x, @w sketch @s biased %bias by %i keep %top : !d, tensor<?x11xf32>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<11x8xf32> = #encdec.seeded<1, 0.5> {format = "bf16"}
encdec.weight @s : tensor<11x8xf32> = #encdec.seeded<1, 0.5> {format = "int8"}
func.func @vocabulary_c3_f32(%x: !d, %bias: tensor<?x11xf32>, %i: tensor<?xi32>, %top: i64) {
  // expected-error @below {{expected a sketch in format int8 of a weight in f32 but got int8 of bf16}}
  %t, %lp = encdec.vocabulary %x, @w sketch @s biased %bias by %i keep %top : !d, tensor<?x11xf32>
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @g : tensor<8xf32> = #encdec.seeded<1, 0.5>
func.func @negative_epsilon(%x: !d) {
  // expected-error @below {{attribute 'eps' failed to satisfy constraint: 32-bit float attribute that is finite that is not negative}}
  %y = encdec.norm %x, @g, @g {eps = -1.0} : !d
  return
}
