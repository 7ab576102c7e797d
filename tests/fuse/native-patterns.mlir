// The native library that patterns call, name by name: each constraint where it holds and where
// it does not, each rewrite by what it makes. The results of a function are named after why a
// constraint refuses them; what holds is replaced.
// RUN: encdec-opt %s --encdec-apply-patterns=file=%S/native-patterns.pdll | FileCheck %s
// Some test of this folder calls each name that the library declares.
// RUN: sed -nE 's/^(Constraint|Rewrite) ([A-Za-z0-9]+)\(.*/\2/p' %{include}/encdec/fusion.pdll | sort > %t.names
// RUN: sed 's|//.*||' %S/*.pdll | grep -ohwFf %t.names | sort -u | diff %t.names -

!x = tensor<?x4xf32, #encdec.side<decoder>>
!two = tensor<?x2xf32, #encdec.side<decoder>>
!six = tensor<?x6xf32, #encdec.side<decoder>>
!e = tensor<?x4xf32, #encdec.side<encoder>>
!scores = tensor<2x?x?xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
// CHECK-DAG: encdec.weight @w.product : tensor<4x4xf32> = #encdec.product<@w, @v>
// CHECK-DAG: encdec.weight @w.sum : tensor<4x4xf32> = #encdec.sum<@w, @v>
// CHECK-DAG: encdec.weight @w.concat : tensor<8x4xf32> = #encdec.concat<[@w, @v]>
// CHECK-DAG: encdec.weight @w.concat.rows : tensor<4x4xf32> = #encdec.rows<@w.concat, 1, 5>
// CHECK-DAG: encdec.weight @w.concat.2 : tensor<12x4xf32> = #encdec.concat<[@w, @v, @u]>
// CHECK-DAG: encdec.weight @w.concat.2.rows : tensor<4x4xf32> = #encdec.rows<@w.concat.2, 8, 12>
// CHECK-DAG: encdec.weight @w.rows : tensor<4x4xf32> = #encdec.rows<@w, 0, 4>
// CHECK-DAG: encdec.weight @w.columns : tensor<4x4xf32> = #encdec.columns<@w, 0, 4>
// CHECK-DAG: encdec.weight @b.scaled : tensor<4xf32> = #encdec.scaled<@b, 4.000000e+01>
encdec.weight @w : tensor<4x4xf16> = #encdec.seeded<1, 0.5>
encdec.weight @v : tensor<4x4xf16> = #encdec.seeded<2, 0.5>
encdec.weight @u : tensor<4x4xf16> = #encdec.seeded<3, 0.5>
encdec.weight @to_two : tensor<2x4xf16> = #encdec.seeded<4, 0.5>
encdec.weight @of_two : tensor<4x2xf16> = #encdec.seeded<5, 0.5>
encdec.weight @to_six : tensor<6x4xf16> = #encdec.seeded<6, 0.5>
encdec.weight @of_six : tensor<4x6xf16> = #encdec.seeded<7, 0.5>
encdec.weight @b : tensor<4xf16> = #encdec.seeded<8, 0.5>
encdec.weight @g : tensor<4xf16> = #encdec.seeded<9, 0.5>
encdec.weight @g.two : tensor<2xf16> = #encdec.seeded<10, 0.5>
encdec.weight @g.six : tensor<6xf16> = #encdec.seeded<11, 0.5>
encdec.weight @in_format : tensor<4x4xf16> = #encdec.seeded<12, 0.5> {format = "int8"}
encdec.weight @in_layout : tensor<4x4xf16> = #encdec.seeded<13, 0.5> {layout = #encdec.packed}
encdec.weight @at_offset : tensor<4x4xf16> = #encdec.seeded<14, 0.5> {offset = 64}
encdec.weight @that_bans : tensor<4xf16> = #encdec.seeded<15, 0.5> {bans}

// CHECK-LABEL: func.func @same_side
// CHECK-NEXT: encdec.scores {{.*}}scale = 0.000000e+00
// CHECK-NEXT: %other_side = encdec.scores {{.*}}scale = 1.000000e+00
func.func @same_side(%x: !x, %e: !e, %r: !index, %o: !index) -> (!scores, !scores) {
  %held = encdec.scores %x, %x of %r in %o {heads = 2, scale = 1.0} : !x, !x
  %other_side = encdec.scores %x, %e of %r in %o {heads = 2, scale = 1.0} : !x, !e
  return %held, %other_side : !scores, !scores
}

// CHECK-LABEL: func.func @same_width(%arg0
// CHECK-NEXT: encdec.norm
// CHECK-NEXT: %other_width = encdec.linear
// CHECK-NEXT: return %arg0, %other_width
func.func @same_width(%x: !x) -> (!x, !six) {
  %n = encdec.norm %x, @g {eps = 2.0} : !x
  %held = encdec.linear %n, @w : !x -> !x
  %other_width = encdec.linear %n, @to_six : !x -> !six
  return %held, %other_width : !x, !six
}

// CHECK-LABEL: func.func @same_rows(%arg0
// CHECK: %other_rows = encdec.context
// CHECK-NEXT: %other_offsets = encdec.context
// CHECK-NEXT: return %arg0, %other_rows, %other_offsets
func.func @same_rows(%x: !x, %r: !index, %o: !index, %s: !index) -> (!x, !x, !x) {
  %t = encdec.scores %x, %x of %r in %o {heads = 2, scale = 3.0} : !x, !x
  %p = encdec.softmax %t : !scores
  %held = encdec.context %p, %x of %r in %o {heads = 2} : !scores, !x
  %other_rows = encdec.context %p, %x of %s in %o {heads = 2} : !scores, !x
  %other_offsets = encdec.context %p, %x of %r in %s {heads = 2} : !scores, !x
  return %held, %other_rows, %other_offsets : !x, !x, !x
}

// CHECK-LABEL: func.func @same_block(%arg0
// CHECK: return %arg0
// CHECK: %other_block = encdec.norm
// CHECK-NEXT: return %other_block
func.func @same_block(%x: !x, %c: i1) -> !x {
  %n = encdec.norm %x, @g {eps = 4.0} : !x
  %held = encdec.norm %n, @g {eps = 1.0e-5} : !x
  cf.cond_br %c, ^one, ^other
^one:
  return %held : !x
^other:
  %other_block = encdec.norm %n, @g {eps = 1.0e-5} : !x
  return %other_block : !x
}

// CHECK-LABEL: func.func @has_no_weights(%arg0
// CHECK-NEXT: encdec.norm
// CHECK-NEXT: %one_weight = encdec.linear
// CHECK-NEXT: return %arg0, %one_weight
func.func @has_no_weights(%x: !x) -> (!x, !x) {
  %n = encdec.norm %x, @g {eps = 5.0} : !x
  %held = encdec.linear %n, @w : !x -> !x
  %one_weight = encdec.linear %n, @w, @b : !x -> !x
  return %held, %one_weight : !x, !x
}

// CHECK-LABEL: func.func @is_constant_weight(%arg0
// CHECK-NEXT: encdec.norm
// CHECK-NEXT: %no_weight = encdec.linear
// CHECK-NEXT: %with_format = encdec.linear
// CHECK-NEXT: %with_layout = encdec.linear
// CHECK-NEXT: %with_offset = encdec.linear
// CHECK-NEXT: %with_bans = encdec.linear
// CHECK-NEXT: return %arg0, %no_weight
func.func @is_constant_weight(%x: !x) -> (!x, !x, !x, !x, !x, !x) {
  %n = encdec.norm %x, @g {eps = 6.0} : !x
  %held = encdec.linear %n, @w, @b : !x -> !x
  %no_weight = encdec.linear %n, @w : !x -> !x
  %with_format = encdec.linear %n, @in_format, @b : !x -> !x
  %with_layout = encdec.linear %n, @in_layout, @b : !x -> !x
  %with_offset = encdec.linear %n, @at_offset, @b : !x -> !x
  %with_bans = encdec.linear %n, @w, @that_bans : !x -> !x
  return %held, %no_weight, %with_format, %with_layout, %with_offset, %with_bans : !x, !x, !x, !x, !x, !x
}

// CHECK-LABEL: func.func @group
// CHECK: encdec.fused
// CHECK-COUNT-2: encdec.norm
// CHECK-NEXT: encdec.activation
// CHECK-NEXT: encdec.yield
// CHECK: encdec.fused
// CHECK-COUNT-3: encdec.norm
// CHECK-NEXT: encdec.activation
// CHECK-NEXT: encdec.yield
// CHECK: encdec.fused
// CHECK-COUNT-4: encdec.norm
// CHECK-NEXT: encdec.activation
// CHECK-NEXT: encdec.yield
func.func @group(%x: !x) -> (!x, !x, !x) {
  %a = encdec.norm %x, @g {eps = 10.0} : !x
  %b = encdec.norm %a, @g {eps = 1.0e-5} : !x
  %c = encdec.activation %b {kind = relu} : !x
  %d = encdec.norm %x, @g {eps = 11.0} : !x
  %e = encdec.norm %d, @g {eps = 1.0e-5} : !x
  %f = encdec.norm %e, @g {eps = 1.0e-5} : !x
  %h = encdec.activation %f {kind = relu} : !x
  %i = encdec.norm %x, @g {eps = 12.0} : !x
  %j = encdec.norm %i, @g {eps = 1.0e-5} : !x
  %k = encdec.norm %j, @g {eps = 1.0e-5} : !x
  %l = encdec.norm %k, @g {eps = 1.0e-5} : !x
  %m = encdec.activation %l {kind = relu} : !x
  return %c, %h, %m : !x, !x, !x
}

// dialect/GroupTest.cpp has the reasons of a refusal.
// CHECK-LABEL: func.func @can_group
// CHECK-NOT: encdec.fused
// CHECK: return
func.func @can_group(%x: !x, %c: i1) -> !x {
  %a = encdec.norm %x, @g {eps = 10.0} : !x
  %b = encdec.norm %a, @g {eps = 1.0e-5} : !x
  %d = encdec.norm %x, @g {eps = 11.0} : !x
  %e = encdec.norm %d, @g {eps = 1.0e-5} : !x
  %f = encdec.norm %e, @g {eps = 1.0e-5} : !x
  %i = encdec.norm %x, @g {eps = 12.0} : !x
  %j = encdec.norm %i, @g {eps = 1.0e-5} : !x
  %k = encdec.norm %j, @g {eps = 1.0e-5} : !x
  %l = encdec.norm %k, @g {eps = 1.0e-5} : !x
  cf.cond_br %c, ^one, ^other
^one:
  return %x : !x
^other:
  %three = encdec.activation %b {kind = relu} : !x
  %four = encdec.activation %f {kind = relu} : !x
  %five = encdec.activation %l {kind = relu} : !x
  %s = encdec.add %three, %four : !x, !x
  %t = encdec.add %s, %five : !x, !x
  return %t : !x
}

// CHECK-LABEL: func.func @times_and_named
// CHECK-NEXT: %mine = encdec.norm %arg0, @g {eps = 5.000000e+00}
func.func @times_and_named(%x: !x) -> !x {
  %y = encdec.norm %x, @g {eps = 20.0} : !x
  return %y : !x
}

// CHECK-LABEL: func.func @lists
// CHECK-NEXT: encdec.norm %arg0, @b {
// CHECK-NEXT: encdec.linear %arg0, @w, @g :
// CHECK-NEXT: encdec.linear %arg0, [@v, @u] :
// CHECK-NEXT: encdec.linear %arg0, [@v, @u, @w] :
func.func @lists(%x: !x) -> (!x, !x, !x, !x) {
  %a = encdec.norm %x, @g {eps = 30.0} : !x
  %of = encdec.linear %a, @w, @b : !x -> !x
  %b = encdec.norm %x, @g {eps = 31.0} : !x
  %list = encdec.linear %b, @w, @b : !x -> !x
  %c = encdec.norm %x, @g {eps = 32.0} : !x
  %two:2 = encdec.linear %c, [@w, @w] : !x -> !x, !x
  %d = encdec.norm %x, @g {eps = 33.0} : !x
  %three:3 = encdec.linear %d, [@w, @w, @w] : !x -> !x, !x, !x
  return %of, %list, %two#1, %three#2 : !x, !x, !x, !x
}

// CHECK-LABEL: func.func @scale
// CHECK: encdec.linear %arg0, @w, @b.scaled :
// CHECK-NEXT: %no_weight = encdec.linear %{{.*}}, @w :
func.func @scale(%x: !x) -> (!x, !x) {
  %n = encdec.norm %x, @g {eps = 40.0} : !x
  %held = encdec.linear %n, @w, @b : !x -> !x
  %no_weight = encdec.linear %n, @w : !x -> !x
  return %held, %no_weight : !x, !x
}

// CHECK-LABEL: func.func @multiply
// CHECK: encdec.linear %arg0, @w.product :
// CHECK: %other_width = encdec.linear %{{.*}}, @of_six :
func.func @multiply(%x: !x, %y: !six) -> (!x, !x) {
  %n = encdec.norm %x, @g {eps = 41.0} : !x
  %held = encdec.linear %n, @w : !x -> !x
  %m = encdec.norm %y, @g.six {eps = 41.0} : !six
  %other_width = encdec.linear %m, @of_six : !six -> !x
  return %held, %other_width : !x, !x
}

// CHECK-LABEL: func.func @add
// CHECK: encdec.linear %arg0, @w.sum :
// CHECK-NEXT: %other_shape = encdec.linear %{{.*}}, @to_two :
func.func @add(%x: !x) -> (!x, !two) {
  %n = encdec.norm %x, @g {eps = 42.0} : !x
  %held = encdec.linear %n, @w : !x -> !x
  %other_shape = encdec.linear %n, @to_two : !x -> !two
  return %held, %other_shape : !x, !two
}

// CHECK-LABEL: func.func @concat
// CHECK: encdec.linear %arg0, @w.concat.rows :
// CHECK: encdec.linear %arg0, @w.concat.2.rows :
// CHECK: %other_width = encdec.linear %{{.*}}, @of_six :
// CHECK: %other_width3 = encdec.linear %{{.*}}, @of_six :
func.func @concat(%x: !x, %y: !six) -> (!x, !x, !x, !x) {
  %n = encdec.norm %x, @g {eps = 43.0} : !x
  %held = encdec.linear %n, @w : !x -> !x
  %o = encdec.norm %x, @g {eps = 44.0} : !x
  %held3 = encdec.linear %o, @w : !x -> !x
  %m = encdec.norm %y, @g.six {eps = 43.0} : !six
  %other_width = encdec.linear %m, @of_six : !six -> !x
  %p = encdec.norm %y, @g.six {eps = 44.0} : !six
  %other_width3 = encdec.linear %p, @of_six : !six -> !x
  return %held, %held3, %other_width, %other_width3 : !x, !x, !x, !x
}

// CHECK-LABEL: func.func @take
// CHECK: encdec.linear %arg0, @w.rows :
// CHECK-NEXT: %too_few_rows = encdec.linear %{{.*}}, @to_two :
// CHECK: encdec.linear %arg0, @w.columns :
// CHECK: %too_few_columns = encdec.linear %{{.*}}, @of_two :
func.func @take(%x: !x, %y: !two) -> (!x, !two, !x, !x) {
  %n = encdec.norm %x, @g {eps = 45.0} : !x
  %rows = encdec.linear %n, @w : !x -> !x
  %too_few_rows = encdec.linear %n, @to_two : !x -> !two
  %o = encdec.norm %x, @g {eps = 46.0} : !x
  %columns = encdec.linear %o, @w : !x -> !x
  %m = encdec.norm %y, @g.two {eps = 46.0} : !two
  %too_few_columns = encdec.linear %m, @of_two : !two -> !x
  return %rows, %too_few_rows, %columns, %too_few_columns : !x, !two, !x, !x
}
