// RUN: encdec-opt %s --encdec-quantize-weights=type=int8 | FileCheck %s
// RUN: encdec-opt %s --encdec-quantize-weights=type=bf16 | FileCheck %s --check-prefix=BF16
// RUN: encdec-opt %s --encdec-quantize-weights=type=int8-dynamic | FileCheck %s --check-prefix=DYNAMIC
// RUN: encdec-opt %s --encdec-quantize-weights | FileCheck %s --check-prefix=F32 --implicit-check-not='storage = i8'
// RUN: not encdec-opt %s --encdec-quantize-weights=type=int5 2>&1 | FileCheck %s --check-prefix=BAD
// int8 is for matrices and token tables; vectors and position tables stay f32.

// BAD: expected type f32, bf16, int8 or int8-dynamic, but got 'int5'

!dec = tensor<?x4xf32, #encdec.side<decoder>>
// CHECK: encdec.weight @table : {{.*}} {storage = i8}
// DYNAMIC: encdec.weight @table : {{.*}} {activations = i8, storage = i8}
// BF16: encdec.weight @table : {{.*}} {storage = bf16}
// F32: encdec.weight @table : {{.*}} {storage = f32}
encdec.weight @table : tensor<5x4xf16> = #encdec.seeded<1, 1.0>
// CHECK: encdec.weight @positions : {{.*}} {storage = f32}
// DYNAMIC: encdec.weight @positions : {{.*}} {storage = f32}
// BF16: encdec.weight @positions : {{.*}} {storage = f32}
encdec.weight @positions : tensor<8x4xf32> = #encdec.sinusoidal
// CHECK: encdec.weight @w : {{.*}} {storage = i8}
// DYNAMIC: encdec.weight @w : {{.*}} {activations = i8, storage = i8}
encdec.weight @w : tensor<4x4xf16> = #encdec.seeded<2, 1.0>
// CHECK: encdec.weight @b : {{.*}} {storage = f32}
// DYNAMIC: encdec.weight @b : {{.*}} {storage = f32}
encdec.weight @b : tensor<4xf16> = #encdec.seeded<3, 1.0>
// CHECK: encdec.weight @unused : {{.*}} {storage = f32}
// DYNAMIC: encdec.weight @unused : {{.*}} {storage = f32}
encdec.weight @unused : tensor<4x4xf16> = #encdec.seeded<4, 1.0>

func.func @f(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>) -> !dec {
  %x = encdec.embed %ids at %at, @table, @positions {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %y = encdec.linear %x, @w, @b : !dec -> !dec
  return %y : !dec
}
