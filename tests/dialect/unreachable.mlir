// Unreachable code may read its own results; the verifiers terminate all the same.
// RUN: encdec-opt %s | FileCheck %s

!d = tensor<?x8xf32, #encdec.side<decoder>>
!i = tensor<?xi32>
!s = tensor<2x?x?xf32, #encdec.side<decoder>>
// CHECK-LABEL: func.func @two_softmaxes
func.func @two_softmaxes(%x: !d, %i: !i) -> !d {
  return %x : !d
^never:
  %a = encdec.softmax %b : !s
  %b = encdec.softmax %a : !s
  // CHECK: encdec.mask
  %m = encdec.mask %b at %i : !s
  // CHECK: encdec.context
  %c = encdec.context %m, %x of %i in %i {heads = 2} : !s, !d
  cf.br ^never
}
