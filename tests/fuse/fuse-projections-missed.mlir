// RUN: encdec-opt %s --encdec-fuse-projections --remarks-filter=fuse-projections -o %t 2>&1 \
// RUN:   | FileCheck %s --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// RUN: FileCheck %s --check-prefix=IR --input-file=%t
// Each function is named after the code that says why its linears stay apart.

!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @q.w : tensor<4x4xf32> = #encdec.seeded<1, 0.5>
encdec.weight @k.w : tensor<4x4xf32> = #encdec.seeded<2, 0.5>
encdec.weight @v.w : tensor<4x4xf32> = #encdec.seeded<3, 0.5>
encdec.weight @b : tensor<4xf32> = #encdec.seeded<4, 0.5>

// IR-NOT: encdec.linear %{{.*}}, [@q.w

// CHECK: [Missed] no-linear | {{.*}}Function=no_linear | {{.*}}Reason="expected the value from encdec.linear"
func.func @no_linear(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w : !enc -> !enc
  %k = encdec.linear %x, @k.w : !enc -> !enc
  %c = encdec.self_attention %q, %k, %x of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  return %c : !enc
}

// CHECK: [Missed] variadic-linear | {{.*}}Function=variadic_linear | Blocker="encdec.linear{{( [^ ]+)?}} at
func.func @variadic_linear(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w : !enc -> !enc
  %k, %v = encdec.linear %x, [@k.w, @v.w] : !enc -> !enc, !enc
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  return %c : !enc
}

// CHECK: [Missed] shared-linear | {{.*}}Function=shared_linear |
func.func @shared_linear(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w : !enc -> !enc
  %k = encdec.linear %x, @k.w : !enc -> !enc
  %c = encdec.self_attention %q, %k, %k of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  return %c : !enc
}

// CHECK: [Missed] different-input | {{.*}}Function=different_input |
func.func @different_input(%x: !enc, %y: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w : !enc -> !enc
  %k = encdec.linear %y, @k.w : !enc -> !enc
  %v = encdec.linear %y, @v.w : !enc -> !enc
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  return %c : !enc
}

// Whisper's keys have no bias, its queries and values have one.
// CHECK: [Missed] bias-mismatch | {{.*}}Function=bias_mismatch | {{.*}}Remedy="give the one without a bias of zeros"
func.func @bias_mismatch(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w, @b : !enc -> !enc
  %k = encdec.linear %x, @k.w : !enc -> !enc
  %v = encdec.linear %x, @v.w, @b : !enc -> !enc
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  return %c : !enc
}

// CHECK: [Missed] no-append | {{.*}}Function=no_append | Blocker="encdec.cache_read{{( [^ ]+)?}} at
func.func @no_append(%x: !dec, %cache: !encdec.cache<2x2>, %ancestors: tensor<?x?xi32>, %positions: !index) -> !dec {
  %q = encdec.linear %x, @q.w : !dec -> !dec
  %ks, %vs, %offsets, %rows = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x2>
  %c = encdec.self_attention %q, %ks, %vs of %rows in %offsets causal at %positions {heads = 2, scale = 0.5} : !dec, !dec, !dec
  return %c : !dec
}

// CHECK: [Missed] several-appends | {{.*}}Function=several_appends | Blocker="encdec.cache_append{{( [^ ]+)?}} at
func.func @several_appends(%x: !dec, %cache: !encdec.cache<2x2>, %ancestors: tensor<?x?xi32>, %positions: !index) -> !dec
    attributes {encdec.entry = "step"} {
  %q = encdec.linear %x, @q.w : !dec -> !dec
  %k = encdec.linear %x, @k.w : !dec -> !dec
  %v = encdec.linear %x, @v.w : !dec -> !dec
  encdec.cache_append %cache, %k, %v of %ancestors at %positions : !encdec.cache<2x2>, !dec, !dec
  encdec.cache_append %cache, %v, %k of %ancestors at %positions : !encdec.cache<2x2>, !dec, !dec
  %ks, %vs, %offsets, %rows = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x2>
  %c = encdec.self_attention %q, %ks, %vs of %rows in %offsets causal at %positions {heads = 2, scale = 0.5} : !dec, !dec, !dec
  return %c : !dec
}

// Keys and values are projected on one of two paths, queries on both.
// CHECK: [Missed] different-blocks | {{.*}}Function=different_blocks | Blocker="encdec.linear{{( [^ ]+)?}} at
func.func @different_blocks(%x: !enc, %rows: !index, %offsets: !index, %c: i1) -> !enc {
  %twice = encdec.add %x, %x : !enc, !enc
  %q = encdec.linear %x, @q.w : !enc -> !enc
  %y = scf.if %c -> !enc {
    %k = encdec.linear %x, @k.w : !enc -> !enc
    %v = encdec.linear %x, @v.w : !enc -> !enc
    %a = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
    scf.yield %a : !enc
  } else {
    scf.yield %q : !enc
  }
  return %y : !enc
}

// CHECK: [Missed] attention-not-fused | {{.*}}Function=attention_not_fused |
func.func @attention_not_fused(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w : !enc -> !enc
  %k = encdec.linear %x, @k.w : !enc -> !enc
  %v = encdec.linear %x, @v.w : !enc -> !enc
  %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc
  %p = encdec.softmax %s : tensor<2x?x?xf32, #encdec.side<encoder>>
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : tensor<2x?x?xf32, #encdec.side<encoder>>, !enc
  return %c : !enc
}
