// A module states the choices that are not the target's own; of one that is made twice the last
// counts. The rows from which a group has other calls follow them.
// RUN: encdec-opt %s --encdec-pack-weights --encdec-select-kernels | FileCheck %s --check-prefix=OWN
// RUN: encdec-opt %s --encdec-pack-weights --encdec-select-kernels=tuning=repeated-rows=7,worker-rows=16 \
// RUN:   | FileCheck %s --check-prefix=CHOSEN
// RUN: encdec-opt %s --encdec-pack-weights --encdec-select-kernels=tuning=repeated-rows=7,repeated-rows=4 \
// RUN:   | FileCheck %s --check-prefix=OWN

// OWN-NOT: encdec_kernel.tuning
// OWN: rows_from<least = 5>
// OWN: rows_from<per_worker = 16>
// CHOSEN: module attributes {{.*}}encdec_kernel.tuning = {"repeated-rows" = 7 : i64}
// CHOSEN: rows_from<least = 8>
// CHOSEN: rows_from<per_worker = 16>
!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5>
encdec.weight @g : tensor<16xf32> = #encdec.seeded<3, 0.5>
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    %n = encdec.norm %a, @g {eps = 1.0e-5} : !d
    %h = encdec.linear %n, @w : !d -> !d
    %s = encdec.add %h, %a : !d, !d
    encdec.yield %s : !d
  }
  return
}
