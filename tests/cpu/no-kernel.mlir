// RUN: encdec-opt %s --encdec-lower --verify-diagnostics

// A call of a kernel that is not in the target's table.

module attributes {encdec_kernel.target = "cpu"} {
  func.func @step() attributes {encdec.entry = "step"} {
    // expected-error @below {{not lowerable [no-kernel]: target cpu has no kernel called 'dance'}}
    encdec_kernel.call "dance" () split rows weights [] cost <> {} : () -> ()
    return
  }
}
