// Row-wise ops between two attentions become one group; those of the encoder in a step, which
// are hoisted, and single ops do not.
// RUN: encdec-opt %s --encdec-group-rows --remarks-filter='group-rows' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t
// RUN: encdec-opt %s --encdec-group-rows=entry=encode | FileCheck %s --check-prefix=ENCODE

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @g : tensor<8xf16> = #encdec.seeded<2, 0.5>

// REMARK: remark: [Passed] group | Category:group-rows | Function=step | Gain="4 ops became one group"
// CHECK-LABEL: func.func @step
// ENCODE-LABEL: func.func @step
// ENCODE-NOT: encdec.fused
func.func @step(%x: !d, %m: !e, %r: tensor<?xi32>, %o: tensor<?xi32>) -> !d attributes {encdec.entry = "step"} {
  // CHECK-NEXT: encdec.linear %arg0
  %q = encdec.linear %x, @w : !d -> !d
  // CHECK-NEXT: encdec.linear %arg1
  // CHECK-NEXT: encdec.linear %arg1
  %k = encdec.linear %m, @w : !e -> !e
  %v = encdec.linear %m, @w : !e -> !e
  // CHECK-NEXT: %[[C:.*]] = encdec.cross_attention
  %c = encdec.cross_attention %q, %k, %v of %r in %o {heads = 2, scale = 1.0} : !d, !e, !e
  // CHECK-NEXT: %[[Y:.*]] = encdec.fused(%[[A:.*]] = %[[C]], %[[B:.*]] = %arg0)
  // CHECK-NEXT: encdec.linear %[[A]]
  // CHECK-NEXT: encdec.add
  // CHECK-NEXT: encdec.norm
  // CHECK-NEXT: encdec.linear
  // CHECK-NEXT: encdec.yield
  %h = encdec.linear %c, @w : !d -> !d
  %s = encdec.add %h, %x : !d, !d
  %n = encdec.norm %s, @g {eps = 1.0e-5} : !d
  %y = encdec.linear %n, @w : !d -> !d
  // CHECK: return %[[Y]]
  return %y : !d
}

// A residual passes by an attention: what lies before the attention and what lies behind it are
// two groups.
// REMARK: remark: [Passed] group | Category:group-rows | Function=residual | Gain="2 ops became one group"
// REMARK: remark: [Passed] group | Category:group-rows | Function=residual | Gain="2 ops became one group"
// CHECK-LABEL: func.func @residual
func.func @residual(%x: !d, %r: tensor<?xi32>, %o: tensor<?xi32>) -> !d {
  // CHECK-NEXT: encdec.fused
  // CHECK-NEXT: encdec.norm
  // CHECK-NEXT: encdec.linear
  // CHECK-NEXT: encdec.yield
  %n = encdec.norm %x, @g {eps = 1.0e-5} : !d
  %q = encdec.linear %n, @w : !d -> !d
  // CHECK: encdec.self_attention
  %c = encdec.self_attention %q, %q, %q of %r in %o {heads = 2, scale = 1.0} : !d, !d, !d
  // CHECK-NEXT: encdec.fused
  // CHECK-NEXT: encdec.linear
  // CHECK-NEXT: encdec.add
  // CHECK-NEXT: encdec.yield
  %h = encdec.linear %c, @w : !d -> !d
  %s = encdec.add %h, %n : !d, !d
  return %s : !d
}
