// RUN: encdec-opt %s --encdec-lower --split-input-file --verify-diagnostics

// Errors carry a code, and say which pass to run.

// expected-error @below {{not lowerable [no-entry]: expected encdec.entry}}
func.func @other() {
  return
}

// -----

encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @not_placed(%tokens: tensor<?xi32, #encdec.side<encoder>>, %positions: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  // expected-error @below {{not lowerable [not-placed]: result #0 has no entry in encdec.place; run encdec-plan-memory}}
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x16xf32, #encdec.side<encoder>>
  return
}

// -----

// expected-note @below {{the weight is here}}
encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5>
func.func @not_packed(%tokens: tensor<?xi32, #encdec.side<encoder>>, %positions: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  // expected-error @below {{not lowerable [not-packed]: a weight has no offset; run encdec-pack-weights}}
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} {encdec.place = array<i64: 0>} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x16xf32, #encdec.side<encoder>>
  return
}

// -----

encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @decomposed(%tokens: tensor<?xi32, #encdec.side<encoder>>, %positions: tensor<?xi32>, %rows: tensor<?xi32>, %offsets: tensor<?xi32>) attributes {encdec.entry = "encode"} {
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} {encdec.place = array<i64: 0>} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x16xf32, #encdec.side<encoder>>
  // expected-error @below {{not lowerable [decomposed-attention]: kernels exist for whole attentions only; run encdec-fuse-attention}}
  %s = encdec.scores %x, %x of %rows in %offsets {heads = 2, scale = 0.25} : tensor<?x16xf32, #encdec.side<encoder>>, tensor<?x16xf32, #encdec.side<encoder>>
  return
}

// -----

encdec.weight @table : tensor<40x16xf32> = #encdec.seeded<1, 0.5> {layout = #encdec.packed, offset = 0 : i64}
func.func @result(%tokens: tensor<?xi32, #encdec.side<encoder>>, %positions: tensor<?xi32>) -> tensor<?x16xf32, #encdec.side<encoder>> attributes {encdec.entry = "encode"} {
  %x = encdec.embed %tokens at %positions, @table {scale = 1.0} {encdec.place = array<i64: 0>} : tensor<?xi32, #encdec.side<encoder>> -> tensor<?x16xf32, #encdec.side<encoder>>
  // expected-error @below {{not lowerable [result]}}
  return %x : tensor<?x16xf32, #encdec.side<encoder>>
}

// -----

// expected-error @below {{not lowerable [encoder-output-argument]: argument #0 holds activations}}
func.func @argument(%memory: tensor<?x16xf32, #encdec.side<encoder>>) attributes {encdec.entry = "step"} {
  return
}

// -----

module attributes {encdec.memory_plan = {key_type = "f32"}} {
  // expected-error @below {{not lowerable [key-type]: argument #1 stores keys and values as 'bf16', but memory was planned for f32; run encdec-plan-memory after encdec-narrow-keys}}
  func.func @narrowed_too_late(%past: tensor<?x?xi32>, %cache: !encdec.cache<2x8, bf16>) attributes {encdec.entry = "step"} {
    return
  }
}
