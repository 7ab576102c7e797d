// A whole model, one layer a side, in three ways: as imported; as imported with the
// fused ops; with memories. All compute the same numbers.
// RUN: split-file %s %t
// RUN: cat %t/weights.mlir %t/encode.mlir %t/step.mlir > %t/plain.mlir
// RUN: cat %t/weights.mlir %t/encode-memory.mlir %t/step-memory.mlir > %t/memory.mlir
// RUN: encdec-run-reference %t/plain.mlir --seed 3 --steps 3 > %t/plain.txt
// RUN: encdec-run-reference %t/memory.mlir --seed 3 --steps 3 > %t/memory.txt
// RUN: diff %t/plain.txt %t/memory.txt
// RUN: FileCheck %s --input-file=%t/plain.txt
// RUN: encdec-run-reference %t/plain.mlir --ids "1 2" --ids "3" --steps 2 | FileCheck %s --check-prefix=IDS
// RUN: not encdec-run-reference %t/plain.mlir --ids "99" 2>&1 | FileCheck %s --check-prefix=RANGE

// The encoder's rows, also of a module that has no step; an encode that returns none.
// RUN: cat %t/weights.mlir %t/encode.mlir > %t/encoder.mlir
// RUN: encdec-run-reference %t/encoder.mlir --encoder --ids "1 2" --ids "3" > %t/alone.txt
// RUN: encdec-run-reference %t/plain.mlir --encoder --ids "1 2" --ids "3" | diff %t/alone.txt -
// RUN: FileCheck %s --check-prefix=ROWS --input-file=%t/alone.txt
// RUN: not encdec-run-reference %t/encoder.mlir --ids "1 2" 2>&1 | FileCheck %s --check-prefix=ALONE
// RUN: not encdec-run-reference %t/memory.mlir --encoder --ids "1 2" 2>&1 | FileCheck %s --check-prefix=NONE
// ROWS: row 0:{{( -?[0-9.]+){8}$}}
// ROWS-NEXT: row 1:
// ROWS-NEXT: row 2:
// ROWS-NOT: row
// ALONE: expected a function with encdec.entry = "step"
// NONE: expected encode to return the encoder's rows

// CHECK: step 0: tokens {{[0-9]+ [0-9]+ [0-9]+}} log_probs -{{[0-9.]+}} -{{[0-9.]+}} -{{[0-9.]+$}}
// CHECK: step 2: tokens
// CHECK: sum of log_probs: -
// IDS: step 1: tokens {{[0-9]+ [0-9]+}} log_probs
// RANGE: error: --ids: expected token ids below 11 but got 99

//--- weights.mlir
encdec.weight @table : tensor<11x8xf16> = #encdec.seeded<1, 1.0>
encdec.weight @places : tensor<16x8xf32> = #encdec.sinusoidal
encdec.weight @q : tensor<8x8xf16> = #encdec.seeded<2, 0.5>
encdec.weight @k : tensor<8x8xf16> = #encdec.seeded<3, 0.5>
encdec.weight @v : tensor<8x8xf16> = #encdec.seeded<4, 0.5> {format = "int8"}
encdec.weight @b : tensor<8xf16> = #encdec.seeded<5, 0.5>
encdec.weight @g : tensor<8xf16> = #encdec.seeded<6, 1.5>
encdec.weight @up : tensor<12x8xf16> = #encdec.seeded<7, 0.5>
encdec.weight @up.b : tensor<12xf16> = #encdec.seeded<8, 0.5>
encdec.weight @down : tensor<8x12xf16> = #encdec.seeded<9, 0.5>

//--- encode.mlir
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"},
    %positions: tensor<?xi32> {encdec.arg = "positions"}, %rows: tensor<?xi32> {encdec.arg = "rows"},
    %offsets: tensor<?xi32> {encdec.arg = "offsets"})
    -> tensor<?x8xf32, #encdec.side<encoder>> attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %positions, @table, @places {scale = 2.0} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  %q, %k, %v = encdec.linear %x, [@q, @k, @v], [@b, @b, @b] : tensor<?x8xf32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 0.5} : tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %p = encdec.softmax %s : tensor<2x?x?xf32, #encdec.side<encoder>>
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : tensor<2x?x?xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %z = encdec.add %c, %x : tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<encoder>>
  return %y : tensor<?x8xf32, #encdec.side<encoder>>
}

//--- step.mlir
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"},
    %positions: tensor<?xi32> {encdec.arg = "positions"}, %ancestors: tensor<?x?xi32> {encdec.arg = "ancestors"},
    %sources: tensor<?xi32> {encdec.arg = "sources"}, %offsets: tensor<?xi32> {encdec.arg = "offsets"},
    %bias: tensor<?x11xf32> {encdec.arg = "logit_bias"}, %row_bias: tensor<?xi32> {encdec.arg = "row_bias"},
    %memory: tensor<?x8xf32, #encdec.side<encoder>> {encdec.arg = "memory"}, %cache: !encdec.cache<2x4> {encdec.arg = "cache.0"}, %top: i64 {encdec.arg = "top_k"})
    -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %positions, @table, @places {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  %q = encdec.linear %x, @q, @b : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  %k = encdec.linear %x, @k, @b : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  %v = encdec.linear %x, @v, @b : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  encdec.cache_append %cache, %k, %v of %ancestors at %positions : !encdec.cache<2x4>, tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %pk, %pv, %po, %pr = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x4>
  %s = encdec.scores %q, %pk of %pr in %po {heads = 2, scale = 0.5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %m = encdec.mask %s at %positions : tensor<2x?x?xf32, #encdec.side<decoder>>
  %p = encdec.softmax %m : tensor<2x?x?xf32, #encdec.side<decoder>>
  %c = encdec.context %p, %pv of %pr in %po {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %z = encdec.add %c, %x : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %y = encdec.norm %z, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<decoder>>
  %mk = encdec.linear %memory, @k, @b : tensor<?x8xf32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  %mv = encdec.linear %memory, @v : tensor<?x8xf32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  %s2 = encdec.scores %y, %mk of %sources in %offsets {heads = 2, scale = 0.5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %p2 = encdec.softmax %s2 : tensor<2x?x?xf32, #encdec.side<decoder>>
  %c2 = encdec.context %p2, %mv of %sources in %offsets {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %z2 = encdec.add %c2, %y : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %y2 = encdec.norm %z2, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<decoder>>
  %h = encdec.linear %y2, @up, @up.b : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x12xf32, #encdec.side<decoder>>
  %a = encdec.activation %h {kind = silu} : tensor<?x12xf32, #encdec.side<decoder>>
  %d = encdec.linear %a, @down, @b : tensor<?x12xf32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  %z3 = encdec.add %d, %y2 : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %y3 = encdec.norm %z3, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<decoder>>
  %l = encdec.linear %y3, @table : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x11xf32, #encdec.side<decoder>>
  %t, %lp = encdec.top_tokens %l biased %bias by %row_bias keep %top : tensor<?x11xf32, #encdec.side<decoder>>, tensor<?x11xf32>
  return %t, %lp : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}

//--- encode-memory.mlir
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"},
    %positions: tensor<?xi32> {encdec.arg = "positions"}, %rows: tensor<?xi32> {encdec.arg = "rows"},
    %offsets: tensor<?xi32> {encdec.arg = "offsets"}, %memory: !encdec.memory<2x4> {encdec.arg = "memory.0"})
    attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %positions, @table, @places {scale = 2.0} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>
  %q, %k, %v = encdec.linear %x, [@q, @k, @v], [@b, @b, @b] : tensor<?x8xf32, #encdec.side<encoder>> -> tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 0.5} : tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %y = encdec.add_norm %c, %x, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  encdec.memory_project %memory, %y, key @k @b, value @v in %offsets : !encdec.memory<2x4>, tensor<?x8xf32, #encdec.side<encoder>>
  return
}

//--- step-memory.mlir
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"},
    %positions: tensor<?xi32> {encdec.arg = "positions"}, %ancestors: tensor<?x?xi32> {encdec.arg = "ancestors"},
    %sources: tensor<?xi32> {encdec.arg = "sources"}, %offsets: tensor<?xi32> {encdec.arg = "offsets"},
    %bias: tensor<?x11xf32> {encdec.arg = "logit_bias"}, %row_bias: tensor<?xi32> {encdec.arg = "row_bias"},
    %cache: !encdec.cache<2x4> {encdec.arg = "cache.0"}, %memory: !encdec.memory<2x4> {encdec.arg = "memory.0"}, %top: i64 {encdec.arg = "top_k"})
    -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %positions, @table, @places {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>
  %q, %k, %v = encdec.linear %x, [@q, @k, @v], [@b, @b, @b] : tensor<?x8xf32, #encdec.side<decoder>> -> tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  encdec.cache_append %cache, %k, %v of %ancestors at %positions : !encdec.cache<2x4>, tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %pk, %pv, %po, %pr = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x4>
  %c = encdec.self_attention %q, %pk, %pv of %pr in %po causal at %positions {heads = 2, scale = 0.5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %y = encdec.add_norm %c, %x, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %mk, %mv, %mo = encdec.memory_read %memory : !encdec.memory<2x4>
  %c2 = encdec.cross_attention %y, %mk, %mv of %sources in %mo {heads = 2, scale = 0.5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<encoder>>, tensor<?x8xf32, #encdec.side<encoder>>
  %y2 = encdec.add_norm %c2, %y, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %f = encdec.ffn %y2, up @up @up.b, down @down @b {kind = silu} : tensor<?x8xf32, #encdec.side<decoder>>
  %y3 = encdec.add_norm %f, %y2, @g, @b {eps = 1.0e-5} : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x8xf32, #encdec.side<decoder>>
  %t, %lp = encdec.vocabulary %y3, @table biased %bias by %row_bias keep %top : tensor<?x8xf32, #encdec.side<decoder>>, tensor<?x11xf32>
  return %t, %lp : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}
