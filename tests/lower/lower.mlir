// RUN: encdec-opt %s -split-input-file --encdec-schedule --encdec-lower | FileCheck %s
// RUN: encdec-opt %s -split-input-file --encdec-schedule --encdec-to-llvm | FileCheck %s --check-prefix=LLVM
// RUN: encdec-opt %s -split-input-file --encdec-schedule --encdec-lower=level=v4 | FileCheck %s --check-prefix=V4
// RUN: encdec-opt %s -split-input-file --encdec-schedule --encdec-lower=kernel=linear | FileCheck %s --check-prefix=ALONE

// One table a call, one kernel a shape, a call of the barrier where the schedule has one.

encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5> {layout = #encdec.packed, offset = 3072 : i64}
encdec.weight @b : tensor<16xf32> = #encdec.seeded<3, 0.5> {offset = 4096 : i64}
encdec.weight @gamma : tensor<16xf32> = #encdec.seeded<4, 0.5> {offset = 4160 : i64}
encdec.weight @beta : tensor<16xf32> = #encdec.seeded<5, 0.5> {offset = 4224 : i64}

// CHECK-NOT: encdec.weight
// CHECK: llvm.mlir.global internal constant @encdec_step.0.embed(dense<[0, -1, -1, 0]> : tensor<4xi32>)
// x at place 0, weight at 48, no scales, bias at 64, y at place 1 (in 64 bytes)
// CHECK: @encdec_step.1.linear(dense<[0, 48, -1, 64, 1]> : tensor<5xi32>)
// A missing bias is -1.
// CHECK: @encdec_step.2.linear(dense<[0, 48, -1, -1, 2]> : tensor<5xi32>)
// CHECK: @encdec_step.3.cache_append(dense<[1, 2, 0]> : tensor<3xi32>)
// The second cache begins after the first layer's 16 + 32 floats a key.
// CHECK: @encdec_step.5.cache_append(dense<[1, 2, 192]> : tensor<3xi32>)
// Logits of a block lie in scratch behind the lists of all rows, 768 bytes each.
// CHECK: @encdec_step.8.vocabulary(dense<[2, 0, -1, -1, 0, 0, 0, 0, 0, 0, 768]> : tensor<11xi32>)

// One kernel alone: its calls, and barriers between them only.
// ALONE-LABEL: func.func @encdec_step(
// ALONE: llvm.alloca
// ALONE-NOT: call
// ALONE: call @linear_16_f32x16(
// ALONE-NEXT: llvm.mlir.addressof
// ALONE-NEXT: call @linear_16_f32x16(
// ALONE-NOT: call
// ALONE: return

// CHECK-LABEL: func.func @encdec_step(
// CHECK-SAME: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64)
// CHECK: llvm.alloca
// CHECK: call @embed_16_f32_3f800000
// CHECK: call @barrier
// CHECK-NEXT: llvm.mlir.addressof
// CHECK-NEXT: call @linear_16_f32x16(
// CHECK-NEXT: llvm.mlir.addressof
// CHECK-NEXT: call @linear_16_f32x16(
// CHECK: call @barrier
// CHECK-NEXT: llvm.mlir.addressof
// CHECK-NEXT: call @cache_append_2x8
// Each worker attends with the heads it has appended, and goes on with their contexts.
// CHECK-NOT: call @barrier
// CHECK: call @self_attention_2x8_3e800000
// CHECK: call @cache_append_2x8
// CHECK: call @self_attention_2x8_3e800000
// CHECK: call @barrier
// CHECK: call @add_norm_16_
// CHECK: call @barrier
// CHECK: call @vocabulary_16_f32x40
// CHECK: call @barrier
// CHECK: call @merge_vocabulary_40
// CHECK-NOT: call @barrier
// CHECK: return
// Kernels of one shape exist once.
// CHECK: func.func private @linear_16_f32x16(
// CHECK-NOT: func.func private @linear_16_f32x16(
func.func @step(%tokens: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"},
    %positions: tensor<?xi32> {encdec.arg = "positions"},
    %ancestors: tensor<?x?xi32> {encdec.arg = "ancestors"},
    %logit_bias: tensor<?x40xf32> {encdec.arg = "logit_bias"},
    %row_bias: tensor<?xi32> {encdec.arg = "row_bias"},
    %cache0: !encdec.cache<2x8> {encdec.arg = "cache.0"},
    %cache1: !encdec.cache<2x8> {encdec.arg = "cache.1"}, %top: i64 {encdec.arg = "top_k"})
    -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> tensor<?x16xf32, #encdec.side<decoder>>
  %k = encdec.linear %x, @w, @b : tensor<?x16xf32, #encdec.side<decoder>> -> tensor<?x16xf32, #encdec.side<decoder>>
  %v = encdec.linear %x, @w : tensor<?x16xf32, #encdec.side<decoder>> -> tensor<?x16xf32, #encdec.side<decoder>>
  encdec.cache_append %cache0, %k, %v of %ancestors at %positions : !encdec.cache<2x8>, tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>
  %k0, %v0, %offsets0, %rows0 = encdec.cache_read %cache0 of %ancestors to %positions : !encdec.cache<2x8>
  %c = encdec.self_attention %x, %k0, %v0 of %rows0 in %offsets0 causal at %positions {heads = 2, scale = 0.25} : tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>
  encdec.cache_append %cache1, %k, %v of %ancestors at %positions : !encdec.cache<2x8>, tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>
  %k1, %v1, %offsets1, %rows1 = encdec.cache_read %cache1 of %ancestors to %positions : !encdec.cache<2x8>
  %d = encdec.self_attention %c, %k1, %v1 of %rows1 in %offsets1 causal at %positions {heads = 2, scale = 0.25} : tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>
  %y = encdec.add_norm %d, %c, @gamma, @beta {eps = 1.0e-5} : tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32, #encdec.side<decoder>>
  %token, %log_prob = encdec.vocabulary %y, @table biased %logit_bias by %row_bias keep %top : tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x40xf32>
  return %token, %log_prob : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}

// The frame is the only alloca; the barrier is the only indirect call.
// LLVM-NOT: unrealized_conversion_cast
// LLVM-LABEL: llvm.func @encdec_step(
// LLVM: llvm.call @linear_16_f32x16(
// LLVM-LABEL: llvm.func internal @barrier(

// V4: func.func private @linear_tile_f32_12x2(
