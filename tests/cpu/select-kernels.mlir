// RUN: encdec-opt %s --encdec-select-kernels | FileCheck %s
// RUN: encdec-opt %s --encdec-quantize-weights=type=int8-dynamic --encdec-pack-weights --encdec-select-kernels | FileCheck %s --check-prefix=DYNAMIC
// RUN: encdec-opt %s --encdec-select-kernels --encdec-insert-barriers | FileCheck %s --check-prefix=BARRIER

// One call or two for each op, which say what their workers touch and how they share the
// work; quantized rows are a value that several calls read.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!w = tensor<?x40xf32, #encdec.side<decoder>>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
encdec.weight @up : tensor<40x16xf32> = #encdec.seeded<2, 0.5> {layout = #encdec.packed, offset = 3072 : i64}
encdec.weight @down : tensor<16x40xf32> = #encdec.seeded<3, 0.5> {layout = #encdec.packed, offset = 6144 : i64}
encdec.weight @gamma : tensor<16xf32> = #encdec.seeded<4, 0.5> {offset = 9216 : i64}

// CHECK: module attributes {encdec_kernel.target = "cpu"}
// 2 heads of 8 floats, values padded to 16.
// CHECK-LABEL: func.func @step
// CHECK-SAME: encdec_kernel.handle = #encdec_kernel.handle<"cache", 192>
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}, %an: tensor<?x?xi32> {encdec.arg = "ancestors"}, %bias: tensor<?x40xf32> {encdec.arg = "logit_bias"}, %by: tensor<?xi32> {encdec.arg = "row_bias"}, %c: !encdec.cache<2x8> {encdec.arg = "cache.0"}, %top: i64 {encdec.arg = "top_k"}) -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>) attributes {encdec.entry = "step"} {
  // CHECK: %[[X:.*]] = encdec_kernel.call "embed" (%{{.*}} : input "tokens", %{{.*}} : input "positions") to arena <per_row = 64> : write row_panels split row_panels weights [{{.*}}@table, "f32", offsets = [0, -1], bytes = 76, reads = row>, unit]
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  // Three outputs are split as one: 1 + 3 panels.
  // CHECK: %[[L:.*]], %[[H:.*]] = encdec_kernel.call "linear" (%[[X]] : read all) to arena <per_row = 64> : write panels, arena <per_row = 192> : write panels from 1 split panels 4
  // CHECK-SAME: cost <row_madds = 896>
  // DYNAMIC: %[[Q:.*]] = encdec_kernel.call "quantize" (%[[X:.*]] : read rows) to arena <per_row = 64> : write rows split rows
  // DYNAMIC: encdec_kernel.call "linear" (%[[X]] : read all, %[[Q]] : read all)
  %k, %h = encdec.linear %x, [@square, @up] : !d -> !d, !w
  // CHECK: encdec_kernel.call "cache_append" (%[[L]] : read row_heads, %[[L]] : read row_heads, %{{.*}} : write row_heads, %{{.*}} : input "ancestors", %{{.*}} : input "positions") split row_heads 2
  encdec.cache_append %c, %k, %k of %an at %p : !encdec.cache<2x8>, !d, !d
  %ck, %cv, %co, %cr = encdec.cache_read %c of %an to %p : !encdec.cache<2x8>
  // The view is gone; scores of four rows lie in scratch.
  // CHECK-NEXT: %[[A:.*]], %{{.*}} = encdec_kernel.call "self_attention" (%[[L]] : read row_heads, %{{.*}} : read row_heads, {{.*}}) to arena <per_row = 64> : update row_heads, scratch <fixed = 64, per_key = 16> : update own split row_heads 2 weights [] cost <keys = "cache", key_bytes = 192, key_madds = 32>
  %a = encdec.self_attention %k, %ck, %cv of %cr in %co causal at %p {heads = 2, scale = 0.25} : !d, !d, !d
  // CHECK-NEXT: %[[F:.*]] = encdec_kernel.call "linear" for "ffn" (%[[A]] : read all) to arena <per_row = 192> : update panels split panels 3
  // CHECK-SAME: activation = #encdec.activation_kind<relu>
  // CHECK-NEXT: %[[G:.*]] = encdec_kernel.call "linear" for "ffn" (%[[F]] : read all) to arena <per_row = 64> : write panels split panels
  // Each product quantizes its own rows.
  // DYNAMIC: "quantize"
  // DYNAMIC-NEXT: "linear" for "ffn"
  // DYNAMIC-NEXT: "quantize"
  // DYNAMIC-NEXT: "linear" for "ffn"
  %f = encdec.ffn %a, up @up, down @down {kind = relu} : !d
  // CHECK-NEXT: %[[N:.*]] = encdec_kernel.call "add_norm" (%[[G]] : read rows, %[[A]] : read rows) to arena <per_row = 64> : update rows split rows
  %n = encdec.add_norm %f, %a, @gamma, @gamma {eps = 1.0e-5} : !d, !d
  // Lists of the best are each worker's own until they are merged.
  // CHECK-NEXT: %[[V:.*]], %[[B:.*]], %{{.*}}, %{{.*}} = encdec_kernel.call "vocabulary" (%[[N]] : read all, {{.*}}) to arena <per_row = 128> : write panels, scratch <per_row = 768> : update own, scratch <fixed = 24576> : update own, output "logits" : write panels split panels
  // CHECK-NEXT: encdec_kernel.call "merge_vocabulary" for "vocabulary" (%[[V]] : read rows, %[[B]] : update rows, %{{.*}} : input "top_k") to output "tokens" : write rows, output "log_probs" : write rows split rows
  %t, %l = encdec.vocabulary %n, @table biased %bias by %by keep %top : !d, tensor<?x40xf32>
  return %t, %l : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
}
encdec.weight @square : tensor<16x16xf32> = #encdec.seeded<5, 0.5> {layout = #encdec.packed, offset = 9280 : i64}

// Both products of a gated FFN share the panels of one; pre-norm hands its sum on; a bias is
// made by one worker, of keys and not of rows, and attention reads it without a barrier of
// its own.
!e = tensor<?x16xf32, #encdec.side<encoder>>
!b = tensor<2x?xf32, #encdec.side<decoder>>
// CHECK-LABEL: func.func @encode
// DYNAMIC-LABEL: func.func @encode
// BARRIER-LABEL: func.func @encode
// BARRIER: call "relative_bias"
// BARRIER-NEXT: call "embed"
// BARRIER-NEXT: call "norm"
// BARRIER-NEXT: encdec_kernel.barrier
// BARRIER-NEXT: call "block_keys"
// BARRIER-NEXT: encdec_kernel.barrier
// BARRIER-NEXT: call "encoder_attention"
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}, %rows: tensor<?xi32> {encdec.arg = "rows"}, %off: tensor<?xi32> {encdec.arg = "offsets"}) -> !e attributes {encdec.entry = "encode"} {
  // CHECK: %[[B:.*]] = encdec_kernel.call "relative_bias" (%{{.*}} : input "offsets") to arena <per_key = 20> : write one split panels weights [{{.*}}@buckets, "f32", offsets = [10304], bytes = 2048, reads = whole>] cost <> {bidirectional, buckets = 32 : i64, heads = 2 : i64, max_distance = 128 : i64}
  %b = encdec.relative_bias @buckets over %off {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // CHECK: %[[N:.*]] = encdec_kernel.call "norm" {{.*}} weights [{{.*}}@gamma{{.*}}, unit] cost <> {eps = {{.*}}, kind = #encdec.norm_kind<rms>, width = 16 : i64}
  %n = encdec.norm %x, @gamma {eps = 1.0e-6, kind = rms} : !e
  // CHECK: encdec_kernel.call "block_keys"
  // CHECK-NEXT: encdec_kernel.call "encoder_attention" {{.*}}, %[[B]] : read all, %{{.*}} : input "positions",
  %a = encdec.self_attention %n, %n, %n of %rows in %off bias %b at %p {heads = 2, scale = 1.0} : !e, !e, !e, tensor<2x?xf32, #encdec.side<encoder>>
  // CHECK: %[[Y:.*]], %[[S:.*]] = encdec_kernel.call "add_norm" {{.*}} to arena <per_row = 64> : update rows, arena <per_row = 64> : update rows split rows
  %y, %s = encdec.add_norm %a, %x, @gamma {eps = 1.0e-6, kind = rms, sum} : !e, !e
  // CHECK-NEXT: %[[H:.*]], %{{.*}} = encdec_kernel.call "linear" for "ffn" (%[[Y]] : read all) to arena <per_row = 192> : update panels, arena <per_row = 192> : update panels split panels 3
  // CHECK-SAME: cost <row_madds = 1280> {activation = #encdec.activation_kind<silu>, gated, inputs = 16 : i64, outputs = array<i64: 40, 40>}
  // CHECK-NEXT: encdec_kernel.call "linear" for "ffn" (%[[H]] : read all)
  // DYNAMIC: "quantize"
  // DYNAMIC-NEXT: "linear" for "ffn" (%{{.*}} : read all, %{{.*}} : read all)
  %f = encdec.ffn %y, up @up, gate @gate, down @down {kind = silu} : !e
  // CHECK-NEXT: encdec_kernel.call "add" (%{{.*}} : read row_panels, %[[S]] : read row_panels)
  // What encode returns goes to the caller, by the last call.
  // CHECK-NEXT: %[[OUT:.*]] = encdec_kernel.call "states" (%{{.*}} : read rows) to output "states" : write rows split rows weights [] cost <> {width = 16 : i64}
  // CHECK-NEXT: return %[[OUT]]
  %z = encdec.add %f, %s : !e, !e
  return %z : !e
}
encdec.weight @buckets : tensor<32x2xf32> = #encdec.seeded<6, 0.5> {offset = 10304 : i64}
encdec.weight @gate : tensor<40x16xf32> = #encdec.seeded<7, 0.5> {layout = #encdec.packed, offset = 12352 : i64}
