// RUN: encdec-opt %s | FileCheck %s
// RUN: encdec-opt %s --mlir-print-op-generic | encdec-opt | FileCheck %s
// RUN: encdec-opt %s | encdec-opt | FileCheck %s

// Calls of kernels that no target has: everything that a call can say.

!rows = tensor<?x32xf32>
!index = tensor<?xi32>

// CHECK-LABEL: func.func @step(
// CHECK-SAME: %[[IDS:.*]]: tensor<?xi32> {encdec.arg = "positions"}
// CHECK-SAME: %[[CACHE:.*]]: !encdec.cache<2x16> {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}
// CHECK-SAME: encdec_kernel.arena = #encdec_kernel.size<per_row = 256>
// CHECK-SAME: encdec_kernel.scratch = #encdec_kernel.size<fixed = 128, per_key = 16, per_row = 64>
func.func @step(%ids: !index {encdec.arg = "positions"},
                %cache: !encdec.cache<2x16> {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>})
    attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 256>,
                encdec_kernel.scratch = #encdec_kernel.size<fixed = 128, per_key = 16, per_row = 64>} {
  // Inputs; results with and without places; what is folded into the body.
  // CHECK: %[[A0:.*]], %[[A1:.*]] = encdec_kernel.call "a" (%[[IDS]] : input "positions") to arena <per_row = 128> at <> : write panels, arena <per_row = 128> at <per_row = 128> : write panels from 2 split panels 4 weights [] cost <> {eps = 5.000000e-01 : f32} :
  %a:2 = encdec_kernel.call "a" (%ids : input "positions") to arena <per_row = 128> at <> : write panels, arena <per_row = 128> at <per_row = 128> : write panels from 2 split panels 4 weights [] cost <> {eps = 0.5 : f32} : (!index) -> (!rows, !rows)
  // CHECK: encdec_kernel.barrier
  encdec_kernel.barrier
  // Scratch of all three terms, outputs, another name for profiles, weights, cost, numbers.
  // CHECK: %{{.*}}, %{{.*}} = encdec_kernel.call "b" for "a" (%[[A0]] : read all, %[[A1]] : read row_heads, %[[CACHE]] : write row_heads) to scratch <fixed = 64, per_key = 16, per_row = 64> at <fixed = 64> : update own, output "logits" : write row_heads split row_heads 2 weights
  // CHECK-SAME: [#encdec_kernel.weight<@w, "f32", offsets = [0, -1], bytes = 4096, reads = whole>, #encdec_kernel.weight<@v, "i8", offsets = [4096], bytes = 64, reads = perhaps>]
  // CHECK-SAME: cost <row_madds = 1024, keys = "cache", key_bytes = 256, key_madds = 64> numbers [3, -1] {} :
  %b:2 = encdec_kernel.call "b" for "a" (%a#0 : read all, %a#1 : read row_heads, %cache : write row_heads) to scratch <fixed = 64, per_key = 16, per_row = 64> at <fixed = 64> : update own, output "logits" : write row_heads split row_heads 2
      weights [#encdec_kernel.weight<@w, "f32", offsets = [0, -1], bytes = 4096, reads = whole>, #encdec_kernel.weight<@v, "i8", offsets = [4096], bytes = 64, reads = perhaps>]
      cost <row_madds = 1024, keys = "cache", key_bytes = 256, key_madds = 64> numbers [3, -1] {} : (!rows, !rows, !encdec.cache<2x16>) -> (tensor<4x?xf32>, !rows)
  // Neither operands nor results; every part and split.
  // CHECK: encdec_kernel.call "c" () split data weights [] cost <> {} : () -> ()
  encdec_kernel.call "c" () split data weights [] cost <> {} : () -> ()
  // CHECK: encdec_kernel.call "d" ({{.*}} : read rows, {{.*}} : read source, {{.*}} : update rows, {{.*}} : read row_panels) to output "positions" : write one split rows weights
  %d = encdec_kernel.call "d" (%a#0 : read rows, %a#0 : read source, %b#0 : update rows, %a#1 : read row_panels) to output "positions" : write one split rows weights [] cost <> {} : (!rows, !rows, tensor<4x?xf32>, !rows) -> !index
  // CHECK: encdec_kernel.call "e" () to arena <per_row = 128> : write source_heads split source_heads 2 weights
  %e = encdec_kernel.call "e" () to arena <per_row = 128> : write source_heads split source_heads 2 weights [] cost <> {} : () -> !rows
  return
}
