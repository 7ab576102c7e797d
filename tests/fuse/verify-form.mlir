// RUN: not encdec-opt %s --encdec-verify-form=form=fused 2>&1 | FileCheck %s --check-prefix=FUSED
// RUN: not encdec-opt %s --encdec-verify-form=form=lowered 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: encdec-opt %s --encdec-verify-form=form=decomposed
// RUN: encdec-opt %s --encdec-fuse --encdec-verify-form=form=fused
// RUN: encdec-opt %s --encdec-verify-form=form=mixed
// RUN: encdec-opt %s --encdec-fuse-ffn --encdec-verify-form=form=mixed
// RUN: not encdec-opt %s --encdec-fuse --encdec-verify-form 2>&1 | FileCheck %s --check-prefix=DECOMPOSED
// The flag only chooses the form; tests/dialect has a test for each rule.

!x = tensor<?x4xf32, #encdec.side<encoder>>
encdec.weight @up : tensor<6x4xf16> = #encdec.seeded<1, 0.5>
encdec.weight @down : tensor<4x6xf16> = #encdec.seeded<3, 0.5>

// UNKNOWN: expected form to be decomposed, fused or mixed, but got 'lowered'
func.func @block(%x: !x) -> !x {
  %h = encdec.linear %x, @up : !x -> tensor<?x6xf32, #encdec.side<encoder>>
  // FUSED: error: 'encdec.activation' op expected only ops of the fused form but got encdec.activation
  %a = encdec.activation %h {kind = relu} : tensor<?x6xf32, #encdec.side<encoder>>
  // DECOMPOSED: error: 'encdec.ffn' op expected only ops of the decomposed form but got encdec.ffn
  %y = encdec.linear %a, @down : tensor<?x6xf32, #encdec.side<encoder>> -> !x
  return %y : !x
}
