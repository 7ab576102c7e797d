// RUN: encdec-opt %s --encdec-narrow-keys=type=bf16 | FileCheck %s
// RUN: encdec-opt %s --encdec-narrow-keys=type=bf16 --encdec-narrow-keys | FileCheck %s --check-prefix=F32 --implicit-check-not=bf16
// RUN: not encdec-opt %s --encdec-narrow-keys=type=i8 2>&1 | FileCheck %s --check-prefix=BAD
// RUN: encdec-opt %s --encdec-place=weights=int8 | FileCheck %s
// RUN: encdec-opt %s --encdec-place="weights=int8 keys=f32" | FileCheck %s --check-prefix=F32 --implicit-check-not=bf16
// Handles of all functions change, and nothing else.

// BAD: narrow-keys: expected type f32 or bf16, but got 'i8'

!enc = tensor<?x8xf32, #encdec.side<encoder>>
!dec = tensor<?x8xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @table : tensor<5x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<2, 0.5>

// CHECK: func.func @encode(%arg0: tensor<?xi32, {{.*}}>, %arg1: tensor<?xi32>, %arg2: !encdec.memory<2x4, bf16>)
// F32: !encdec.memory<2x4>)
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>>, %o: !index, %m: !encdec.memory<2x4>) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %o, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !enc
  // CHECK: encdec.memory_project {{.*}} : !encdec.memory<2x4, bf16>, tensor<?x8xf32
  encdec.memory_project %m, %x, key @w, value @w in %o : !encdec.memory<2x4>, !enc
  return
}

// CHECK: func.func @step({{.*}}: !encdec.memory<2x4, bf16>, {{.*}}: !encdec.cache<2x4, bf16>,
// F32: !encdec.memory<2x4>, {{.*}}: !encdec.cache<2x4>,
func.func @step(%ids: !ids, %m: !encdec.memory<2x4>, %c: !encdec.cache<2x4, bf16>, %i: !index, %a: tensor<?x?xi32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %i, @table {scale = 1.0} : !ids -> !dec
  // CHECK: encdec.cache_append {{.*}} : !encdec.cache<2x4, bf16>, tensor<?x8xf32
  encdec.cache_append %c, %x, %x of %a at %i : !encdec.cache<2x4, bf16>, !dec, !dec
  // CHECK: encdec.memory_read %{{.*}} : !encdec.memory<2x4, bf16>
  %mk, %mv, %mo = encdec.memory_read %m : !encdec.memory<2x4>
  return
}

// Declared only.
// CHECK: func.func private @other(!encdec.cache<2x4, bf16>, tensor<?xi32>) -> !encdec.memory<2x4, bf16>
// F32: func.func private @other(!encdec.cache<2x4>, tensor<?xi32>) -> !encdec.memory<2x4>
func.func private @other(!encdec.cache<2x4>, tensor<?xi32>) -> !encdec.memory<2x4>
