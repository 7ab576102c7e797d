// Values keep their names from tool to tool; diagnostics keep their lines.
// RUN: encdec-opt %s --split-input-file --verify-diagnostics | FileCheck %s
// RUN: encdec-opt %s --split-input-file --verify-diagnostics --encdec-fuse-add-norm \
// RUN:   | FileCheck %s --check-prefix=FUSED
// RUN: split-file %s %t
// RUN: encdec-opt %t/one.mlir --encdec-fuse | encdec-opt --encdec-decompose | FileCheck %s --check-prefix=TWICE
// RUN: encdec-opt %t/one.mlir --emit-bytecode | encdec-opt | FileCheck %s --check-prefix=TWICE
// RUN: encdec-opt %t/one.mlir --mlir-print-op-generic | encdec-opt | FileCheck %s --check-prefix=NUMBERS

//--- one.mlir
!x = tensor<?x4xf32, #encdec.side<encoder>>
encdec.weight @g : tensor<4xf32> = #encdec.seeded<5, 0.5>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<6, 0.5>

// CHECK-LABEL: func.func @f
// CHECK-NEXT: %l0.cross.o = encdec.linear %arg0, @w
// CHECK-NEXT: %left, %the-right = encdec.linear %l0.cross.o, [@w, @w]
// CHECK-NEXT: %z$1 = encdec.add %left, %the-right
// CHECK-NEXT: %normed = encdec.norm %z$1
// FUSED-LABEL: func.func @f
// FUSED: %normed = encdec.add_norm %left, %the-right
// TWICE: %l0.cross.o = encdec.linear %arg0, @w
// NUMBERS: %y = encdec.linear %arg0, @w
// NUMBERS-NEXT: %y_0, %y_1 = encdec.linear %y, [@w, @w]
func.func @f(%x: !x) -> !x {
  %l0.cross.o = encdec.linear %x, @w : !x -> !x
  %left, %the-right = encdec.linear %l0.cross.o, [@w, @w] : !x -> !x, !x
  %z$1 = encdec.add %left, %the-right : !x, !x
  %0 = encdec.norm %z$1, @g, @g {eps = 1.0e-5} : !x
  return %0 : !x
}

//--- two.mlir
// -----
!x = tensor<?x4xf32, #encdec.side<encoder>>
func.func @g(%x: !x) -> !x {
  %mine = encdec.add %x, %x : !x, !x
  // expected-error @+1 {{'encdec.norm' op expected}}
  %other = encdec.norm %mine, @none, @none {eps = 1.0e-5} : !x
  return %other : !x
}

// -----
!x = tensor<?x4xf32, #encdec.side<encoder>>
// CHECK-LABEL: func.func @h
// CHECK-NEXT: %later = encdec.add
func.func @h(%x: !x) -> !x {
  %later = encdec.add %x, %x : !x, !x
  return %later : !x
}
