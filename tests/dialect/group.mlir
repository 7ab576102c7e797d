// A group survives printing and parsing, and its results are named as inside.
// RUN: encdec-opt --mlir-print-debuginfo %s | encdec-opt | FileCheck %s
// RUN: encdec-opt --mlir-print-debuginfo --mlir-print-op-generic %s | encdec-opt | FileCheck %s
// RUN: encdec-opt --encdec-decompose %s | FileCheck %s --check-prefix=PLAIN

!d = tensor<?x8xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @g : tensor<8xf16> = #encdec.seeded<2, 0.5>

// CHECK-LABEL: func.func @f
// PLAIN-LABEL: func.func @f
func.func @f(%c: !d, %x: !d) -> (!d, !d) {
  // CHECK: %n.out, %z.out = encdec.fused(%arg2 = %arg0, %arg3 = %arg1) : (tensor<?x8xf32, #decoder>, tensor<?x8xf32, #decoder>) -> (tensor<?x8xf32, #decoder>, tensor<?x8xf32, #decoder>) {
  // CHECK-NEXT: %o = encdec.linear %arg2, @w : tensor<?x8xf32, #decoder> -> tensor<?x8xf32, #decoder>
  // CHECK-NEXT: %n, %z = encdec.add_norm %o, %arg3, @g {eps = 9.99999974E-6, sum} : tensor<?x8xf32, #decoder>, tensor<?x8xf32, #decoder>
  // CHECK-NEXT: encdec.yield %n, %z : tensor<?x8xf32, #decoder>, tensor<?x8xf32, #decoder>
  // CHECK: return %n.out, %z.out
  // PLAIN-NEXT: %o = encdec.linear %arg0, @w
  // PLAIN-NEXT: %z = encdec.add %o, %arg1
  // PLAIN-NEXT: %n = encdec.norm %z, @g
  // PLAIN-NEXT: return %n, %z
  %y, %s = encdec.fused(%a = %c, %r = %x) : (!d, !d) -> (!d, !d) {
    %o = encdec.linear %a, @w : !d -> !d loc("o")
    %n, %z = encdec.add_norm %o, %r, @g {eps = 1.0e-5, sum} : !d, !d loc(fused["n", "z"])
    encdec.yield %n, %z : !d, !d
  } loc("y")
  return %y, %s : !d, !d
}
