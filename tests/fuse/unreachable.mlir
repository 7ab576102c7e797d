// RUN: encdec-opt %s --encdec-fuse --remarks-filter='fuse-.*' -o %t 2>&1 | FileCheck %s --implicit-check-not='[Passed]'
// RUN: FileCheck %s --check-prefix=IR --input-file=%t
// Unreachable code may read its own results, so no place there is below all operands of a
// fused op.

!d = tensor<?x8xf32, #encdec.side<decoder>>
!l = tensor<?x11xf32, #encdec.side<decoder>>
!s = tensor<2x?x?xf32, #encdec.side<decoder>>
!i = tensor<?xi32>
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @g : tensor<8xf32> = #encdec.seeded<2, 0.5>
encdec.weight @v : tensor<11x8xf32> = #encdec.seeded<3, 0.5>

// CHECK: [Missed] unreachable | Category:fuse-attention | Function=f | {{.*}}Reason="expected an op that the function reaches"
// CHECK: [Missed] unreachable | Category:fuse-projections
// CHECK: [Missed] unreachable | Category:fuse-ffn
// CHECK: [Missed] unreachable | Category:fuse-add-norm
// CHECK: [Missed] unreachable | Category:fuse-vocabulary
// IR-NOT: encdec.ffn
func.func @f(%x: !d, %i: !i, %bias: tensor<?x11xf32>, %top: i64, %yes: i1) {
  return
^never:
  %s = encdec.scores %c, %c of %i in %i {heads = 2, scale = 0.5} : !d, !d
  %p = encdec.softmax %s : !s
  %c = encdec.context %p, %c of %i in %i {heads = 2} : !s, !d
  // The region's own entry is reached from within the region only.
  scf.if %yes {
    %q = encdec.linear %x, @w : !d -> !d
    %k = encdec.linear %x, @w : !d -> !d
    %v = encdec.linear %x, @w : !d -> !d
    %a = encdec.self_attention %q, %k, %v of %i in %i {heads = 2, scale = 0.5} : !d, !d, !d
  }
  %h = encdec.linear %r, @w : !d -> !d
  %r = encdec.activation %h {kind = relu} : !d
  %sum = encdec.add %n, %x : !d, !d
  %n = encdec.norm %sum, @g, @g {eps = 0.1} : !d
  %l = encdec.linear %n, @v : !d -> !l
  %t, %lp = encdec.top_tokens %l biased %bias by %i keep %top : !l, tensor<?x11xf32>
  cf.br ^never
}
