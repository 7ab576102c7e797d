// RUN: encdec-opt %s -split-input-file --encdec-pack-weights -verify-diagnostics | FileCheck %s
// RUN: encdec-opt %s -split-input-file --encdec-quantize-weights=type=int8 --encdec-pack-weights -verify-diagnostics | FileCheck %s --check-prefix=INT8
// RUN: encdec-opt %s -split-input-file --encdec-quantize-weights=type=int8-dynamic --encdec-pack-weights -verify-diagnostics | FileCheck %s --check-prefix=DYNAMIC
// Places in the order of use, the step first; each a multiple of 64.

!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
// After the step's: encode reads it. [4 -> 16][4] floats.
// CHECK: encdec.weight @encoder.w : {{.*}} {layout = #encdec.packed, offset = 2816 : i64}
// INT8: encdec.weight @encoder.w : {{.*}} {format = "int8", layout = #encdec.packed, offset = 1536 : i64, scale_offset = 1600 : i64}
encdec.weight @encoder.w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
// First in the step, used again by vocabulary: one copy. [20 -> 32][4] floats.
// CHECK: encdec.weight @table : {{.*}} {layout = #encdec.packed, offset = 0 : i64}
// INT8: encdec.weight @table : {{.*}} {format = "int8", layout = #encdec.packed, offset = 0 : i64, scale_offset = 128 : i64}
encdec.weight @table : tensor<20x4xf16> = #encdec.seeded<2, 1.0>
// [8][4 -> 16] floats, row after row.
// CHECK: encdec.weight @positions : {{.*}} {offset = 512 : i64}
// INT8: encdec.weight @positions : {{.*}} {offset = 256 : i64}
encdec.weight @positions : tensor<8x4xf32> = #encdec.sinusoidal
// CHECK: encdec.weight @unused : tensor<4xf32> = #encdec.seeded<{{[^>]*}}>{{$}}
encdec.weight @unused : tensor<4xf32> = #encdec.seeded<3, 1.0>
// CHECK: encdec.weight @w : {{.*}} {layout = #encdec.packed, offset = 1024 : i64}
// INT8: encdec.weight @w : {{.*}} {format = "int8", {{.*}} offset = 768 : i64, scale_offset = 896 : i64}
encdec.weight @w : tensor<18x4xf32> = #encdec.seeded<4, 1.0>
// A vector of 18 in 32 lanes.
// CHECK: encdec.weight @b : {{.*}} {offset = 1536 : i64}
encdec.weight @b : tensor<18xf32> = #encdec.seeded<5, 1.0>
// CHECK: encdec.weight @w2 : {{.*}} {layout = #encdec.packed, offset = 1664 : i64}
// INT8: encdec.weight @w2 : {{.*}} {format = "int8", layout = #encdec.packed, offset = 1152 : i64, scale_offset = 1472 : i64}
// DYNAMIC: encdec.weight @w2 : {{.*}} {format = "int8-dynamic", layout = #encdec.packed<4>, offset = 1152 : i64, scale_offset = 1472 : i64}
encdec.weight @w2 : tensor<4x18xf32> = #encdec.seeded<6, 1.0>

func.func @encode(%x: !enc) -> !enc attributes {encdec.entry = "encode"} {
  %y = encdec.linear %x, @encoder.w : !enc -> !enc
  return %y : !enc
}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>, %bias: tensor<?x20xf32>, %by: tensor<?xi32>, %top: i64) -> tensor<?x?xi32, #encdec.side<decoder>> attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %at, @table, @positions {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %y = encdec.ffn %x, up @w @b, down @w2 {kind = relu} : !dec
  %t, %l = encdec.vocabulary %y, @table biased %bias by %by keep %top : !dec, tensor<?x20xf32>
  return %t : tensor<?x?xi32, #encdec.side<decoder>>
}

// -----

// One table cannot have two layouts.
!dec = tensor<?x4xf32, #encdec.side<decoder>>
encdec.weight @table : tensor<20x4xf16> = #encdec.seeded<2, 1.0>
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>) -> !dec attributes {encdec.entry = "step"} {
  // expected-error@+2 {{expected a table of its own, but @table is also multiplied or looked up by token}}
  // expected-note@+1 {{here}}
  %x = encdec.embed %ids at %at, @table, @table {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  return %x : !dec
}

// -----

// A table of relative bias is read by distance: row after row in f32, whatever the format of
// the matrices.
!b = tensor<2x?xf32, #encdec.side<decoder>>
// [6][2 -> 16] floats.
// CHECK: encdec.weight @buckets : tensor<6x2xf16> = #encdec.seeded<1, 1.000000e+00> {offset = 0 : i64}
// INT8: encdec.weight @buckets : tensor<6x2xf16> = #encdec.seeded<1, 1.000000e+00> {offset = 0 : i64}
encdec.weight @buckets : tensor<6x2xf16> = #encdec.seeded<1, 1.0>
// CHECK: encdec.weight @more : {{.*}} {offset = 384 : i64}
// INT8: encdec.weight @more : {{.*}} {offset = 384 : i64}
encdec.weight @more : tensor<6x2xf32> = #encdec.seeded<2, 1.0>
func.func @step(%p: tensor<?xi32>) -> (!b, !b) attributes {encdec.entry = "step"} {
  %a = encdec.relative_bias @buckets to %p {max_distance = 9} : !b
  %b = encdec.relative_bias @more to %p {max_distance = 9} : !b
  return %a, %b : !b, !b
}

// -----

!dec = tensor<?x2xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
encdec.weight @table : tensor<20x2xf16> = #encdec.seeded<2, 1.0>
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>) -> (!dec, !b) attributes {encdec.entry = "step"} {
  // expected-note@+1 {{here}}
  %x = encdec.embed %ids at %at, @table {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  // expected-error@+1 {{expected a table of its own, but @table is also multiplied or looked up by token}}
  %b = encdec.relative_bias @table to %at {max_distance = 40} : !b
  return %x, %b : !dec, !b
}
