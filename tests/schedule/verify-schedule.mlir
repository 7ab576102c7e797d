// What a proof of a schedule takes, and what it refuses: S1 to S4.
// RUN: encdec-opt %s -split-input-file --encdec-verify-schedule -verify-diagnostics

!rows = tensor<?x32xf32>
func.func @accepted() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 256>, encdec_kernel.scratch = #encdec_kernel.size<fixed = 64, per_row = 128>} {
  %a, %t = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write panels, scratch <per_row = 128> at <fixed = 64> : update own split panels 2 weights [] cost <> {} : () -> (!rows, !rows)
  // In the place of a temporary, whose owners are the same.
  %b, %u = encdec_kernel.call "b" (%a : read panels) to arena <per_row = 128> at <per_row = 128> : update panels, scratch <per_row = 128> at <> : update own split panels 2 weights [] cost <> {} : (!rows) -> (!rows, !rows)
  %c = encdec_kernel.call "c" (%a : read panels) to arena <per_row = 128> at <per_row = 128> : update panels split panels 2 weights [] cost <> {} : (!rows) -> !rows
  encdec_kernel.barrier
  // Over a value that nobody needs any more.
  %d = encdec_kernel.call "d" (%c : read all) to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : (!rows) -> !rows
  return
}

// -----

// Functions that are no entries have no schedule.
func.func @helper(%n: i1) {
  cf.br ^next
^next:
  return
}

// -----

// expected-error @below {{schedule [S1]: expected one block, but got 2}}
func.func @s1_blocks() attributes {encdec.entry = "step"} {
  cf.br ^next
^next:
  return
}

// -----

!rows = tensor<?x32xf32, #encdec.side<decoder>>
func.func @s1_op(%x: !rows) attributes {encdec.entry = "step"} {
  // expected-error @below {{schedule [S1]: expected kernel calls and barriers only}}
  %y = encdec.activation %x {kind = relu} : !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s2_no_place() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>} {
  // expected-error @below {{schedule [S2]: result #0 has no place; run encdec-plan-memory}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s2_not_stated() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>} {
  // expected-error @below {{schedule [S2]: result #1 has no place; run encdec-plan-memory}}
  %a:2 = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write rows, scratch <fixed = 64> at <> : write own split rows weights [] cost <> {} : () -> (!rows, tensor<16xf32>)
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s2_beyond() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>} {
  // expected-error @below {{schedule [S2]: result #0 ends at #encdec_kernel.size<per_row = 192>, but the entry states #encdec_kernel.size<per_row = 128>}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <per_row = 64> : write rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

// No number of keys is enough rows.
!rows = tensor<?x32xf32>
func.func @s2_formula() attributes {encdec.entry = "step", encdec_kernel.scratch = #encdec_kernel.size<per_row = 1024>} {
  // expected-error @below {{schedule [S2]: result #0 ends at #encdec_kernel.size<per_key = 16>, but the entry states #encdec_kernel.size<per_row = 1024>}}
  %a = encdec_kernel.call "a" () to scratch <per_key = 16> at <> : write own split rows weights [] cost <> {} : () -> tensor<4x?xf32>
  return
}

// -----

// Code finds what lies in the arena by its bytes per row alone.
!rows = tensor<?x32xf32>
func.func @s2_arena() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<fixed = 64, per_row = 128>} {
  // expected-error @below {{schedule [S2]: result #0 ends at #encdec_kernel.size<fixed = 64, per_row = 128>, expected bytes per row alone, by which the arena is laid out, or a value of keys alone behind them}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <fixed = 64> : write rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

// Behind a value of keys there is none of rows.
!rows = tensor<?x32xf32>
func.func @s2_rows_behind_keys() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_key = 8, per_row = 128>} {
  %b = encdec_kernel.call "b" () to arena <per_key = 8> at <> : write one split rows weights [] cost <> {} : () -> tensor<2x?xf32>
  // expected-error @below {{schedule [S2]: result #0 ends at #encdec_kernel.size<per_key = 8, per_row = 128>, expected bytes per row alone}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <per_key = 8> : write rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!cache = !encdec.cache<2x16>
// One place in the caches for both: no two arguments, as far as they are told apart.
// expected-error @below {{expected one argument with encdec.arg = "cache.0" but got arguments 0 and 1}}
func.func @handles(%c: !cache {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>},
                   %d: !cache {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}) attributes {encdec.entry = "step"} {
  encdec_kernel.call "a" (%c : write row_heads) split row_heads 2 weights [] cost <> {} : (!cache) -> ()
  encdec_kernel.call "b" (%d : read all) split rows weights [] cost <> {} : (!cache) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s3_read() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  // expected-note @below {{the other access is here}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: write rows and read all}}
  encdec_kernel.call "b" (%a : read all) split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

// Of the values in one call.
!rows = tensor<?x32xf32>
func.func @s3_one_call() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 256>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : () -> !rows
  encdec_kernel.barrier
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: read all and write rows}}
  // expected-note @below {{the other access is here}}
  %b = encdec_kernel.call "b" (%a : read all) to arena <per_row = 128> at <per_row = 64> : write rows split rows weights [] cost <> {} : (!rows) -> !rows
  return
}

// -----

!cache = !encdec.cache<2x16>
func.func @s3_handle(%c: !cache {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}) attributes {encdec.entry = "step"} {
  // expected-note @below {{the other access is here}}
  encdec_kernel.call "a" (%c : read all) split row_heads 2 weights [] cost <> {} : (!cache) -> ()
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: read all and write row_heads}}
  encdec_kernel.call "b" (%c : write row_heads) split row_heads 2 weights [] cost <> {} : (!cache) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s3_output() attributes {encdec.entry = "step"} {
  // expected-note @below {{the other access is here}}
  %a = encdec_kernel.call "a" () to output "logits" : write panels split panels 2 weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: write panels and write panels}}
  %b = encdec_kernel.call "b" () to output "logits" : write panels split panels 3 weights [] cost <> {} : () -> !rows
  return
}

// -----

// Panels of another type are other bytes of the same place.
!rows = tensor<?x32xf32>
func.func @s3_type() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  // expected-note @below {{the other access is here}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : update panels split panels 2 weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: update panels and update panels}}
  %b = encdec_kernel.call "b" () to arena <per_row = 128> at <> : update panels split panels 2 weights [] cost <> {} : () -> tensor<?x64xbf16>
  return
}

// -----

// And so are those of another place.
!rows = tensor<?x32xf32>
func.func @s3_place() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 192>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  // expected-note @below {{the other access is here}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : update panels split panels 2 weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: update panels and update panels}}
  %b = encdec_kernel.call "b" () to arena <per_row = 128> at <per_row = 64> : update panels split panels 2 weights [] cost <> {} : () -> !rows
  return
}

// -----

// All copies of a row, while their owners still write them.
!lists = tensor<?x64xf32>
func.func @s3_own() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<per_row = 256>} {
  // expected-note @below {{the other access is here}}
  %a = encdec_kernel.call "a" () to scratch <per_row = 256> at <> : update own split panels 2 weights [] cost <> {} : () -> !lists
  // expected-error @below {{schedule [S3]: two workers may touch the same bytes without a barrier between: update own and update rows}}
  encdec_kernel.call "b" (%a : update rows) split rows weights [] cost <> {} : (!lists) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s4() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 192>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  // expected-note @below {{the value is made here}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : () -> !rows
  encdec_kernel.barrier
  // expected-error @below {{schedule [S4]: writes over a value that is still needed}}
  %b = encdec_kernel.call "b" () to arena <per_row = 128> at <per_row = 64> : write rows split rows weights [] cost <> {} : () -> !rows
  encdec_kernel.barrier
  encdec_kernel.call "c" (%a : read rows) split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

// A call may write its result before it reads.
!rows = tensor<?x32xf32>
func.func @s4_in_place() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  // expected-note @below {{the value is made here}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S4]: writes over a value that is still needed}}
  %b = encdec_kernel.call "b" (%a : read rows) to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : (!rows) -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @s4_own() attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<fixed = 64, per_row = 128>} {
  // expected-note @below {{the value is made here}}
  %a = encdec_kernel.call "a" () to scratch <per_row = 128> at <> : update own split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S4]: writes over a value that is still needed}}
  %b = encdec_kernel.call "b" () to scratch <fixed = 64> at <> : update own split rows weights [] cost <> {} : () -> tensor<16xf32>
  encdec_kernel.call "c" (%a : read own) split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

// The caller's place for an output is one place, whoever writes there.
!rows = tensor<?x32xf32>
func.func @s4_output() attributes {encdec.entry = "step"} {
  // expected-note @below {{the value is made here}}
  %a = encdec_kernel.call "a" () to output "logits" : write rows split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S4]: writes over a value that is still needed}}
  %b = encdec_kernel.call "b" () to output "logits" : write rows split rows weights [] cost <> {} : () -> !rows
  encdec_kernel.call "c" (%a : read rows) split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

// Two entries have one memory in common, of one type.
func.func @handles_encode(%m: !encdec.memory<2x16> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "encode", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  return
}
func.func @handles_step(%m: !encdec.memory<2x16> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  return
}

// -----

// expected-error @below {{schedule [handles]: argument "memory.0" is '!encdec.memory<4x8>' with #encdec_kernel.handle<"memory", 256> here, but '!encdec.memory<2x16>' with #encdec_kernel.handle<"memory", 256> in another entry}}
func.func @handles_encode(%m: !encdec.memory<4x8> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "encode", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  return
}
func.func @handles_step(%m: !encdec.memory<2x16> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  return
}

// -----

// expected-error @below {{schedule [handles]: argument #0 is a "cache" without encdec.arg}}
func.func @handles_unnamed(%c: !encdec.cache<2x16> {encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}) attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  return
}

// -----

// A returned value is the caller's.
!rows = tensor<?x32xf32>
func.func @s2_returned() -> !rows attributes {encdec.entry = "step", encdec_kernel.arena = #encdec_kernel.size<per_row = 128>, encdec_kernel.scratch = #encdec_kernel.size<>} {
  %a = encdec_kernel.call "a" () to arena <per_row = 128> at <> : write rows split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{schedule [S2]: expected to return outputs alone, which the caller sees, but operand #0 lies in arena}}
  return %a : !rows
}
