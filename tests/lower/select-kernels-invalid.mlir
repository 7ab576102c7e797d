// RUN: encdec-opt %s --encdec-select-kernels --split-input-file --verify-diagnostics

// Two functions that are the same entry: one of them would be taken in silence.

// expected-note @below {{the other one is here}}
func.func @step() attributes {encdec.entry = "step"} {
  return
}
// expected-error @below {{not lowerable [entry-twice]: expected one function with encdec.entry = "step", but got two}}
func.func @step_again() attributes {encdec.entry = "step"} {
  return
}

// -----

// A memory that encode takes and leaves as it is: step would read what nobody wrote.

!d = tensor<?x16xf32, #encdec.side<decoder>>
!e = tensor<?x16xf32, #encdec.side<encoder>>
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @encode(%m: !encdec.memory<2x8> {encdec.arg = "memory.0"}) attributes {encdec.entry = "encode"} {
  return
}
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"}, %p: tensor<?xi32> {encdec.arg = "positions"}, %s: tensor<?xi32> {encdec.arg = "sources"}, %m: !encdec.memory<2x8> {encdec.arg = "memory.0"}) attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %p, @table {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x8>
  // expected-error @below {{not lowerable [unwritten-memory]: expected encode to write "memory.0", which this call reads, but no op there does}}
  %a = encdec.cross_attention %x, %k, %v of %s in %o {heads = 2, scale = 0.25} : !d, !e, !e
  return
}
