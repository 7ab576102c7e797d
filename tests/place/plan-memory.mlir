// RUN: encdec-opt %s -split-input-file --encdec-plan-memory -verify-diagnostics | FileCheck %s
// RUN: encdec-opt %s -split-input-file --encdec-quantize-weights=type=int8-dynamic --encdec-pack-weights --encdec-plan-memory -verify-diagnostics | FileCheck %s --check-prefix=DYNAMIC
// RUN: not encdec-opt %s -split-input-file --encdec-plan-memory --remarks-filter=plan-memory -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// Dead buffers are reused; sizes are formulas of rows.

!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x20xf32, #encdec.side<decoder>>
!index = tensor<?xi32>

// REMARK: [Passed] arena | {{.*}}a row share 320"
// CHECK: module attributes {encdec.memory_plan = {cache_per_key = 208 : i64, encode_arena_per_row = 320 : i64, key_type = "f32", memory_per_key = 0 : i64, scratch_fixed = 24576 : i64, scratch_per_key = 16 : i64, scratch_per_row = 768 : i64, step_arena_fixed = 0 : i64, step_arena_per_row = 448 : i64}}

encdec.weight @w1 : tensor<40x20xf32> = #encdec.seeded<1, 1.0>
encdec.weight @w2 : tensor<20x40xf32> = #encdec.seeded<2, 1.0>
encdec.weight @table : tensor<200x20xf32> = #encdec.seeded<3, 1.0>

// Keys [H*D], values [H*16] beside query, keys, values and result.
// CHECK-LABEL: func.func @encode
// CHECK-SAME: encdec.arena_per_row = 320 : i64
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>>, %at: !index, %rows: !index, %offsets: !index) attributes {encdec.entry = "encode"} {
  // CHECK: encdec.embed {{.*}} {encdec.place = array<i64: 128>}
  %x = encdec.embed %ids at %at, @small {scale = 2.0} : tensor<?xi32, #encdec.side<encoder>> -> !enc
  // CHECK: encdec.self_attention {{.*}} {encdec.place = array<i64: 192, 256, 0>}
  %c = encdec.self_attention %x, %x, %x of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  // Over the values, which are dead.
  // CHECK-NEXT: encdec.activation {{.*}} {encdec.place = array<i64: 0>}
  %y = encdec.activation %c {kind = relu} : !enc
  return
}
encdec.weight @small : tensor<9x4xf32> = #encdec.seeded<4, 1.0>

// CHECK-LABEL: func.func @step
// CHECK-SAME: encdec.arena_per_row = 448 : i64
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: !index, %ancestors: tensor<?x?xi32>, %bias: tensor<?x200xf32>, %by: !index, %cache: !encdec.cache<1x20>, %top: i64) -> tensor<?x?xi32, #encdec.side<decoder>> attributes {encdec.entry = "step"} {
  // CHECK: encdec.embed {{.*}} {encdec.place = array<i64: 192>}
  %x = encdec.embed %ids at %at, @table {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  // Nothing to place: neither what writes a handle nor its views.
  // CHECK-NEXT: encdec.cache_append {{.*}} : !encdec.cache<1x20>, tensor<?x20xf32, #encdec.side<decoder>>, tensor<?x20xf32, #encdec.side<decoder>>{{$}}
  encdec.cache_append %cache, %x, %x of %ancestors at %at : !encdec.cache<1x20>, !dec, !dec
  // Result and hidden rows.
  // CHECK-NEXT: encdec.ffn {{.*}} {encdec.place = array<i64: 320, 0>}
  // Hidden rows and input once more, quantized.
  // DYNAMIC: encdec.ffn {{.*}} {encdec.place = array<i64: 320, 0, 448, 576>}
  %y = encdec.ffn %x, up @w1, down @w2 {kind = relu} : !dec
  // Records of the blocks; token and log-probability go to the caller.
  // CHECK-NEXT: encdec.vocabulary {{.*}} {encdec.place = array<i64: 0>}
  // Quantized rows lie over nothing that the op which made the rows has used.
  // DYNAMIC-NEXT: encdec.vocabulary {{.*}} {encdec.place = array<i64: 0, 704>}
  %t, %l = encdec.vocabulary %y, @table biased %bias by %by keep %top : !dec, tensor<?x200xf32>
  return %t : tensor<?x?xi32, #encdec.side<decoder>>
}

// -----

!dec = tensor<?x4xf32, #encdec.side<decoder>>
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!index = tensor<?xi32>
func.func @step(%q: !dec, %sources: !index, %memory: !encdec.memory<2x2>) attributes {encdec.entry = "step"} {
  %k, %v, %o = encdec.memory_read %memory : !encdec.memory<2x2>
  return
}
// expected-error@-4 {{expected activations to come from ops, but argument 0 is}}

// -----

!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @small : tensor<9x4xf32> = #encdec.seeded<4, 1.0>
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: !index, %sources: !index, %memory: !encdec.memory<2x2>) attributes {encdec.entry = "step"} {
  %q = encdec.embed %ids at %at, @small {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %k, %v, %o = encdec.memory_read %memory : !encdec.memory<2x2>
  // expected-error@+1 {{needs a buffer of heads * rows * keys, which no arena holds; run encdec-fuse-attention first}}
  %s = encdec.scores %q, %k of %sources in %o {heads = 2, scale = 0.5} : !dec, tensor<?x4xf32, #encdec.side<encoder>>
  return
}

// -----

func.func @encode(%memory: !encdec.memory<2x4, bf16>) attributes {encdec.entry = "encode"} {
  return
}
// expected-error @below {{not placeable [key-types]: memories and caches hold both 'bf16' and 'f32'; run encdec-narrow-keys, which stores all alike}}
func.func @step(%memory: !encdec.memory<2x4>) attributes {encdec.entry = "step"} {
  return
}
