// RUN: encdec-opt %s --encdec-apply-patterns=file=%S/apply-patterns.pdll \
// RUN:   --remarks-filter=apply-patterns -o %t.mlir 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// RUN: FileCheck %s --input-file=%t.mlir
// The same numbers before and after.
// RUN: encdec-run-reference %s --function scale --seed 5 > %t.before
// RUN: encdec-run-reference %t.mlir --function scale --seed 5 | diff %t.before -
// RUN: encdec-run-reference %s --function chain --seed 5 > %t.before
// RUN: encdec-run-reference %t.mlir --function chain --seed 5 | diff %t.before -
// The patterns as pdl ops do the same.
// RUN: mlir-pdll -x=mlir -I %{include} -I %{llvm-include} %S/apply-patterns.pdll -o %t.patterns.mlir
// RUN: encdec-opt %s --encdec-apply-patterns=file=%t.patterns.mlir | diff %t.mlir -
// Applied again, they find nothing; remarks and warnings say so, once for each pattern.
// RUN: encdec-opt %t.mlir --encdec-apply-patterns=file=%S/apply-patterns.pdll \
// RUN:   --remarks-filter=apply-patterns -o %t.again 2>&1 | FileCheck %s --check-prefix=AGAIN
// RUN: diff %t.mlir %t.again
// RUN: encdec-opt %t.mlir --patterns %S/apply-patterns.pdll -o %t.again 2>&1 | FileCheck %s --check-prefix=WARNING
// What a counter leaves out did match.
// RUN: encdec-opt %s --patterns %S/apply-patterns.pdll --mlir-debug-counter=encdec-fusion-skip=99 \
// RUN:   -o %t.none 2>&1 | FileCheck %s --check-prefix=SILENT --allow-empty
// Each application is an action that a debug counter leaves out; so is a built-in fusion.
// RUN: encdec-opt %s --encdec-apply-patterns=file=%S/apply-patterns.pdll \
// RUN:   --mlir-debug-counter=encdec-fusion-skip=1,encdec-fusion-count=1 | FileCheck %s --check-prefix=ONE
// RUN: encdec-opt %s --encdec-fuse-add-norm --mlir-debug-counter=encdec-fusion-skip=9 \
// RUN:   | FileCheck %s --check-prefix=NONE
// Locations of what is gone stay.
// RUN: encdec-opt %s --encdec-apply-patterns=file=%S/apply-patterns.pdll --mlir-print-debuginfo \
// RUN:   --mlir-print-local-scope | FileCheck %s --check-prefix=PLACE

!x = tensor<?x4xf32, #encdec.side<encoder>>
!wide = tensor<?x6xf32, #encdec.side<encoder>>
!scores = tensor<2x?x?xf32, #encdec.side<encoder>>
!index = tensor<?xi32>
// AGAIN-DAG: [Missed] never-matched | {{.*}}expected pattern AddNorm (line 5) to match, but of 1 ops encdec.norm none did
// AGAIN-DAG: [Missed] never-matched | {{.*}}expected pattern SwapSilu (line 45) to match, but of 1 ops encdec.activation none did
// WARNING-COUNT-4: warning: apply-patterns [never-matched]:
// WARNING-NOT: never-matched
// SILENT-NOT: never-matched
// CHECK: encdec.weight @q.scaled : tensor<4x4xf32> = #encdec.scaled<@q, 5.000000e-01>
// CHECK: encdec.weight @q.b.scaled : tensor<4xf32> = #encdec.scaled<@q.b, 5.000000e-01>
// CHECK: encdec.weight @down.product : tensor<4x4xf32> = #encdec.product<@down, @up>
encdec.weight @q : tensor<4x4xf16> = #encdec.seeded<1, 0.5>
encdec.weight @q.b : tensor<4xf32> = #encdec.seeded<2, 0.5>
encdec.weight @up : tensor<6x4xf16> = #encdec.seeded<3, 0.5>
encdec.weight @down : tensor<4x6xf16> = #encdec.seeded<4, 0.5>
encdec.weight @g : tensor<4xf32> = #encdec.seeded<5, 0.5>

// CHECK-LABEL: func.func @add_norm
// CHECK-NEXT: %y = encdec.add_norm %arg0, %arg1, @g, @g {eps = 9.99999974E-6}
// CHECK-NEXT: return %y
// ONE-LABEL: func.func @add_norm
// ONE-NEXT: encdec.add %
// NONE-LABEL: func.func @add_norm
// NONE-NEXT: encdec.add %
// PLACE: encdec.add_norm {{.*}} loc("y"(fused["y"("{{.*}}apply-patterns.mlir":{{[0-9]+}}:8), "z"("{{.*}}apply-patterns.mlir":{{[0-9]+}}:8)]))
// REMARK: [Passed] applied | Category:apply-patterns | Function=add_norm | Gain="AddNorm: encdec.add, encdec.norm became encdec.add_norm"
func.func @add_norm(%x: !x, %r: !x) -> !x {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g, @g {eps = 1.0e-5} : !x
  return %y : !x
}

// CHECK-LABEL: func.func @shared_sum
// CHECK-NEXT: encdec.add
// CHECK-NEXT: encdec.norm
func.func @shared_sum(%x: !x, %r: !x) -> (!x, !x) {
  %z = encdec.add %x, %r : !x, !x
  %y = encdec.norm %z, @g, @g {eps = 1.0e-5} : !x
  return %y, %z : !x, !x
}

// The weights are made once, however many ops want them.
// CHECK-LABEL: func.func @scale
// CHECK-NEXT: %[[Q:.*]] = encdec.linear %{{.*}}, @q.scaled, @q.b.scaled
// CHECK-NEXT: encdec.scores %[[Q]], %{{.*}} {heads = 2, scale = 1.000000e+00}
// CHECK-NEXT: encdec.linear %{{.*}}, @q.scaled, @q.b.scaled
// ONE-LABEL: func.func @scale
// ONE-NEXT: encdec.linear %{{.*}}, @q.scaled
// ONE: encdec.linear %{{.*}}, @q, @q.b
// REMARK: [Passed] applied | {{.*}}Function=scale | Gain="FoldScale: encdec.linear, encdec.scores became encdec.linear, encdec.scores"
// REMARK: [Passed] applied | {{.*}}Function=scale | Gain="FoldScale:
func.func @scale(%x: !x, %k: !x, %rows: !index, %offsets: !index) -> (!scores, !scores) {
  %q = encdec.linear %x, @q, @q.b : !x -> !x
  %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 0.5} : !x, !x
  %p = encdec.linear %k, @q, @q.b : !x -> !x
  %t = encdec.scores %p, %x of %rows in %offsets {heads = 2, scale = 0.5} : !x, !x
  return %s, %t : !scores, !scores
}

// What a pattern makes is tried at once: three linears become one.
// CHECK-LABEL: func.func @chain
// CHECK-NEXT: encdec.linear %arg0, @down.product.2 :
// CHECK-NEXT: return
// REMARK: [Passed] applied | {{.*}}Function=chain | Gain="MultiplyLinears: encdec.linear, encdec.linear became encdec.linear"
// REMARK: [Passed] applied | {{.*}}Function=chain | Gain="MultiplyLinears:
// REMARK: [Passed] applied | {{.*}}Function=chain | Gain="MultiplyLinears:
func.func @chain(%x: !x) -> !x {
  %h = encdec.linear %x, @up : !x -> !wide
  %y = encdec.linear %h, @down : !wide -> !x
  %i = encdec.linear %y, @up : !x -> !wide
  %z = encdec.linear %i, @down : !wide -> !x
  return %z : !x
}

// CHECK-LABEL: func.func @attribute
// CHECK-NEXT: encdec.activation %arg0 {kind = relu}
// REMARK: [Passed] applied | {{.*}}Function=attribute | Gain="SwapSilu: encdec.activation became encdec.activation"
func.func @attribute(%x: !x) -> !x {
  %y = encdec.activation %x {kind = silu} : !x
  return %y : !x
}
