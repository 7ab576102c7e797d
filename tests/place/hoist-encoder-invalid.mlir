// RUN: encdec-opt %s -split-input-file --encdec-hoist-encoder -verify-diagnostics
// An op that cannot be hoisted is an error with a code that names the op.

// There is no encode to move to.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
// expected-error @below {{not hoistable [no-encode]: expected a function with encdec.entry = "encode" to move to, but found none}}
func.func @step(%memory: !enc {encdec.arg = "memory"}) attributes {encdec.entry = "step"} {
  return
}

// -----

// What encode returns is not what step takes.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
// expected-error @below {{not hoistable [encode-result]: expected encode to be one block that returns the one tensor that step takes as "memory", 'tensor<?x4xf32, #encdec.side<encoder>>'}}
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> (!enc, !enc) attributes {encdec.entry = "encode"} {
  return %x, %x : !enc, !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  return %q : !dec
}

// -----

// There are two ways out of encode.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
// expected-error @below {{not hoistable [encode-result]}}
func.func @encode(%x: !enc, %yes: i1, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  cf.cond_br %yes, ^a, ^b
^a:
  %y = encdec.activation %x {kind = relu} : !enc
  return %y : !enc
^b:
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  return %q : !dec
}

// -----

// Nothing says where the sources start.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
// expected-error @below {{not hoistable [no-offsets]: expected an argument with encdec.arg = "offsets"}}
func.func @encode(%x: !enc) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  return %q : !dec
}

// -----

// The encoder's output itself as keys: nothing projects it.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  // expected-error @below {{'encdec.cross_attention' op not hoistable [not-projected]: cannot be freed from the encoder's output: expected operand #1 to be a linear's keys or values}}
  %c = encdec.cross_attention %q, %memory, %memory of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}

// -----

// Keys are projected, values are not: the values are named.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @wide : tensor<8x4xf32> = #encdec.seeded<2, 1.0>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  %k = encdec.linear %memory, @w : !enc -> !enc
  // expected-note @below {{the operand is made here}}
  %v = encdec.activation %memory {kind = relu} : !enc
  // expected-error @below {{[not-projected]: cannot be freed from the encoder's output: expected operand #2}}
  %c = encdec.cross_attention %q, %k, %v of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}

// -----

// A reader that is no attention.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @wide : tensor<8x4xf32> = #encdec.seeded<2, 1.0>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> (!dec, !enc) attributes {encdec.entry = "step"} {
  // expected-note @below {{the operand is made here}}
  %k = encdec.linear %memory, @w : !enc -> !enc
  %v = encdec.linear %memory, @w : !enc -> !enc
  %c = encdec.cross_attention %q, %k, %v of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  // expected-error @below {{'func.return' op not hoistable [not-projected]: cannot be freed from the encoder's output: expected operand #1}}
  return %c, %k : !dec, !enc
}

// -----

// memory_project has one input.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @wide : tensor<8x4xf32> = #encdec.seeded<2, 1.0>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  // expected-note @below {{keys are projected here}}
  %k = encdec.linear %memory, @w : !enc -> !enc
  %a = encdec.activation %memory {kind = relu} : !enc
  // expected-note @below {{values are projected here}}
  %v = encdec.linear %a, @w : !enc -> !enc
  // expected-error @below {{not hoistable [different-inputs]: expected keys and values to be projected from one value, but got two}}
  %c = encdec.cross_attention %q, %k, %v of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}

// -----

// A memory has one head size.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
!wide = tensor<?x8xf32, #encdec.side<encoder>>
!scores = tensor<2x?x?xf32, #encdec.side<decoder>>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @wide : tensor<8x4xf32> = #encdec.seeded<2, 1.0>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> tensor<?x8xf32, #encdec.side<decoder>> attributes {encdec.entry = "step"} {
  %k = encdec.linear %memory, @w : !enc -> !enc
  %v = encdec.linear %memory, @wide : !enc -> !wide
  %s = encdec.scores %q, %k of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p = encdec.softmax %s : !scores
  // expected-error @below {{not hoistable [width-mismatch]: expected values of the keys' width 4, but got 8}}
  %c = encdec.context %p, %v of %sources in %offsets {heads = 2} : !scores, !wide
  return %c : tensor<?x8xf32, #encdec.side<decoder>>
}

// -----

// Other segments than the sources that encode is given.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @wide : tensor<8x4xf32> = #encdec.seeded<2, 1.0>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  %k = encdec.linear %memory, @w : !enc -> !enc
  %v = encdec.linear %memory, @w : !enc -> !enc
  // expected-error @below {{not hoistable [other-offsets]: expected operand #4 to be the argument with encdec.arg = "offsets"}}
  %c = encdec.cross_attention %q, %k, %v of %sources in %sources {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}

// -----

// A second tensor of the encoder.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @wide : tensor<8x4xf32> = #encdec.seeded<2, 1.0>
// expected-error @below {{not hoistable [encoder-argument]: expected no tensor of the encoder among step's arguments, but argument 3 is 'tensor<?x4xf32, #encdec.side<encoder>>'}}
func.func @step(%q: !dec, %sources: !index, %offsets: !index, %x: !enc) -> !dec attributes {encdec.entry = "step"} {
  return %q : !dec
}

// -----

// An op that depends on the memory alone, behind its handle.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
func.func @step(%q: !dec, %sources: !index, %memory: !encdec.memory<2x2>) -> !dec attributes {encdec.entry = "step"} {
  %k, %v, %o = encdec.memory_read %memory : !encdec.memory<2x2>
  // expected-error @below {{'encdec.activation' op not hoistable [encoder-alone]: depends on the encoder's output alone, but stands in step; project what it computes in encode}}
  %k2 = encdec.activation %k {kind = relu} : !enc
  %c = encdec.cross_attention %q, %k2, %v of %sources in %o {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}
