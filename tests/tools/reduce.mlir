// encdec-reduce leaves out all that a script does not need, also from the middle of a chain.
// RUN: encdec-reduce %s --encdec-leave-out=test=%S/fuses-add-norm.sh | FileCheck %s
// RUN: not encdec-reduce %s --encdec-leave-out=test=/bin/true 2>&1 | FileCheck %s --check-prefix=DULL
// RUN: not encdec-reduce %s --encdec-leave-out=test=%t.none 2>&1 | FileCheck %s --check-prefix=NONE
// DULL: expected a module that the test '/bin/true' finds interesting (exit code 1)
// NONE: expected test to be a program, but '{{.*}}.none' is none

// CHECK: module {
// CHECK-NEXT: encdec.weight @gamma
// CHECK-NEXT: func.func @long(%[[X:.*]]: {{.*}}) -> {{.*}} {
// CHECK-NEXT: %[[SUM:.*]] = encdec.add %[[X]], %[[X]]
// CHECK-NEXT: %[[Y:.*]] = encdec.norm %[[SUM]], @gamma
// CHECK-NEXT: return %[[Y]]
// CHECK-NEXT: }
// CHECK-NEXT: }
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<8x8xf16> = #encdec.seeded<2, 0.5>
encdec.weight @gamma : tensor<8xf16> = #encdec.seeded<3, 0.5>
func.func @long(%x: !e) -> !e {
  %a = encdec.linear %x, @w : !e -> !e
  %b = encdec.activation %a {kind = relu} : !e
  %c = encdec.add %b, %x : !e, !e
  %d = encdec.norm %c, @gamma {eps = 1.0e-5} : !e
  %e = encdec.linear %d, @v : !e -> !e
  return %e : !e
}
func.func @another(%x: !e) -> !e {
  %a = encdec.linear %x, @v : !e -> !e
  return %a : !e
}
