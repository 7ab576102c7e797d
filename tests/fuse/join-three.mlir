// A pattern that joins three linears (join-three.pdll).
// RUN: encdec-opt %s --patterns %S/join-three.pdll -o %t.mlir
// RUN: FileCheck %s --input-file=%t.mlir
// RUN: encdec-run-reference %s --function three --seed 5 > %t.before
// RUN: encdec-run-reference %t.mlir --function three --seed 5 | diff %t.before -

!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @k : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<8x8xf16> = #encdec.seeded<2, 0.5>
encdec.weight @b : tensor<8xf32> = #encdec.seeded<3, 0.5>
encdec.weight @c : tensor<8xf32> = #encdec.seeded<4, 0.5>

// CHECK-LABEL: func.func @three
// CHECK-NEXT: %q, %k, %v = encdec.linear %arg0, [@k, @v, @k], [@b, @c, @c] :
// CHECK-NEXT: encdec.self_attention %q, %k, %v of
func.func @three(%x: !e, %r: tensor<?xi32>, %o: tensor<?xi32>) -> !e {
  %q = encdec.linear %x, @k, @b : !e -> !e
  %k = encdec.linear %x, @v, @c : !e -> !e
  %v = encdec.linear %x, @k, @c : !e -> !e
  %c = encdec.self_attention %q, %k, %v of %r in %o {heads = 2, scale = 1.0} : !e, !e, !e
  return %c : !e
}
