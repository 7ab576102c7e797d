// RUN: encdec-opt %s --encdec-fuse-add-norm --remarks-filter=fuse-add-norm -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// RUN: FileCheck %s --input-file=%t
// add, norm become one op; a function named after a code stays. Remarks about adds
// come after those about norms.

!x = tensor<?x4xf32, #encdec.side<encoder>>
encdec.weight @g : tensor<4xf32> = #encdec.seeded<1, 0.5>
encdec.weight @b : tensor<4xf32> = #encdec.seeded<2, 0.5>

// CHECK-LABEL: func.func @add_norm
// CHECK-SAME: %[[X:[^:]*]]: {{.*}}, %[[R:[^:]*]]:
// CHECK-NEXT: %[[Y:.*]] = encdec.add_norm %[[X]], %[[R]], @g, @b {eps = 9.99999974E-6}
// CHECK-NEXT: return %[[Y]]
// REMARK: [Passed] add-norm | Category:fuse-add-norm | Function=add_norm | Gain="2 ops became 1
func.func @add_norm(%x: !x, %r: !x) -> !x {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : !x
  return %y : !x
}

// CHECK-NOT: encdec.add_norm
// REMARK: [Missed] no-add | {{.*}}Function=no_add |
func.func @no_add(%x: !x) -> !x {
  %y = encdec.norm %x, @g, @b {eps = 1.0e-5} : !x
  return %y : !x
}

// Pre-norm: the sum goes on as the next residual. The norm has reported
// the add, so the add gets no remark of its own.
// REMARK: [Missed] multi-use-sum | {{.*}}Function=multi_use_sum | Blocker="func.return at
func.func @multi_use_sum(%x: !x, %r: !x) -> (!x, !x) {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : !x
  return %y, %z : !x, !x
}

// REMARK: [Missed] no-norm | {{.*}}Function=no_norm | Blocker="func.return at
func.func @no_norm(%x: !x, %r: !x) -> !x {
  %z = encdec.add %x, %r : !x, !x
  return %z : !x
}
