// RUN: encdec-opt %s --encdec-quantize-weights=type=int8 | FileCheck %s
// RUN: encdec-opt %s --encdec-quantize-weights=type=bf16 | FileCheck %s --check-prefix=BF16
// RUN: encdec-opt %s --encdec-quantize-weights=type=int8-dynamic | FileCheck %s --check-prefix=DYNAMIC
// RUN: encdec-opt %s --encdec-quantize-weights | FileCheck %s --check-prefix=F32 --implicit-check-not='format = "int8"'
// RUN: not encdec-opt %s --encdec-quantize-weights=type=int5 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: encdec-opt %s --encdec-quantize-weights="type=int8 for=*=bf16,w=int8-dynamic" | FileCheck %s --check-prefix=MIXED
// RUN: not encdec-opt %s --encdec-quantize-weights="for=tabel*=bf16" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not encdec-opt %s --encdec-quantize-weights="for=w" 2>&1 | FileCheck %s --check-prefix=PATTERN
// RUN: not encdec-opt %s --encdec-quantize-weights="for=w=int5" 2>&1 | FileCheck %s --check-prefix=BAD
// The last pattern that matches a weight counts; one that matches none is an error.
// MIXED: encdec.weight @table : {{.*}} {format = "bf16"}
// MIXED: encdec.weight @w : {{.*}} {format = "int8-dynamic"}
// NONE: quantize-weights [no-match]: no matrix or token table matches 'tabel*'; the nearest names are table w derived
// PATTERN: quantize-weights [pattern]: expected GLOB=FORMAT, as in 'decoder.*=int8', but got 'w'

// int8 is for matrices and token tables; vectors and position tables stay f32.

// BAD: quantize-weights [format]: expected one of f32, bf16, int8, int8-dynamic, but got 'int5'

!dec = tensor<?x4xf32, #encdec.side<decoder>>
// CHECK: encdec.weight @table : {{.*}} {format = "int8"}
// DYNAMIC: encdec.weight @table : {{.*}} {format = "int8-dynamic"}
// BF16: encdec.weight @table : {{.*}} {format = "bf16"}
// F32: encdec.weight @table : {{.*}} {format = "f32"}
encdec.weight @table : tensor<5x4xf16> = #encdec.seeded<1, 1.0>
// CHECK: encdec.weight @positions : tensor<8x4xf32> = #encdec.sinusoidal{{$}}
// DYNAMIC: encdec.weight @positions : tensor<8x4xf32> = #encdec.sinusoidal{{$}}
// BF16: encdec.weight @positions : tensor<8x4xf32> = #encdec.sinusoidal{{$}}
encdec.weight @positions : tensor<8x4xf32> = #encdec.sinusoidal
// CHECK: encdec.weight @w : {{.*}} {format = "int8"}
// DYNAMIC: encdec.weight @w : {{.*}} {format = "int8-dynamic"}
encdec.weight @w : tensor<4x4xf16> = #encdec.seeded<2, 1.0>
// A derived weight is one as any other; what only derived ones name is not.
// CHECK: encdec.weight @derived : {{.*}} {format = "int8"}
// MIXED: encdec.weight @derived : {{.*}} {format = "bf16"}
encdec.weight @derived : tensor<4x4xf32> = #encdec.product<@w, @below>
// CHECK: encdec.weight @below : tensor<4x4xf16> = #encdec.seeded<5, 1.000000e+00>{{$}}
encdec.weight @below : tensor<4x4xf16> = #encdec.seeded<5, 1.0>
// CHECK: encdec.weight @b : tensor<4xf16> = #encdec.seeded<3, 1.000000e+00>{{$}}
// DYNAMIC: encdec.weight @b : tensor<4xf16> = #encdec.seeded<3, 1.000000e+00>{{$}}
encdec.weight @b : tensor<4xf16> = #encdec.seeded<3, 1.0>
// CHECK: encdec.weight @unused : tensor<4x4xf16> = #encdec.seeded<4, 1.000000e+00>{{$}}
// DYNAMIC: encdec.weight @unused : tensor<4x4xf16> = #encdec.seeded<4, 1.000000e+00>{{$}}
encdec.weight @unused : tensor<4x4xf16> = #encdec.seeded<4, 1.0>
// A table that holds positions too is read as f32 there.
// CHECK: encdec.weight @both : tensor<8x4xf16> = #encdec.seeded<6, 1.000000e+00>{{$}}
encdec.weight @both : tensor<8x4xf16> = #encdec.seeded<6, 1.0>

func.func @f(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>) -> !dec {
  %x = encdec.embed %ids at %at, @table, @positions {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %y = encdec.linear %x, @w, @b : !dec -> !dec
  %z = encdec.linear %y, @derived : !dec -> !dec
  %tokens = encdec.embed %ids at %at, @both {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  %positions = encdec.embed %ids at %at, @table, @both {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> !dec
  return %z : !dec
}
