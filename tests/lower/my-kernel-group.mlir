// A plugin's op in a group is what it stands for (examples/my_kernel.cpp).
// RUN: encdec-opt %s --load-pass-plugin=%{lib}/my_kernel.so --encdec-pack-weights --encdec-schedule | FileCheck %s

!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5>

// CHECK-LABEL: func.func @step(
// CHECK: call "fused" for "linear+add" (%{{.*}} : read all) to
// CHECK-NOT: mine
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    %l = encdec.linear %a, @w : !d -> !d
    %s = mine.add3 %l, %a, %a : !d
    encdec.yield %s : !d
  }
  return
}
