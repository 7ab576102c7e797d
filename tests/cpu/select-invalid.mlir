// RUN: encdec-opt %s --encdec-select-kernels --split-input-file --verify-diagnostics

// A kernel reads the handle, and rows, offsets and positions from the call's context: any
// other operand in their place is refused. Errors carry a code.

// Positions, rows and offsets are the entry's own.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  // expected-error @below {{not lowerable [input]: expected the entry's own positions (encdec.arg), which is all that the kernel reads, but got 'sources'}}
  %x = encdec.embed %ids at %src, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x8>
  // expected-error @below {{not lowerable [input]: expected the entry's own sources}}
  %a = encdec.cross_attention %x, %k, %v of %by in %o {heads = 2, scale = 0.25} : !d, !e, !e
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [input]: expected the entry's own positions}}
  %a = encdec.self_attention %x, %k, %v of %r in %o causal at %src {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %by : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [input]: expected the entry's own positions}}
  %a = encdec.self_attention %x, %k, %v of %r in %o causal at %p {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [input]: expected the entry's own positions}}
  encdec.cache_append %c, %x, %x of %an at %src : !encdec.cache<2x8>, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  // expected-error @below {{not lowerable [input]: expected the entry's own row_bias}}
  %t, %l = encdec.vocabulary %x, @table biased %bias by %p keep %top : !d, tensor<?x40xf32>
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
encdec.weight @w : tensor<16x16xf32> = #encdec.seeded<2, 0.5> {layout = #encdec.packed, offset = 3072 : i64}
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %rows: !i {encdec.arg = "rows"}, %off: !i {encdec.arg = "offsets"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // expected-error @below {{not lowerable [input]: expected the entry's own offsets}}
  encdec.memory_project %m, %x, key @w, value @w in %p : !encdec.memory<2x8>, !e
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %rows: !i {encdec.arg = "rows"}, %off: !i {encdec.arg = "offsets"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // expected-error @below {{not lowerable [input]: expected the entry's own rows}}
  %a = encdec.self_attention %x, %x, %x of %p in %off {heads = 2, scale = 0.25} : !e, !e, !e
  return
}

// -----

// Keys and values are those of one view, with the heads of its handle.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  %k1, %v1, %o1 = encdec.memory_read %m : !encdec.memory<2x8>
  %k2, %v2, %o2 = encdec.memory_read %m1 : !encdec.memory<2x8>
  // expected-error @below {{not lowerable [view]: expected key, value and offsets of one encdec.memory_read}}
  %a = encdec.cross_attention %x, %k1, %v2 of %src in %o1 {heads = 2, scale = 0.25} : !d, !e, !e
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x8>
  // expected-error @below {{not lowerable [view]: expected key, value and offsets of one encdec.memory_read}}
  %a = encdec.cross_attention %x, %k, %k of %src in %o {heads = 2, scale = 0.25} : !d, !e, !e
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x8>
  // expected-error @below {{not lowerable [view]: expected key, value and offsets of one encdec.memory_read}}
  %a = encdec.cross_attention %x, %k, %v of %src in %off {heads = 2, scale = 0.25} : !d, !e, !e
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [view]: expected key, value, rows and offsets of one encdec.cache_read}}
  %a = encdec.self_attention %x, %k, %k of %r in %o causal at %p {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [view]: expected key, value, rows and offsets of one encdec.cache_read}}
  %a = encdec.self_attention %x, %k, %v of %src in %o causal at %p {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  encdec.cache_append %c, %x, %x of %an at %p : !encdec.cache<2x8>, !d, !d
  // expected-error @below {{not lowerable [stale-view]: the cache is written between encdec.cache_read and the attention}}
  %a = encdec.self_attention %x, %k, %v of %r in %o causal at %p {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

// Encode is given tokens, positions, rows and offsets.

!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @w : tensor<40x16xf32> = #encdec.seeded<2, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @w {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // expected-error @below {{not lowerable [input]: the kernel reads logit_bias, which encode is not given}}
  %t, %l = encdec.vocabulary %x, @w biased %bias by %by keep %top : !e, tensor<?x40xf32>
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!i = tensor<?xi32>
encdec.weight @w : tensor<40x16xf32> = #encdec.seeded<2, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @encode(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %rows: !i {encdec.arg = "rows"}, %off: !i {encdec.arg = "offsets"}) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @w {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  // expected-error @below {{not lowerable [self-attention-keys]: in a step, and under a causal mask}}
  %a = encdec.self_attention %x, %x, %x of %rows in %off causal at %p {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

// Ops that no kernel computes.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [self-attention-probs]: only cross-attention hands its probabilities out}}
  %a, %pr = encdec.self_attention %x, %k, %v of %r in %o causal at %p {heads = 2, scale = 0.25, probs = [0]} : !d, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  // expected-error @below {{not lowerable [self-attention-keys]: in a step, and under a causal mask, keys and values come from encdec.cache_read}}
  %a = encdec.self_attention %x, %x, %x of %src in %off {heads = 2, scale = 0.25} : !d, !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
// expected-error @below {{not lowerable [encoder-output-argument]: argument #11 holds activations}}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}, %mem: !e {encdec.arg = "memory"}) attributes {encdec.entry = "step"} {
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  // expected-error @below {{not lowerable [decomposed-attention]: kernels exist for whole attentions only; run encdec-fuse-attention}}
  %s = encdec.scores %x, %x of %src in %off {heads = 2, scale = 0.25} : !d, !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  // expected-error @below {{not lowerable [unknown-op]: expected an op of the fused form}}
  %z = arith.constant 0 : i64
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %rows: !i {encdec.arg = "rows"}, %off: !i {encdec.arg = "offsets"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}) -> (!e, !e) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // expected-error @below {{not lowerable [result]: expected encode to return the encoder's rows, or nothing}}
  return %x, %x : !e, !e
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %t, %l = encdec.vocabulary %x, @table biased %bias by %by keep %top : !d, tensor<?x40xf32>
  // expected-error @below {{not lowerable [tokens-twice]: expected one op that makes the step's tokens}}
  %t1, %l1 = encdec.vocabulary %x, @table biased %bias by %by keep %top : !d, tensor<?x40xf32>
  return
}

// -----

// Weights that are missing or not packed.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
// expected-note @below {{the weight is here}}
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5>
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  // expected-error @below {{not lowerable [not-packed]: weight @table has no offset; run encdec-pack-weights}}
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %src: !i {encdec.arg = "sources"}, %off: !i {encdec.arg = "offsets"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}, %m1: !encdec.memory<2x8> {encdec.arg = "memory.1"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o, %r = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // expected-error @below {{not lowerable [argument]: an operand is an argument of the function or a view of a handle}}
  %z = encdec.add %x, %k : !d, !d
  return
}

// -----

// Handles.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
// expected-error @below {{not lowerable [key-types]: memories and caches hold both 'bf16' and 'f32'; run encdec-narrow-keys, which stores all alike}}
func.func @step(%c: !encdec.cache<2x8, bf16> {encdec.arg = "cache.0"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}) attributes {encdec.entry = "step"} {
  return
}

// -----

// Entries of one block.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
// expected-error @below {{not lowerable [blocks]: expected one block, but got 2}}
func.func @step() attributes {encdec.entry = "step"} {
  cf.br ^bb1
^bb1:
  return
}

// -----

!d = tensor<?x16xf32, #encdec.side<decoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
!i = tensor<?xi32>
encdec.weight @buckets : tensor<1025x2xf32> = #encdec.seeded<1, 0.5> {offset = 0 : i64}
func.func @step(%p: !i {encdec.arg = "positions"}) attributes {encdec.entry = "step"} {
  // expected-error @below {{not lowerable [buckets]: expected a table of at most 1024 buckets, which stand in the code, but got 1025}}
  %b = encdec.relative_bias @buckets to %p {max_distance = 2000} : !b
  return
}

// -----

// A kernel knows no positions but the call's own.
!b = tensor<2x?xf32, #encdec.side<decoder>>
!i = tensor<?xi32>
encdec.weight @buckets : tensor<32x2xf32> = #encdec.seeded<1, 0.5> {offset = 0 : i64}
func.func @step(%p: !i {encdec.arg = "positions"}, %other: !i {encdec.arg = "row_bias"}) attributes {encdec.entry = "step"} {
  // expected-error @below {{not lowerable [input]: expected the entry's own positions}}
  %b = encdec.relative_bias @buckets to %other {max_distance = 128} : !b
  return
}

// -----

!e = tensor<?x16xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
encdec.weight @buckets : tensor<32x2xf32> = #encdec.seeded<1, 0.5> {offset = 3072 : i64}
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %rows: !i {encdec.arg = "rows"}, %offsets: !i {encdec.arg = "offsets"}) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  %b = encdec.relative_bias @buckets over %offsets {max_distance = 128} : !b
  // expected-error @below {{not lowerable [input]: expected the entry's own positions}}
  %a = encdec.self_attention %x, %x, %x of %rows in %offsets bias %b at %rows {heads = 2, scale = 0.25} : !e, !e, !e, !b
  return
}

// -----

// A bias that something else made.
!e = tensor<?x16xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
// expected-error @below {{not lowerable [encoder-output-argument]: argument #4 holds activations}}
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: !i {encdec.arg = "positions"}, %rows: !i {encdec.arg = "rows"}, %offsets: !i {encdec.arg = "offsets"}, %b: !b) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  %a = encdec.self_attention %x, %x, %x of %rows in %offsets bias %b at %p {heads = 2, scale = 0.25} : !e, !e, !e, !b
  return
}
