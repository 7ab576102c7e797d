// A pattern that makes a group (group.pdll): in IR, and on the example's whole model.
// RUN: encdec-opt %s --encdec-apply-patterns=file=%S/group.pdll --remarks-filter=apply-patterns 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @g : tensor<8xf16> = #encdec.seeded<2, 0.5>

// REMARK: [Passed] applied
// REMARK-SAME: OutputAndNorm
// CHECK-LABEL: func.func @f
func.func @f(%q: !d, %k: !e, %v: !e, %x: !d, %r: tensor<?xi32>, %o: tensor<?xi32>) -> !d {
  // CHECK: %[[C:.*]] = encdec.cross_attention
  %c = encdec.cross_attention %q, %k, %v of %r in %o {heads = 2, scale = 1.0} : !d, !e, !e
  // CHECK-NEXT: %[[Y:.*]] = encdec.fused(%[[A:.*]] = %[[C]], %[[B:.*]] = %arg3)
  // CHECK-NEXT: encdec.linear %[[A]]
  // CHECK-NEXT: encdec.add_norm
  // CHECK-NEXT: encdec.yield
  // CHECK: return %[[Y]]
  %l = encdec.linear %c, @w : !d -> !d
  %n = encdec.add_norm %l, %x, @g {eps = 1.0e-5} : !d, !d
  return %n : !d
}
