// What becomes of a group: few calls, by the number of rows, or its ops one by one.
// RUN: encdec-opt %s --split-input-file --encdec-pack-weights --encdec-select-kernels --remarks-filter='group' 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t

!d = tensor<?x16xf32, #encdec.side<decoder>>
!f = tensor<?x32xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @up : tensor<32x16xf32> = #encdec.seeded<2, 0.5>
encdec.weight @gate : tensor<32x16xf32> = #encdec.seeded<3, 0.5>
encdec.weight @down : tensor<16x32xf32> = #encdec.seeded<4, 0.5>
encdec.weight @g : tensor<16xf32> = #encdec.seeded<5, 0.5>

// REMARK: [Passed] fewer-calls | Category:group | Function=step | Gain="4 calls became 2 where rows are few"
// REMARK: [Passed] fewer-calls | Category:group | Function=step.from.1 | Gain="4 calls became 3 where rows are neither few nor many"
// REMARK: [Passed] fewer-calls | Category:group | Function=step.from.2 | Gain="4 calls became 1 where rows are many"

// Few rows: the norm is repeated, the gate's product and the residual follow on the panels.
// CHECK-LABEL: func.func @step(
// CHECK: call "embed"
// CHECK: call "fused" for "{{[a-z+]+}}" ({{.*}} : read all) to arena <per_row = 128> : update panels, scratch <fixed = 9216> : update own split panels 2
// CHECK-SAME: whole_rows = 1
// CHECK: call "fused" for "{{[a-z+]+}}" ({{.*}} : read all, {{.*}} : read panels) to arena <per_row = 64> : update panels split panels weights
// CHECK-SAME: whole_rows = 0
// Some rows: the norm is a call of its own.
// CHECK-LABEL: func.func @step.from.1(
// CHECK-SAME: encdec_kernel.rows_from = #encdec_kernel.rows_from<least = 5>
// CHECK: call "fused" for "{{[a-z+]+}}" ({{.*}} : read rows) to arena <per_row = 64> : update rows split rows
// CHECK: call "fused" {{.*}} split panels 2
// CHECK: call "fused" {{.*}} split panels
// Many rows: each worker takes its rows through all of it.
// CHECK-LABEL: func.func @step.from.2(
// CHECK-SAME: encdec_kernel.rows_from = #encdec_kernel.rows_from<per_worker = 16>
// CHECK: call "fused" for "{{[a-z+]+}}" ({{.*}} : read rows) to arena <per_row = 64> : update rows, scratch <fixed = 15360> : update own split rows
// CHECK-SAME: whole_rows = 6
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    %n = encdec.norm %a, @g {eps = 1.0e-5} : !d
    %h = encdec.ffn %n, up @up, gate @gate, down @down {kind = silu} : !d
    %s = encdec.add %h, %a : !d, !d
    encdec.yield %s : !d
  }
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5>

// REMARK: [Missed] no-gain | Category:group | Function=step | Op=encdec.fused, Reason="expected fewer calls than the ops have alone"
// An embedding saves a call where rows are many. Where they are not, its own kernel gives all
// workers some columns of the same row.
// REMARK: [Passed] fewer-calls | Category:group | Function=step.from.2 | Gain="2 calls became 1 where rows are many"
// CHECK-LABEL: func.func @step(
// CHECK: call "embed"
// CHECK: call "linear"
// CHECK: call "linear"
// A range that changes nothing is none.
// CHECK-NOT: @step.from.1
// CHECK-LABEL: func.func @step.from.2(
// CHECK: call "fused" for "embed+linear" (%arg0 : input "tokens", %arg1 : input "positions") to arena <per_row = 64> : update rows, scratch {{.*}} split rows
// CHECK-SAME: op = "embed", scale = 1.000000e+00
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.fused(%i = %ids, %at = %p) : (!ids, tensor<?xi32>) -> !d {
    %e = encdec.embed %i at %at, @table {scale = 1.0} : !ids -> !d
    %l = encdec.linear %e, @w : !d -> !d
    encdec.yield %l : !d
  }
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    %l = encdec.linear %a, @w : !d -> !d
    encdec.yield %l : !d
  }
  return
}
