// RUN: encdec-opt %s --encdec-fuse-vocabulary --remarks-filter=fuse-vocabulary -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// RUN: FileCheck %s --input-file=%t
// linear, top_tokens become one op; a function named after a code stays.

!x = tensor<?x4xf32, #encdec.side<decoder>>
!logits = tensor<?x9xf32, #encdec.side<decoder>>
!top = tensor<?x?xi32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<9x4xf16> = #encdec.seeded<1, 0.5>
encdec.weight @b : tensor<9xf32> = #encdec.seeded<2, 0.5>

// CHECK-LABEL: func.func @vocabulary
// CHECK-SAME: %[[X:[^:]*]]: {{.*}}, %[[BIAS:[^:]*]]: {{.*}}, %[[BY:[^:]*]]: {{.*}}, %[[TOP:[^:]*]]: i64
// CHECK-NEXT: %[[T:.*]], %[[L:.*]] = encdec.vocabulary %[[X]], @w, @b biased %[[BIAS]] by %[[BY]] keep %[[TOP]]
// CHECK-NEXT: return %[[T]], %[[L]]
// REMARK: [Passed] vocabulary | Category:fuse-vocabulary | Function=vocabulary | Gain="2 ops became 1; 9 logits a row are not stored"
func.func @vocabulary(%x: !x, %bias: tensor<?x9xf32>, %by: !index, %top: i64) -> (!top, tensor<?x?xf32>) {
  %l = encdec.linear %x, @w, @b : !x -> !logits
  %t, %p = encdec.top_tokens %l biased %bias by %by keep %top : !logits, tensor<?x9xf32>
  return %t, %p : !top, tensor<?x?xf32>
}

// CHECK-LABEL: func.func @no_bias
// CHECK-NEXT: encdec.vocabulary %{{.*}}, @w biased
// REMARK: [Passed] vocabulary | {{.*}}Function=no_bias
func.func @no_bias(%x: !x, %bias: tensor<?x9xf32>, %by: !index, %top: i64) -> (!top, tensor<?x?xf32>) {
  %l = encdec.linear %x, @w : !x -> !logits
  %t, %p = encdec.top_tokens %l biased %bias by %by keep %top : !logits, tensor<?x9xf32>
  return %t, %p : !top, tensor<?x?xf32>
}

// CHECK-NOT: encdec.vocabulary
// REMARK: [Missed] no-linear | {{.*}}Function=no_linear | Blocker="encdec.add{{( [^ ]+)?}} at
func.func @no_linear(%x: !logits, %bias: tensor<?x9xf32>, %by: !index, %top: i64) -> !top {
  %l = encdec.add %x, %x : !logits, !logits
  %t, %p = encdec.top_tokens %l biased %bias by %by keep %top : !logits, tensor<?x9xf32>
  return %t : !top
}

// REMARK: [Missed] variadic-linear | {{.*}}Function=variadic_linear |
func.func @variadic_linear(%x: !x, %bias: tensor<?x9xf32>, %by: !index, %top: i64) -> (!top, !logits) {
  %l, %m = encdec.linear %x, [@w, @w] : !x -> !logits, !logits
  %t, %p = encdec.top_tokens %l biased %bias by %by keep %top : !logits, tensor<?x9xf32>
  return %t, %m : !top, !logits
}

// REMARK: [Missed] multi-use-logits | {{.*}}Function=multi_use_logits | Blocker="func.return at
func.func @multi_use_logits(%x: !x, %bias: tensor<?x9xf32>, %by: !index, %top: i64) -> (!top, !logits) {
  %l = encdec.linear %x, @w : !x -> !logits
  %t, %p = encdec.top_tokens %l biased %bias by %by keep %top : !logits, tensor<?x9xf32>
  return %t, %l : !top, !logits
}
