// RUN: encdec-opt %s --encdec-lower --split-input-file --verify-diagnostics
// RUN: not encdec-opt %S/lower.mlir --encdec-schedule --encdec-lower=level=v9 2>&1 | FileCheck %s --check-prefix=LEVEL
// RUN: not encdec-opt %S/lower.mlir --encdec-select-kernels=target=abacus 2>&1 | FileCheck %s --check-prefix=TARGET

// RUN: not encdec-opt %S/lower.mlir --encdec-select-kernels=tuning=speed=9 2>&1 | FileCheck %s --check-prefix=CHOICE
// RUN: not encdec-opt %S/lower.mlir --encdec-select-kernels=tuning=worker-rows=0 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not encdec-opt %S/lower.mlir --encdec-schedule --encdec-lower=kernel=line 2>&1 | FileCheck %s --check-prefix=KERNEL

// Errors carry a code, and say which pass to run.

// KERNEL: not lowerable [not-called]: the entries call no kernel 'line'; they call embed_16_f32_3f800000, linear_16_f32x16,
// TARGET: unknown target 'abacus' [unknown-target]: known are cpu
// CHOICE: unknown choice 'speed' [unknown-choice]: target cpu has repeated-rows worker-rows
// RANGE: choice [choice-range]: expected worker-rows to be a number from 1 to 4096, but got '0'
// LEVEL: unknown level 'v9' [unknown-level]: target cpu has v3 v3-avxvnni v4 v4-vnni neon

// expected-error @below {{not lowerable [not-selected]: expected encdec_kernel.target to name a target; run encdec-select-kernels}}
module {
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  // expected-error @below {{not lowerable [no-entry]: expected encdec.entry}}
  func.func @other() {
    return
  }
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}) attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [not-placed]: result #0 has no place; run encdec-plan-memory}}
    %0 = encdec_kernel.call "activation" () to arena <per_row = 64> : write rows split rows weights [] cost <> {width = 16 : i64, activation = #encdec.activation_kind<relu>} : () -> tensor<?x16xf32>
    return
  }
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step() attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [offset]: expected a non-negative multiple of 64, but got 60}}
    encdec_kernel.call "quantize" () split rows weights [#encdec_kernel.weight<@w, "f32", offsets = [60], bytes = 4, reads = whole>] cost <> {inputs = 16 : i64} : () -> ()
    return
  }
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step() attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [too-large]: a table entry is 4294967296, expected less than 2^31}}
    encdec_kernel.call "quantize" () split rows weights [#encdec_kernel.weight<@w, "f32", offsets = [274877906944], bytes = 4, reads = whole>] cost <> {inputs = 16 : i64} : () -> ()
    return
  }
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step() attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [not-selected]: expected kernel calls and barriers; run encdec-select-kernels}}
    %c = arith.constant 0 : i64
    return
  }
}

// -----

// Memories and caches of the two entries are matched by name.

module attributes {encdec_kernel.target = "cpu"} {
  // expected-error @below {{schedule [handles]: argument #0 is a "cache" without encdec.arg}}
  func.func @step(%c: !encdec.cache<2x8> {encdec_kernel.handle = #encdec_kernel.handle<"cache", 192>}) attributes {encdec.entry = "step"} {
    return
  }
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  // expected-error @below {{expected one argument with encdec.arg = "cache.0" but got arguments 0 and 1}}
  func.func @step(%c: !encdec.cache<2x8> {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 192>}, %d: !encdec.cache<2x8> {encdec.arg = "cache.0", encdec_kernel.handle = #encdec_kernel.handle<"cache", 192>}) attributes {encdec.entry = "step"} {
    return
  }
}

// -----

// As many bytes, in another layout.

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step(%m: !encdec.memory<1x32> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "step"} {
    return
  }
  // expected-error @below {{schedule [handles]: argument "memory.0" is '!encdec.memory<2x16>' with #encdec_kernel.handle<"memory", 256> here, but '!encdec.memory<1x32>' with #encdec_kernel.handle<"memory", 256> in another entry}}
  func.func @encode(%m: !encdec.memory<2x16> {encdec.arg = "memory.0", encdec_kernel.handle = #encdec_kernel.handle<"memory", 256>}) attributes {encdec.entry = "encode"} {
    return
  }
}
