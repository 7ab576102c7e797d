// The four shapes that a group can take, each one call: an epilogue on the panels of a
// product, products of one input in one sweep, a norm that every worker repeats before its
// product, and a chain of which each worker takes its rows through all.
// RUN: encdec-opt %s --split-input-file --encdec-pack-weights --encdec-select-kernels | FileCheck %s

!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5>

// Any number of rows: bias, activation and residual follow the product.
// CHECK-LABEL: func.func @step(
// CHECK-NEXT: call "embed"
// CHECK-NEXT: call "embed"
// CHECK-NEXT: call "fused" for "{{[a-z+]+}}" (%{{.*}} : read all, %{{.*}} : read panels) to {{.*}} : update panels split panels weights
// CHECK-NEXT: return
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %z = encdec.embed %ids at %p, @table {scale = 2.0} : !ids -> !d
  %y = encdec.fused(%a = %x, %b = %z) : (!d, !d) -> !d {
    %l = encdec.linear %a, @w : !d -> !d
    %h = encdec.activation %l {kind = gelu} : !d
    %s = encdec.add %h, %b : !d, !d
    encdec.yield %s : !d
  }
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @q : tensor<16x16xf32> = #encdec.seeded<2, 0.5>
encdec.weight @k : tensor<16x16xf32> = #encdec.seeded<3, 0.5>

// CHECK-LABEL: func.func @step(
// CHECK-NEXT: call "embed"
// CHECK-NEXT: call "fused" for "{{[a-z+]+}}" (%{{.*}} : read all) to {{.*}} : update panels, {{.*}} : update panels from 1 split panels 2
// CHECK-NEXT: return
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %y:2 = encdec.fused(%a = %x) : (!d) -> (!d, !d) {
    %q = encdec.linear %a, @q : !d -> !d
    %k = encdec.linear %a, @k : !d -> !d
    encdec.yield %q, %k : !d, !d
  }
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5>
encdec.weight @g : tensor<16xf32> = #encdec.seeded<3, 0.5>

// Few rows: the norm is repeated, and the first worker hands it out.
// CHECK-LABEL: func.func @step(
// CHECK-NEXT: call "embed"
// CHECK-NEXT: call "fused" for "{{[a-z+]+}}" (%{{.*}} : read all) to {{.*}} : write one, {{.*}} : update panels, scratch <fixed = 3072> : update own split panels weights
// CHECK-SAME: whole_rows = 1
// CHECK-NEXT: return
// Many rows: a chain.
// CHECK-LABEL: func.func @step.from.2(
// CHECK-NEXT: call "embed"
// CHECK-NEXT: call "fused" for "{{[a-z+]+}}" (%{{.*}} : read rows) to {{.*}} : update rows, {{.*}} : update rows split rows weights
// CHECK-SAME: whole_rows = 2
// CHECK-NEXT: return
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %y:2 = encdec.fused(%a = %x) : (!d) -> (!d, !d) {
    %n = encdec.norm %a, @g {eps = 1.0e-5} : !d
    %l = encdec.linear %n, @w : !d -> !d
    encdec.yield %n, %l : !d, !d
  }
  return
}
