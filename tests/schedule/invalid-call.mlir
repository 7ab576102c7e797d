// What the verifier of a call and of its attributes refuses, one case for each number.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics

!rows = tensor<?x32xf32>
func.func @call_c1_accesses() {
  // expected-error @below {{expected an access for each operand and result and a buffer for each result, but got 0 accesses and 1 buffers of 0 operands and 1 results}}
  %a = "encdec_kernel.call"() <{kernel = "a", serves = "a", accesses = [], buffers = [#encdec_kernel<buffer arena <per_row = 128>>], split = #encdec_kernel<split rows>, weights = [], cost = #encdec_kernel.cost<>, config = {}}> : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c1_buffers() {
  // expected-error @below {{but got 1 accesses and 0 buffers of 0 operands and 1 results}}
  %a = "encdec_kernel.call"() <{kernel = "a", serves = "a", accesses = [#encdec_kernel<access write rows>], buffers = [], split = #encdec_kernel<split rows>, weights = [], cost = #encdec_kernel.cost<>, config = {}}> : () -> !rows
  return
}

// -----

func.func @call_c1_kinds() {
  // expected-error @below {{expected an access for each operand and result and a buffer for each result}}
  "encdec_kernel.call"() <{kernel = "a", serves = "a", accesses = [], buffers = [], split = #encdec_kernel<split rows>, weights = ["w"], cost = #encdec_kernel.cost<>, config = {}}> : () -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c2() {
  // expected-error @below {{result #0: expected it to be written or updated, but got read}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : read rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c3() {
  // expected-error @below {{result #0: expected a written part that no other worker has (own, one or panels), but got rows}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split panels 2 weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c3_all() {
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{operand #0: expected a written part that no other worker has (own, one or rows), but got all}}
  encdec_kernel.call "b" (%a : update all) split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c3_data() {
  // Units that are counted while the call runs are nobody's.
  // expected-error @below {{result #0: expected a written part that no other worker has (own or one), but got data}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write data split data weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c4() {
  // expected-error @below {{result #0: expected a value in scratch, of which workers have their own}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write own split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

func.func @call_c4_handle(%cache: !encdec.cache<2x16> {encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}) {
  // expected-error @below {{operand #0: expected a value in scratch, of which workers have their own}}
  encdec_kernel.call "a" (%cache : write own) split rows weights [] cost <> {} : (!encdec.cache<2x16>) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c5() {
  // expected-error @below {{result #0: expected panels from less than 2 on, but got panels from 2}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write panels from 2 split panels 2 weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c5_negative() {
  // expected-error @below {{result #0: expected panels from less than 2 on, but got panels from -1}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write panels from -1 split panels 2 weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c5_part() {
  // expected-error @below {{result #0: expected panels from less than 3 on, but got row_panels from 2}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write row_panels from 2 split row_panels 3 weights [] cost <> {} : () -> !rows
  return
}

// -----

func.func @call_c6(%ids: tensor<?xi32> {encdec.arg = "rows"}) {
  // expected-error @below {{operand #0: expected the entry's argument "positions"}}
  encdec_kernel.call "a" (%ids : input "positions") split rows weights [] cost <> {} : (tensor<?xi32>) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c6_result() {
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows weights [] cost <> {} : () -> !rows
  // expected-error @below {{operand #0: expected the entry's argument "tokens"}}
  encdec_kernel.call "b" (%a : input "tokens") split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

func.func @call_c6_written(%ids: tensor<?xi32> {encdec.arg = "rows"}) {
  // expected-error @below {{operand #0: expected an input or a handle of the entry}}
  encdec_kernel.call "a" (%ids : write rows) split rows weights [] cost <> {} : (tensor<?xi32>) -> ()
  return
}

// -----

// What is written elsewhere in the call is no input, of which no one keeps account.
func.func @call_c6_handle(%cache: !encdec.cache<2x16> {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 256>}) {
  // expected-error @below {{operand #0: expected a handle to be read, written or updated, but got input}}
  encdec_kernel.call "a" (%cache : input "cache.0") split rows weights [] cost <> {} : (!encdec.cache<2x16>) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @call_c7(%x: !rows) {
  %c = builtin.unrealized_conversion_cast to !rows
  // expected-error @below {{operand #0: expected an argument of the entry or the result of a call}}
  encdec_kernel.call "a" (%c : read rows) split rows weights [] cost <> {} : (!rows) -> ()
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @split_kind() {
  // expected-error @below {{expected units that work can be split into, but got own}}
  %a = encdec_kernel.call "a" () to scratch <fixed = 128> : write own split own weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @split_count() {
  // expected-error @below {{expected a positive count of units, but got 0}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write panels split panels 0 weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @split_count_of_rows() {
  // expected-error @below {{expected no count of units that are rows, but got 2}}
  %a = encdec_kernel.call "a" () to arena <per_row = 128> : write rows split rows 2 weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @size_fixed() {
  // expected-error @below {{parameter 'size'}}
  // expected-error @below {{expected a formula that is never negative and always a multiple of 64, but got 32 + 0 * keys + 0 * rows}}
  %a = encdec_kernel.call "a" () to scratch <fixed = 32> : write own split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @size_per_key() {
  // expected-error @below {{parameter 'size'}}
  // expected-error @below {{but got 0 + 2 * keys + 0 * rows}}
  %a = encdec_kernel.call "a" () to scratch <per_key = 2> : write own split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @size_negative() {
  // expected-error @below {{parameter 'place'}}
  // expected-error @below {{but got 0 + 0 * keys + -64 * rows}}
  %a = encdec_kernel.call "a" () to arena <per_row = 64> at <per_row = -64> : write rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @unknown_mode() {
  // expected-error @below {{parameter 'mode'}}
  // expected-error @below {{expected one of [read, write, update, input] for what a kernel does with a value, got: reads}}
  %a = encdec_kernel.call "a" () to arena <per_row = 64> : reads rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @unknown_part() {
  // expected-error @below {{for which elements of a value a worker touches, got: columns}}
  %a = encdec_kernel.call "a" () to arena <per_row = 64> : write columns split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @unknown_space() {
  // expected-error @below {{parameter 'space'}}
  // expected-error @below {{expected one of [arena, scratch, output] for where a value lies, got: stack}}
  %a = encdec_kernel.call "a" () to stack <per_row = 64> : write rows split rows weights [] cost <> {} : () -> !rows
  return
}

// -----

!rows = tensor<?x32xf32>
func.func @unknown_split() {
  // expected-error @below {{parameter 'kind'}}
  // expected-error @below {{for which elements of a value a worker touches, got: columns}}
  %a = encdec_kernel.call "a" () to arena <per_row = 64> : write rows split columns weights [] cost <> {} : () -> !rows
  return
}

// -----

// C8
func.func @c8_rows() {
  // expected-error @below {{result #0: expected a buffer with room for 'tensor<?x32xf32>', 128 bytes a row or key, but got #encdec_kernel.size<per_row = 64>}}
  %a = encdec_kernel.call "a" () to arena <per_row = 64> : write rows split rows weights [] cost <> {} : () -> tensor<?x32xf32>
  return
}

// -----

func.func @c8_fixed() {
  // expected-error @below {{result #1: expected a buffer with room for 'tensor<2x32xf32>', 256 bytes, but got #encdec_kernel.size<fixed = 192, per_row = 256>}}
  %a:2 = encdec_kernel.call "a" () to scratch <per_key = 128> : write own, scratch <fixed = 192, per_row = 256> : write own split rows weights [] cost <> {} : () -> (tensor<4x?x8xf32>, tensor<2x32xf32>)
  return
}

// -----

func.func @c8_two_dynamic() {
  // expected-error @below {{result #0: expected a buffer with room for 'tensor<?x?xf32>'}}
  %a = encdec_kernel.call "a" () to arena <per_row = 64> : write rows split rows weights [] cost <> {} : () -> tensor<?x?xf32>
  return
}
