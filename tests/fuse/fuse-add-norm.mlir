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

// Pre-norm: the sum goes on as the next residual.
// CHECK-LABEL: func.func @keeps_sum
// CHECK-SAME: %[[X:[^:]*]]: {{.*}}, %[[R:[^:]*]]:
// CHECK-NEXT: %[[Y:.*]], %[[Z:.*]] = encdec.add_norm %[[X]], %[[R]], @g {eps = 9.99999997E-7, kind = rms, sum}
// CHECK-NEXT: return %[[Y]], %[[Z]]
// REMARK: [Passed] add-norm | {{.*}}Function=keeps_sum | Gain="2 ops became 1; a sum of 4 floats a row is not read back"
func.func @keeps_sum(%x: !x, %r: !x) -> (!x, !x) {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g {eps = 1.0e-6, kind = rms} : !x
  return %y, %z : !x, !x
}

// A reader of the sum above the norm: the fused op stands where the add did.
// CHECK-LABEL: func.func @early_reader
// CHECK-NEXT: %[[Y:.*]], %[[Z:.*]] = encdec.add_norm {{.*}}, sum}
// CHECK-NEXT: %[[A:.*]] = encdec.activation %[[Z]]
// CHECK-NEXT: encdec.activation %[[A]] gated %[[Y]]
// REMARK: [Passed] add-norm | {{.*}}Function=early_reader
func.func @early_reader(%x: !x, %r: !x) -> !x {
  %z = encdec.add %x, %r : !x, !x
  %a = encdec.activation %z {kind = relu} : !x
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : !x
  %s = encdec.activation %a gated %y {kind = relu} : !x
  return %s : !x
}

// Two norms of one sum: the first takes it, the second reads what is given on.
// CHECK-LABEL: func.func @no_add_twice
// CHECK-NEXT: %[[Y:.*]], %[[Z:.*]] = encdec.add_norm {{.*}}, sum}
// CHECK-NEXT: encdec.norm %[[Z]], @b
// REMARK: [Passed] add-norm | {{.*}}Function=no_add_twice
// REMARK: [Missed] no-add | {{.*}}Function=no_add_twice | Blocker="encdec.add_norm{{( [^ ]+)?}} at
func.func @no_add_twice(%x: !x, %r: !x) -> (!x, !x) {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : !x
  %w = encdec.norm %z, @b {eps = 1.0e-5} : !x
  return %y, %w : !x, !x
}

// CHECK-NOT: encdec.add_norm
// REMARK: [Missed] no-add | {{.*}}Function=no_add |
func.func @no_add(%x: !x) -> !x {
  %y = encdec.norm %x, @g, @b {eps = 1.0e-5} : !x
  return %y : !x
}

// The norm has reported the add, so the add gets no remark of its own.
// REMARK: [Missed] different-blocks | {{.*}}Function=different_blocks | Blocker="encdec.add{{( [^ ]+)?}} at
func.func @different_blocks(%x: !x, %r: !x, %c: i1) -> !x {
  %z = encdec.add %x, %r : !x, !x
  cf.cond_br %c, ^norm, ^sum
^norm:
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : !x
  return %y : !x
^sum:
  return %z : !x
}

// REMARK: [Missed] no-norm | {{.*}}Function=no_norm | Blocker="func.return at
func.func @no_norm(%x: !x, %r: !x) -> !x {
  %z = encdec.add %x, %r : !x, !x
  return %z : !x
}
