// Where values lie: those that are alive in one phase share no byte.
// RUN: encdec-opt %s --encdec-plan-memory | FileCheck %s
// RUN: encdec-opt %s --encdec-plan-memory --encdec-verify-schedule | FileCheck %s
// RUN: encdec-opt %s --encdec-plan-memory --remarks-filter=plan-memory -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// REMARK: [Passed] arena | Category:plan-memory | Gain="4 buffers of 384 bytes a row share 256"

!rows = tensor<?x32xf32>
!narrow = tensor<?x16xf32>
!lists = tensor<?x64xf32>
!block = tensor<4x64xf32>
!scores = tensor<4x?xf32>

// Largest first, each in the lowest gap; over what is dead since the last barrier.
// CHECK-LABEL: func.func @gaps
// CHECK-SAME: encdec_kernel.arena = #encdec_kernel.size<per_row = 256>
// CHECK-SAME: encdec_kernel.scratch = #encdec_kernel.size<>
func.func @gaps() attributes {encdec.entry = "step"} {
  // CHECK: call "a" () to arena <per_row = 128> at <> : write rows, arena <per_row = 64> at <per_row = 128> : write rows
  %a:2 = encdec_kernel.call "a" () to arena <per_row = 128> : write rows, arena <per_row = 64> : write rows split rows weights [] cost <> {} : () -> (!rows, !narrow)
  // In the same phase: over neither, though no later call reads the second.
  // CHECK-NEXT: call "b" {{.*}} to arena <per_row = 64> at <per_row = 192> : write rows
  %b = encdec_kernel.call "b" (%a#0 : read rows) to arena <per_row = 64> : write rows split rows weights [] cost <> {} : (!rows) -> !narrow
  encdec_kernel.barrier
  // CHECK: call "c" {{.*}} to arena <per_row = 128> at <> : write panels
  %c = encdec_kernel.call "c" (%b : read all) to arena <per_row = 128> : write panels split panels 2 weights [] cost <> {} : (!narrow) -> !rows
  encdec_kernel.barrier
  // Nothing to place.
  // CHECK: call "d" (%{{[a-z]*}} : read all) to output "logits" : write panels
  %d = encdec_kernel.call "d" (%c : read all) to output "logits" : write panels split panels 2 weights [] cost <> {} : (!rows) -> !rows
  return
}

// Temporaries of one type, size, part and split, one after the other in one phase, lie in
// one place: each worker is done with its elements of the one when it begins the next.
// CHECK-LABEL: func.func @temporaries
// CHECK-SAME: encdec_kernel.arena = #encdec_kernel.size<per_row = 704>
func.func @temporaries(%m: !encdec.memory<2x16> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "encode"} {
  // CHECK: call "a" () to arena <per_row = 128> at <> : update panels, arena <per_row = 128> at <per_row = 128> : update panels
  %a:2 = encdec_kernel.call "a" () to arena <per_row = 128> : update panels, arena <per_row = 128> : update panels split panels 2 weights [] cost <> {} : () -> (!rows, !rows)
  // CHECK-NEXT: call "a" () to arena <per_row = 128> at <> : update panels, arena <per_row = 128> at <per_row = 128> : update panels
  %b:2 = encdec_kernel.call "a" () to arena <per_row = 128> : update panels, arena <per_row = 128> : update panels split panels 2 weights [] cost <> {} : () -> (!rows, !rows)
  // Panels of another split, number or type are other bytes; so is what someone reads.
  // CHECK-NEXT: call "split" () to arena <per_row = 128> at <per_row = 256> : update rows
  %c = encdec_kernel.call "split" () to arena <per_row = 128> : update rows split rows weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: call "count" () to arena <per_row = 128> at <per_row = 384> : update panels
  %d = encdec_kernel.call "count" () to arena <per_row = 128> : update panels split panels 3 weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: call "type" () to arena <per_row = 128> at <per_row = 512> : update panels
  %e = encdec_kernel.call "type" () to arena <per_row = 128> : update panels split panels 2 weights [] cost <> {} : () -> tensor<?x64xbf16>
  // CHECK-NEXT: call "size" () to arena <per_row = 64> at <per_row = 640> : update panels
  %f = encdec_kernel.call "size" () to arena <per_row = 64> : update panels split panels 2 weights [] cost <> {} : () -> !narrow
  encdec_kernel.barrier
  // In another phase any place will do.
  // CHECK: call "a" () to arena <per_row = 128> at <> : update panels, arena <per_row = 128> at <per_row = 128> : update panels
  %g:2 = encdec_kernel.call "a" () to arena <per_row = 128> : update panels, arena <per_row = 128> : update panels split panels 2 weights [] cost <> {} : () -> (!rows, !rows)
  return
}

// A worker's own values are alive for calls, not for phases: it comes to them in order.
// CHECK-LABEL: func.func @own
// CHECK-SAME: encdec_kernel.scratch = #encdec_kernel.size<fixed = 1152>
func.func @own() attributes {encdec.entry = "step"} {
  // CHECK: call "a" () to scratch <fixed = 1024> at <> : update own, scratch <fixed = 128> at <fixed = 1024> : update own
  %a:2 = encdec_kernel.call "a" () to scratch <fixed = 1024> : update own, scratch <fixed = 128> : update own split rows weights [] cost <> {} : () -> (!block, tensor<32xf32>)
  // Over the first, which no one reads; not over the second.
  // CHECK-NEXT: call "b" {{.*}} to scratch <fixed = 1024> at <> : update own
  %b = encdec_kernel.call "b" (%a#1 : read own) to scratch <fixed = 1024> : update own split panels 2 weights [] cost <> {} : (tensor<32xf32>) -> tensor<2x128xf32>
  // CHECK-NEXT: call "c" () to scratch <fixed = 512> at <> : update own
  %c = encdec_kernel.call "c" () to scratch <fixed = 512> : update own split rows weights [] cost <> {} : () -> tensor<128xf32>
  return
}

// Each worker's lists, which others read in a later phase, and which stay until then.
// CHECK-LABEL: func.func @lists
// CHECK-SAME: encdec_kernel.arena = #encdec_kernel.size<>
// CHECK-SAME: encdec_kernel.scratch = #encdec_kernel.size<fixed = 1024, per_row = 256>
func.func @lists() attributes {encdec.entry = "step"} {
  // CHECK: call "scan" () to scratch <per_row = 256> at <> : update own, scratch <fixed = 1024> at <per_row = 256> : update own
  %lists, %logits = encdec_kernel.call "scan" () to scratch <per_row = 256> : update own, scratch <fixed = 1024> : update own split panels 2 weights [] cost <> {} : () -> (!lists, !block)
  encdec_kernel.barrier
  // CHECK: call "choose" {{.*}} to scratch <fixed = 1024> at <per_row = 256> : update own
  %more = encdec_kernel.call "choose" (%lists : update own) to scratch <fixed = 1024> : update own split data weights [] cost <> {} : (!lists) -> !block
  encdec_kernel.barrier
  // CHECK: call "merge"
  encdec_kernel.call "merge" (%lists : update rows) split rows weights [] cost <> {} : (!lists) -> ()
  // In the phase of the merge every worker's lists are everybody's.
  // CHECK-NEXT: call "late" () to scratch <fixed = 1024> at <per_row = 256> : update own
  %late = encdec_kernel.call "late" () to scratch <fixed = 1024> : update own split rows weights [] cost <> {} : () -> !block
  encdec_kernel.barrier
  // CHECK: call "last" () to scratch <fixed = 1024> at <> : update own
  %last = encdec_kernel.call "last" () to scratch <fixed = 1024> : update own split rows weights [] cost <> {} : () -> !block
  return
}

// One formula begins where another ends, whatever the numbers of rows and keys.
// CHECK-LABEL: func.func @formulas
// CHECK-SAME: encdec_kernel.scratch = #encdec_kernel.size<fixed = 64, per_key = 16, per_row = 256>
func.func @formulas() attributes {encdec.entry = "step"} {
  // CHECK: call "a" () to scratch <per_key = 16> at <fixed = 64, per_row = 256> : update own, scratch <per_row = 256> at <> : update own, scratch <fixed = 64> at <per_row = 256> : update own
  %a:3 = encdec_kernel.call "a" () to scratch <per_key = 16> : update own, scratch <per_row = 256> : update own, scratch <fixed = 64> : update own split rows weights [] cost <> {} : () -> (!scores, !lists, tensor<16xf32>)
  encdec_kernel.barrier
  // What is smaller for every number lies anywhere; a formula of keys may be larger than
  // any of rows.
  // CHECK: call "b" () to scratch <per_key = 16> at <> : update own
  %b = encdec_kernel.call "b" () to scratch <per_key = 16> : update own split rows weights [] cost <> {} : () -> !scores
  return
}

// Values of keys lie behind all of rows, so that rows are found without a number of keys.
// CHECK-LABEL: func.func @keys
// CHECK-SAME: encdec_kernel.arena = #encdec_kernel.size<per_key = 24, per_row = 192>
func.func @keys() attributes {encdec.entry = "step"} {
  // CHECK: call "bias" () to arena <per_key = 12> at <per_row = 192> : write one, arena <per_key = 12> at <per_key = 12, per_row = 192> : write one
  %b:2 = encdec_kernel.call "bias" () to arena <per_key = 12> : write one, arena <per_key = 12> : write one split panels weights [] cost <> {} : () -> (tensor<2x?xf32>, tensor<2x?xf32>)
  // CHECK: call "a" () to arena <per_row = 128> at <> : write rows
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  encdec_kernel.barrier
  // CHECK: call "c" {{.*}} to arena <per_row = 64> at <per_row = 128> : write rows
  %c = encdec_kernel.call "c" (%a : read all, %b#0 : read all, %b#1 : read all) to arena <per_row = 64> : write rows split rows weights [] cost <> {} : (!rows, tensor<2x?xf32>, tensor<2x?xf32>) -> !narrow
  return
}
