// Where workers wait, from the flow of values, handles and outputs alone.
// RUN: encdec-opt %s --encdec-insert-barriers | FileCheck %s
// Barriers that stand already count.
// RUN: encdec-opt %s --encdec-insert-barriers --encdec-insert-barriers | FileCheck %s

!rows = tensor<?x32xf32>

// CHECK-LABEL: func.func @values
func.func @values() attributes {encdec.entry = "step"} {
  // CHECK: call "made"
  %x = encdec_kernel.call "made" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  // Each worker reads the rows that it has written.
  // CHECK-NEXT: call "same"
  %y = encdec_kernel.call "same" (%x : read rows) to arena <per_row = 128> : write rows split rows weights [] cost <> {} : (!rows) -> !rows
  // Nobody writes what two read.
  // CHECK-NEXT: call "apart"
  %z = encdec_kernel.call "apart" () to arena <per_row = 128> : write panels split panels 2 weights [] cost <> {} : () -> !rows
  // One barrier, as late as can be, for all that stands before.
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "all"
  encdec_kernel.call "all" (%x : read all) split rows weights [] cost <> {} : (!rows) -> ()
  // CHECK-NEXT: call "too"
  encdec_kernel.call "too" (%y : read all, %z : read all, %x : read all) split rows weights [] cost <> {} : (!rows, !rows, !rows) -> ()
  // CHECK-NEXT: return
  return
}

// CHECK-LABEL: func.func @splits
func.func @splits() attributes {encdec.entry = "step"} {
  // CHECK: call "a"
  %x:2 = encdec_kernel.call "a" () to arena <per_row = 128> : write panels, arena <per_row = 128> : write panels from 2 split panels 4 weights [] cost <> {} : () -> (!rows, !rows)
  // CHECK-NEXT: call "same"
  encdec_kernel.call "same" (%x#0 : read panels, %x#1 : read panels from 2) split panels 4 weights [] cost <> {} : (!rows, !rows) -> ()
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "from"
  encdec_kernel.call "from" (%x#1 : update panels) split panels 4 weights [] cost <> {} : (!rows) -> ()
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "count"
  encdec_kernel.call "count" (%x#1 : update panels) split panels 2 weights [] cost <> {} : (!rows) -> ()
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "kind"
  encdec_kernel.call "kind" (%x#1 : update row_panels) split row_panels 2 weights [] cost <> {} : (!rows) -> ()
  // Rows of the sources in the share are those of others too.
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "source"
  encdec_kernel.call "source" (%x#1 : read source) split row_panels 2 weights [] cost <> {} : (!rows) -> ()
  // A part that is no unit of the split is anybody's.
  // CHECK-NEXT: call "other"
  encdec_kernel.call "other" (%x#1 : read row_panels) split rows weights [] cost <> {} : (!rows) -> ()
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "kind"
  encdec_kernel.call "kind" (%x#1 : update row_panels) split row_panels 2 weights [] cost <> {} : (!rows) -> ()
  // CHECK-NEXT: return
  return
}

!cache = !encdec.cache<2x16>
// CHECK-LABEL: func.func @handles
func.func @handles(%c: !cache {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>},
                   %d: !cache {encdec.arg = "cache.1", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}) attributes {encdec.entry = "step"} {
  // CHECK: call "append"
  encdec_kernel.call "append" (%c : write row_heads) split row_heads 2 weights [] cost <> {} : (!cache) -> ()
  // CHECK-NEXT: call "attend"
  encdec_kernel.call "attend" (%c : read row_heads) split row_heads 2 weights [] cost <> {} : (!cache) -> ()
  // CHECK-NEXT: call "other"
  encdec_kernel.call "other" (%d : write rows) split rows weights [] cost <> {} : (!cache) -> ()
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "all"
  encdec_kernel.call "all" (%c : read all) split rows weights [] cost <> {} : (!cache) -> ()
  // What is read may not be written yet.
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "append"
  encdec_kernel.call "append" (%c : write row_heads) split row_heads 2 weights [] cost <> {} : (!cache) -> ()
  // CHECK-NEXT: return
  return
}

// CHECK-LABEL: func.func @single
func.func @single() attributes {encdec.entry = "step"} {
  // Of one panel a row each, the unit is the row.
  // CHECK: call "a"
  %x = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: call "panel"
  encdec_kernel.call "panel" (%x : update row_panels) split row_panels weights [] cost <> {} : (!rows) -> ()
  // All rows of one head may be one worker's.
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "head"
  encdec_kernel.call "head" (%x : update row_heads) split row_heads weights [] cost <> {} : (!rows) -> ()
  // CHECK-NEXT: return
  return
}

!lists = tensor<?x64xf32>
// CHECK-LABEL: func.func @workers
func.func @workers() attributes {encdec.entry = "step"} {
  // A worker's own copies, and what one worker writes, need none whatever the split.
  // CHECK: call "a"
  %own, %count = encdec_kernel.call "a" () to scratch <per_row = 256> : update own, output "count" : write one split panels 2 weights [] cost <> {} : () -> (!lists, i64)
  // CHECK-NEXT: call "b"
  encdec_kernel.call "b" (%own : update own, %count : update one) split data weights [] cost <> {} : (!lists, i64) -> ()
  // All copies of a row.
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "merge"
  encdec_kernel.call "merge" (%own : update rows) split rows weights [] cost <> {} : (!lists) -> ()
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "b"
  encdec_kernel.call "b" (%own : update own, %count : update one) split data weights [] cost <> {} : (!lists, i64) -> ()
  // CHECK-NEXT: return
  return
}

// CHECK-LABEL: func.func @outputs
func.func @outputs() attributes {encdec.entry = "step"} {
  // CHECK: call "a"
  %a = encdec_kernel.call "a" () to output "logits" : write panels split panels 2 weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: call "b"
  %b = encdec_kernel.call "b" () to output "tokens" : write rows split rows weights [] cost <> {} : () -> !rows
  // Another value, but the caller has one place for both.
  // CHECK-NEXT: call "c"
  %c = encdec_kernel.call "c" () to output "logits" : write panels split panels 2 weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: barrier
  // CHECK-NEXT: call "d"
  %d = encdec_kernel.call "d" () to output "logits" : write rows split rows weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: return
  return
}

// Calls of functions that are no entries are left alone.
// CHECK-LABEL: func.func @helper
func.func @helper() {
  // CHECK: call "a"
  %x = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  // CHECK-NEXT: call "b"
  encdec_kernel.call "b" (%x : read all) split rows weights [] cost <> {} : (!rows) -> ()
  return
}
