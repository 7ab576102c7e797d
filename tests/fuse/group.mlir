// A pattern that makes a group (group.pdll): in IR, and on the example's whole model.
// RUN: encdec-opt %s --encdec-apply-patterns=file=%S/group.pdll --remarks-filter=apply-patterns 2>%t | FileCheck %s
// RUN: FileCheck %s --check-prefix=REMARK --input-file=%t
// Where ops are grouped already no pattern looks, and what is said names the groups and a way out.
// RUN: encdec-opt %s --encdec-group-rows --patterns %S/group.pdll --remarks-filter=apply-patterns \
// RUN:   -o %t.grouped 2>&1 | FileCheck %s --check-prefix=GROUPED
// GROUPED: group.pdll:4:1: warning: apply-patterns [never-matched]: pattern OutputAndNorm matched nothing: of 1 ops encdec.add_norm none did; 3 ops that it names stand inside of encdec.fused, where no pattern looks; apply it before ops are grouped (--at fuse:before or fuse:after, {{.*}}), or make no groups (--groups none, 
// GROUPED: [Missed] never-matched | {{.*}}3 ops that it names stand inside of encdec.fused{{.*}}Remedy="apply it before ops are grouped
// The pipeline's own grouping comes behind patterns of what is fused, and leaves their groups.
// RUN: encdec-opt %s --encdec-fuse=patterns-after=%S/group.pdll | FileCheck %s
// RUN: encdec-opt %s --encdec-fuse=patterns-after=%S/group.pdll | FileCheck %s --check-prefix=REST

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @g : tensor<8xf16> = #encdec.seeded<2, 0.5>

// REMARK: [Passed] applied
// REMARK-SAME: OutputAndNorm
// CHECK-LABEL: func.func @f
func.func @f(%q: !d, %k: !e, %v: !e, %x: !d, %r: tensor<?xi32>, %o: tensor<?xi32>) -> !d {
  // CHECK: %[[C:.*]] = encdec.cross_attention
  %c = encdec.cross_attention %q, %k, %v of %r in %o {heads = 2, scale = 1.0} : !d, !e, !e
  // CHECK-NEXT: %[[Y:.*]] = encdec.fused(%[[A:.*]] = %[[C]], %[[B:.*]] = %arg3)
  // CHECK-NEXT: encdec.linear %[[A]]
  // CHECK-NEXT: encdec.add_norm
  // CHECK-NEXT: encdec.yield
  // CHECK: return %[[Y]]
  %l = encdec.linear %c, @w : !d -> !d
  %n = encdec.add_norm %l, %x, @g {eps = 1.0e-5} : !d, !d
  return %n : !d
}

// REST-LABEL: func.func @rest
// REST: encdec.fused
// REST-NEXT: encdec.linear
// REST-NEXT: encdec.norm
func.func @rest(%x: !d) -> !d {
  %l = encdec.linear %x, @w : !d -> !d
  %n = encdec.norm %l, @g {eps = 1.0e-5} : !d
  return %n : !d
}
