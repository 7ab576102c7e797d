// RUN: encdec-opt %s -split-input-file --encdec-lower --verify-diagnostics

// What is folded into a kernel's body: missing, or of another type. ConfigTest.cpp in
// tests/schedule goes through all kernels.

!rows = tensor<?x32xf32>
module attributes {encdec_kernel.target = "cpu"} {
  func.func @step() attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [config]: expected a size called 'inputs' for kernel 'quantize', but got {inputs = 0 : i64}}}
    encdec_kernel.call "quantize" () split rows weights [] cost <> {inputs = 0} : () -> ()
    return
  }
}

// -----

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step() attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [config]: expected a weight of a known format in slot 0 of kernel 'linear'}}
    encdec_kernel.call "linear" () split panels 2 weights [] cost <> {inputs = 32, outputs = array<i64: 32>} : () -> ()
    return
  }
}
