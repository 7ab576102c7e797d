// RUN: encdec-opt %s --encdec-sketch-vocabulary | FileCheck %s
// RUN: encdec-opt %s --encdec-sketch-vocabulary --encdec-sketch-vocabulary | FileCheck %s
// RUN: encdec-opt %s --encdec-quantize-weights=type=int8 --encdec-sketch-vocabulary | FileCheck %s --check-prefix=INT8 --implicit-check-not=sketch
// RUN: encdec-opt %s --encdec-place=sketch=true | FileCheck %s --check-prefix=PLACED
// RUN: encdec-opt %s --encdec-sketch-vocabulary --remarks-filter=sketch-vocabulary -o /dev/null 2>&1 | FileCheck %s --check-prefix=REMARK
// The vocabulary of f32 weights gets an int8 copy of its weight; other weights do not.

!dec = tensor<?x4xf32, #encdec.side<decoder>>
// CHECK: encdec.weight @w : tensor<20x4xf16> = #encdec.seeded<1, 1.000000e+00>{{$}}
// CHECK-NEXT: encdec.weight @w.sketch : tensor<20x4xf16> = #encdec.seeded<1, 1.000000e+00> {format = "int8"}
// INT8: encdec.weight @w : {{.*}} {format = "int8"}
// REMARK: [Passed] sketched | {{.*}}Gain="a greedy step reads 80 bytes of @w instead of 320"
// 20 columns are 2 panels, 4 elements each.
// PLACED: encdec.weight @w : {{.*}} {format = "f32", layout = #encdec.packed, offset = 0 : i64}
// PLACED: encdec.weight @w.sketch : {{.*}} {format = "int8", layout = #encdec.packed, offset = 512 : i64, scale_offset = 640 : i64}
encdec.weight @w : tensor<20x4xf16> = #encdec.seeded<1, 1.0>

// CHECK: encdec.vocabulary %{{.*}}, @w sketch @w.sketch biased
// INT8: encdec.vocabulary %{{.*}}, @w biased
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>, %bias: tensor<?x20xf32>, %top: i64) -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %at, @w {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %t, %p = encdec.vocabulary %x, @w biased %bias by %at keep %top : !dec, tensor<?x20xf32>
  return %t, %p : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}
