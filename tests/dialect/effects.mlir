// Handles have effects: what general passes may and may not do with them.
// RUN: encdec-opt %s -cse -canonicalize -symbol-dce | FileCheck %s

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!c = !encdec.cache<2x4>
!m = !encdec.memory<2x4>

// CHECK: encdec.weight @w
encdec.weight @w : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// CHECK-NOT: encdec.weight @unused
encdec.weight @unused : tensor<8x8xf32> = #encdec.seeded<1, 0.5>

// What a used derived weight names stays, however deep; an unused one keeps nothing.
// CHECK-DAG: encdec.weight @half
// CHECK-DAG: encdec.weight @quarter
// CHECK-DAG: encdec.weight @below
encdec.weight @half : tensor<8x8xf32> = #encdec.scaled<@below, 0.5>
encdec.weight @quarter : tensor<8x8xf32> = #encdec.concat<[@half]>
encdec.weight @below : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
// CHECK-NOT: encdec.weight @unused
encdec.weight @unused.derived : tensor<8x8xf32> = #encdec.scaled<@unused.below, 0.5>
encdec.weight @unused.below : tensor<8x8xf32> = #encdec.seeded<1, 0.5>
func.func @uses_derived(%x: !d) -> !d {
  %y = encdec.linear %x, @quarter : !d -> !d
  return %y : !d
}

// CHECK-LABEL: func.func @dead_linear
// CHECK-NEXT: return
func.func @dead_linear(%x: !d) {
  %y = encdec.linear %x, @w : !d -> !d
  return
}

// CHECK-LABEL: func.func @same_linear
// CHECK-NEXT: %[[Y:.*]] = encdec.linear
// CHECK-NEXT: return %[[Y]], %[[Y]]
func.func @same_linear(%x: !d) -> (!d, !d) {
  %y = encdec.linear %x, @w : !d -> !d
  %z = encdec.linear %x, @w : !d -> !d
  return %y, %z : !d, !d
}

// CHECK-LABEL: func.func @reads_of_a_memory_merge
// CHECK-COUNT-1: encdec.memory_read
// CHECK-NOT: encdec.memory_read
func.func @reads_of_a_memory_merge(%m: !m) -> (!e, !e) attributes {encdec.entry = "step"} {
  %k, %v, %o = encdec.memory_read %m : !m
  %k2, %v2, %o2 = encdec.memory_read %m : !m
  return %k, %k2 : !e, !e
}

// CHECK-LABEL: func.func @reads_around_an_append_stay
// CHECK: %[[K:.*]], %{{.*}}, %{{.*}}, %{{.*}} = encdec.cache_read
// CHECK-NEXT: encdec.cache_append
// CHECK-NEXT: %[[K2:.*]], %{{.*}}, %{{.*}}, %{{.*}} = encdec.cache_read
// CHECK-NEXT: return %[[K]], %[[K2]]
func.func @reads_around_an_append_stay(%c: !c, %x: !d, %i: tensor<?xi32>, %a: tensor<?x?xi32>) -> (!d, !d) attributes {encdec.entry = "step"} {
  %k, %v, %o, %r = encdec.cache_read %c of %a to %i : !c
  encdec.cache_append %c, %x, %x of %a at %i : !c, !d, !d
  %k2, %v2, %o2, %r2 = encdec.cache_read %c of %a to %i : !c
  return %k, %k2 : !d, !d
}

// CHECK-LABEL: func.func @append_alone_stays
// CHECK-NEXT: encdec.cache_append
func.func @append_alone_stays(%c: !c, %x: !d, %i: tensor<?xi32>, %a: tensor<?x?xi32>) attributes {encdec.entry = "step"} {
  encdec.cache_append %c, %x, %x of %a at %i : !c, !d, !d
  return
}

// CHECK-LABEL: func.func @project_alone_stays
// CHECK-NEXT: encdec.memory_project
func.func @project_alone_stays(%m: !m, %x: !e, %i: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  encdec.memory_project %m, %x, key @w, value @w in %i : !m, !e
  return
}
