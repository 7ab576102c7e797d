// A plugin's op and its kernel (examples/my_kernel.cpp): the interpreter, verify-form and groups
// know it by what it stands for, and the target calls the kernel that it brings.
// RUN: encdec-opt %s --load-pass-plugin=%{lib}/my_kernel.so --pass-pipeline='builtin.module(mine-add3)' -o %t
// RUN: FileCheck %s --check-prefix=OP --input-file=%t
// RUN: encdec-opt %t --load-pass-plugin=%{lib}/my_kernel.so --encdec-decompose | FileCheck %s --check-prefix=PLAIN
// RUN: encdec-opt %t --load-pass-plugin=%{lib}/my_kernel.so --encdec-pack-weights --encdec-schedule | FileCheck %s --check-prefix=CALL
// RUN: encdec-opt %t --load-pass-plugin=%{lib}/my_kernel.so --encdec-pack-weights --encdec-schedule --encdec-lower | FileCheck %s --check-prefix=BODY

!d = tensor<?x16xf32, #encdec.side<decoder>>
!ids = tensor<?xi32, #encdec.side<decoder>>
encdec.weight @table : tensor<16x16xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5>

// OP: %[[Y:.*]] = mine.add3 %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x16xf32, #decoder>
// PLAIN: encdec.add
// PLAIN-NEXT: encdec.add
// PLAIN-NOT: mine.
// CALL: encdec_kernel.call "mine_add3" for "mine.add3" (%{{.*}} : read row_panels, %{{.*}} : read row_panels, %{{.*}} : read row_panels) to arena <per_row = 64> at {{.*}} : write row_panels split row_panels
// BODY: call @mine_add3_[[#%x,HASH:]](
// BODY: func.func private @mine_add3_[[#HASH]](
func.func @step(%ids: !ids {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : !ids -> !d
  %l = encdec.linear %x, @w : !d -> !d
  %s = encdec.add %l, %x : !d, !d
  %y = encdec.add %s, %x : !d, !d
  return
}
