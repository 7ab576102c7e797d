// The plugin of examples/my_fusion.cpp: found by encdec-opt, does what it says, and
// changes no number, alone and with our own fusions after it.
// RUN: encdec-opt %s --load-pass-plugin=%{lib}/my_fusion.so \
// RUN:   --pass-pipeline='builtin.module(my-fuse-memory-projections)' -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: encdec-opt %s --load-pass-plugin=%{lib}/my_fusion.so \
// RUN:   --pass-pipeline='builtin.module(my-fuse-memory-projections,encdec-fuse{weights=f32})' -o %t.fused.mlir
// RUN: encdec-run-reference %s --seed 3 --steps 3 > %t.before
// RUN: encdec-run-reference %t.mlir --seed 3 --steps 3 > %t.after
// RUN: encdec-run-reference %t.fused.mlir --seed 3 --steps 3 > %t.fused
// RUN: diff %t.before %t.after
// RUN: diff %t.before %t.fused
// RUN: FileCheck %s --check-prefix=RAN --input-file=%t.after
// RAN: step 2: tokens

!src = tensor<?xi32, #encdec.side<encoder>>
!tgt = tensor<?xi32, #encdec.side<decoder>>
!top = tensor<?x?xi32, #encdec.side<decoder>>
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!scores = tensor<2x?x?xf32, #encdec.side<decoder>>
!logits = tensor<?x11xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @table : tensor<11x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @places : tensor<16x4xf32> = #encdec.sinusoidal
encdec.weight @k0 : tensor<4x4xf32> = #encdec.seeded<2, 1.0>
encdec.weight @v0 : tensor<4x4xf32> = #encdec.seeded<3, 1.0>
encdec.weight @k1 : tensor<4x4xf32> = #encdec.seeded<4, 1.0>
encdec.weight @v1 : tensor<4x4xf32> = #encdec.seeded<5, 1.0>
encdec.weight @b : tensor<4xf32> = #encdec.seeded<6, 1.0>

// The encoder's linear is not of a step: it stays.
// CHECK-LABEL: func.func @encode
// CHECK: encdec.linear %{{.*}}, @k0 :
func.func @encode(%tokens: !src {encdec.arg = "tokens"}, %positions: !index {encdec.arg = "positions"},
    %rows: !index {encdec.arg = "rows"}, %offsets: !index {encdec.arg = "offsets"}) -> !enc
    attributes {encdec.entry = "encode"} {
  %x = encdec.embed %tokens at %positions, @table, @places {scale = 2.0} : !src -> !enc
  %y = encdec.linear %x, @k0 : !enc -> !enc
  return %y : !enc
}

// The three without a bias are one; the one with a bias has no partner.
// CHECK-LABEL: func.func @step
// CHECK: encdec.embed
// CHECK-NEXT: %[[K0:.*]], %[[V0:.*]], %[[V1:.*]] = encdec.linear %{{.*}}, [@k0, @v0, @v1] :
// CHECK-NEXT: encdec.scores %{{.*}}, %[[K0]]
// CHECK: encdec.context %{{.*}}, %[[V0]]
// CHECK-NEXT: encdec.linear %{{.*}}, @k1, @b :
// CHECK: encdec.context %{{.*}}, %[[V1]]
func.func @step(%tokens: !tgt {encdec.arg = "tokens"}, %positions: !index {encdec.arg = "positions"},
    %sources: !index {encdec.arg = "sources"}, %offsets: !index {encdec.arg = "offsets"},
    %logit_bias: tensor<?x11xf32> {encdec.arg = "logit_bias"}, %row_bias: !index {encdec.arg = "row_bias"},
    %memory: !enc {encdec.arg = "memory"}, %top: i64 {encdec.arg = "top_k"}) -> (!top, tensor<?x?xf32>)
    attributes {encdec.entry = "step"} {
  %x = encdec.embed %tokens at %positions, @table, @places {scale = 2.0} : !tgt -> !dec
  %k0 = encdec.linear %memory, @k0 : !enc -> !enc
  %v0 = encdec.linear %memory, @v0 : !enc -> !enc
  %s0 = encdec.scores %x, %k0 of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p0 = encdec.softmax %s0 : !scores
  %c0 = encdec.context %p0, %v0 of %sources in %offsets {heads = 2} : !scores, !enc
  %k1 = encdec.linear %memory, @k1, @b : !enc -> !enc
  %v1 = encdec.linear %memory, @v1 : !enc -> !enc
  %s1 = encdec.scores %c0, %k1 of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p1 = encdec.softmax %s1 : !scores
  %c1 = encdec.context %p1, %v1 of %sources in %offsets {heads = 2} : !scores, !enc
  %y = encdec.add %c1, %x : !dec, !dec
  %l = encdec.linear %y, @table : !dec -> !logits
  %t, %p = encdec.top_tokens %l biased %logit_bias by %row_bias keep %top : !logits, tensor<?x11xf32>
  return %t, %p : !top, tensor<?x?xf32>
}
