// A pattern that joins two linears to one with two outputs (join.pdll); tests/cli applies it to
// a whole model.
// RUN: encdec-opt %s --patterns %S/join.pdll --remarks-filter=apply-patterns -o %t.mlir 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: encdec-opt %s --patterns %S/join.pdll --mlir-print-debuginfo --mlir-print-local-scope \
// RUN:   | FileCheck %s --check-prefix=PLACE
// RUN: encdec-run-reference %s --function f --seed 5 > %t.before
// RUN: encdec-run-reference %t.mlir --function f --seed 5 | diff %t.before -

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @k : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<8x8xf16> = #encdec.seeded<2, 0.5>
encdec.weight @b : tensor<8xf32> = #encdec.seeded<3, 0.5>
encdec.weight @c : tensor<8xf32> = #encdec.seeded<4, 0.5>

// REMARK: [Passed] applied | {{.*}}Function=f | Gain="JoinKeyAndValue: encdec.linear, encdec.linear became encdec.linear"
// REMARK-NOT: [Passed]
// CHECK-LABEL: func.func @f
// CHECK-NEXT: %key, %value = encdec.linear %arg1, [@k, @v], [@b, @c] :
// CHECK-NEXT: encdec.cross_attention %arg0, %key, %value of
// PLACE: encdec.linear {{.*}} loc(fused["key"("{{.*}}join.mlir":{{[0-9]+}}:10), "value"("{{.*}}join.mlir":{{[0-9]+}}:12)])
func.func @f(%q: !d, %m: !e, %r: tensor<?xi32>, %o: tensor<?xi32>) -> !d {
  %key = encdec.linear %m, @k, @b : !e -> !e
  %value = encdec.linear %m, @v, @c : !e -> !e
  %c = encdec.cross_attention %q, %key, %value of %r in %o {heads = 2, scale = 1.0} : !d, !e, !e
  return %c : !d
}

// The keys are read by something else: not joined.
// CHECK-LABEL: func.func @shared
// CHECK-NEXT: encdec.linear %arg1, @k, @b
// CHECK-NEXT: encdec.linear %arg1, @v, @c
func.func @shared(%q: !d, %m: !e, %r: tensor<?xi32>, %o: tensor<?xi32>) -> (!d, !e) {
  %key = encdec.linear %m, @k, @b : !e -> !e
  %value = encdec.linear %m, @v, @c : !e -> !e
  %c = encdec.cross_attention %q, %key, %value of %r in %o {heads = 2, scale = 1.0} : !d, !e, !e
  return %c, %key : !d, !e
}
