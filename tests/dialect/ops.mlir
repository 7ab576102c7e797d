// Every op survives printing and parsing, pretty and generic, and prints under names.
// The generic form has numbers for names: what is read from it prints under the ops' own ones.
// RUN: encdec-opt %s | encdec-opt --mlir-print-op-generic | encdec-opt | FileCheck %s
// RUN: encdec-opt %s | encdec-opt | FileCheck %s --check-prefix=NAMES
// RUN: encdec-opt --mlir-print-op-generic %s | FileCheck %s --check-prefix=GENERIC

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>

// CHECK: encdec.weight @w : tensor<8x8xf16> = #encdec.file<"model.safetensors", 1234>
encdec.weight @w : tensor<8x8xf16> = #encdec.file<"model.safetensors", 1234>
// CHECK: encdec.weight @b : tensor<8xbf16> = #encdec.seeded<1, 5.000000e-01>
encdec.weight @b : tensor<8xbf16> = #encdec.seeded<1, 0.5>
// CHECK: encdec.weight @big : tensor<16x8xf16> = #encdec.seeded<2, 5.000000e-01> {format = "int8", layout = #encdec.packed, offset = 64 : i64, scale_offset = 256 : i64}
encdec.weight @all : tensor<16x8xf16> = #encdec.seeded<5, 5.000000e-01>
encdec.weight @all.sketch : tensor<16x8xf16> = #encdec.seeded<5, 5.000000e-01> {format = "int8"}
encdec.weight @big : tensor<16x8xf16> = #encdec.seeded<2, 0.5> {layout = #encdec.packed, format = "int8", offset = 64 : i64, scale_offset = 256 : i64}
// CHECK: encdec.weight @bias : tensor<8xf64> = #encdec.seeded<1, 5.000000e-01> {bans}
encdec.weight @bias : tensor<8xf64> = #encdec.seeded<1, 0.5> {bans}
// CHECK: encdec.weight @timing : tensor<32x8xf32> = #encdec.sinusoidal<formula = tensor2tensor, first = 2, blank = 1>
encdec.weight @timing : tensor<32x8xf32> = #encdec.sinusoidal<formula = tensor2tensor, first = 2, blank = 1>
// CHECK: encdec.weight @places : tensor<32x8xf32> = #encdec.sinusoidal{{$}}
encdec.weight @places : tensor<32x8xf32> = #encdec.sinusoidal
// CHECK: encdec.weight @scaled : tensor<8x8xf32> = #encdec.scaled<@w, 4.419400e-02>
encdec.weight @scaled : tensor<8x8xf32> = #encdec.scaled<@w, 0.044194>
// CHECK: encdec.weight @product : tensor<16x8xf32> = #encdec.product<@all, @scaled>
encdec.weight @product : tensor<16x8xf32> = #encdec.product<@all, @scaled>
// CHECK: encdec.weight @sum : tensor<16x8xf32> = #encdec.sum<@all, @product>
encdec.weight @sum : tensor<16x8xf32> = #encdec.sum<@all, @product>
// CHECK: encdec.weight @rows : tensor<3x8xf32> = #encdec.rows<@sum, 4, 7>
encdec.weight @rows : tensor<3x8xf32> = #encdec.rows<@sum, 4, 7>
// CHECK: encdec.weight @gathered : tensor<2x8xf32> = #encdec.gathered<@sum, [7, 2]>
encdec.weight @gathered : tensor<2x8xf32> = #encdec.gathered<@sum, [7, 2]>
// CHECK: encdec.weight @columns : tensor<3x2xf32> = #encdec.columns<@rows, 1, 3>
encdec.weight @columns : tensor<3x2xf32> = #encdec.columns<@rows, 1, 3>
// CHECK: encdec.weight @concat : tensor<11x8xf32> = #encdec.concat<[@rows, @w]> {format = "int8"}
encdec.weight @concat : tensor<11x8xf32> = #encdec.concat<[@rows, @w]> {format = "int8"}
// CHECK: encdec.weight @g : tensor<2xf32> = dense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>
encdec.weight @g : tensor<2xf32> = dense<[1.0, 2.0]> : tensor<2xf32>

encdec.weight @buckets : tensor<32x2xf32> = #encdec.seeded<6, 0.5>

// CHECK-LABEL: func.func @encode
// CHECK-SAME: encdec.arg = "tokens"
// CHECK-SAME: encdec.entry = "encode"
func.func @encode(%ids: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"}, %p: tensor<?xi32>, %m: !encdec.memory<2x4>)
    attributes {encdec.entry = "encode"} {
  // CHECK: %x = encdec.embed %arg0 at %arg1, @w, @places {scale = 1.600000e+01} : tensor<?xi32, #encoder> -> tensor<?x8xf32, #encoder>
  %x = encdec.embed %ids at %p, @w, @places {scale = 16.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // CHECK: encdec.embed %arg0 at %arg1, @w {scale = 1.000000e+00} :
  %x2 = encdec.embed %ids at %p, @w {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  // CHECK: %bias = encdec.relative_bias @buckets over %arg1 {max_distance = 128} : tensor<2x?xf32, #encoder>
  %b = encdec.relative_bias @buckets over %p {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  // CHECK: encdec.self_attention {{.*}} of %arg1 in %arg1 bias %bias at %arg1 {heads = 2, scale = 1.000000e+00} : tensor<?x8xf32, #encoder>, tensor<?x8xf32, #encoder>, tensor<?x8xf32, #encoder>, tensor<2x?xf32, #encoder>
  %sa = encdec.self_attention %x, %x, %x of %p in %p bias %b at %p {heads = 2, scale = 1.0} : !e, !e, !e, tensor<2x?xf32, #encdec.side<encoder>>
  // CHECK: encdec.memory_project %arg2, %x, key @w @b, value @w in %arg1 : !encdec.memory<2x4>, tensor<?x8xf32, #encoder>
  encdec.memory_project %m, %x, key @w @b, value @w in %p : !encdec.memory<2x4>, !e
  return
}

// CHECK-LABEL: func.func @step
// GENERIC-LABEL: sym_name = "step"
func.func @step(%y: !d, %i: tensor<?xi32>, %bias: tensor<?x16xf32>, %m: !encdec.memory<2x4>, %c: !encdec.cache<2x4>, %top: i64, %past: tensor<?x?xi32>)
    -> (!d, tensor<?x?xi32, #encdec.side<decoder>>) attributes {encdec.entry = "step"} {
  // CHECK: %y = encdec.linear %arg0, @w, @b : tensor<?x8xf32, #decoder> -> tensor<?x8xf32, #decoder>
  // GENERIC: "encdec.linear"({{.*}}) <{biases = [@b], weights = [@w]}>
  %q = encdec.linear %y, @w, @b : !d -> !d
  // CHECK: encdec.linear %arg0, [@w, @w], [@b, @b] :
  %q2, %k2 = encdec.linear %y, [@w, @w], [@b, @b] : !d -> !d, !d
  // CHECK: %key, %value, %offsets = encdec.memory_read %arg3 : !encdec.memory<2x4>
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x4>
  // CHECK: encdec.cache_append %arg4, {{.*}} of %arg6 at %arg1 : !encdec.cache<2x4>,
  encdec.cache_append %c, %q2, %k2 of %past at %i : !encdec.cache<2x4>, !d, !d
  // CHECK: , %rows = encdec.cache_read %arg4 of %arg6 to %arg1 : !encdec.cache<2x4>
  %ck, %cv, %co, %cr = encdec.cache_read %c of %past to %i : !encdec.cache<2x4>
  // CHECK: %scores = encdec.scores {{.*}} of %rows in %{{.*}} {heads = 2, scale = 5.000000e-01} :
  %s = encdec.scores %q, %ck of %cr in %co {heads = 2, scale = 0.5} : !d, !d
  // CHECK: %bias = encdec.relative_bias @buckets to %arg1 {max_distance = 128} : tensor<2x?xf32, #decoder>
  %rb = encdec.relative_bias @buckets to %i {max_distance = 128} : tensor<2x?xf32, #encdec.side<decoder>>
  // CHECK: encdec.scores {{.*}} bias %bias at %arg1 {heads = 2, scale = 1.000000e+00} : tensor<?x8xf32, #decoder>, tensor<?x8xf32, #decoder>, tensor<2x?xf32, #decoder>
  %bs = encdec.scores %q, %ck of %cr in %co bias %rb at %i {heads = 2, scale = 1.0} : !d, !d, tensor<2x?xf32, #encdec.side<decoder>>
  // CHECK: %masked = encdec.mask %scores at %arg1 : tensor<2x?x?xf32, #decoder>
  %ms = encdec.mask %s at %i : tensor<2x?x?xf32, #encdec.side<decoder>>
  // CHECK: %probs = encdec.softmax %masked :
  %pr = encdec.softmax %ms : tensor<2x?x?xf32, #encdec.side<decoder>>
  // CHECK: %context = encdec.context %probs, {{.*}} {heads = 2} :
  %ctx = encdec.context %pr, %cv of %cr in %co {heads = 2} : tensor<2x?x?xf32, #encdec.side<decoder>>, !d
  // CHECK: %sum = encdec.add %context, %arg0 :
  %z = encdec.add %ctx, %y : !d, !d
  // CHECK: %normed = encdec.norm %sum, @b, @b {eps = 9.99999974E-6} :
  %n = encdec.norm %z, @b, @b {eps = 1.0e-5} : !d
  // CHECK: encdec.norm %sum, @b {eps = 9.99999974E-6} :
  %n2 = encdec.norm %z, @b {eps = 1.0e-5, kind = layer} : !d
  // CHECK: encdec.norm %sum, @b {eps = 9.99999997E-7, kind = rms} :
  %n3 = encdec.norm %z, @b {eps = 1.0e-6, kind = rms} : !d
  // CHECK: encdec.norm %sum, @b, @b {eps = 9.99999997E-7, kind = rms} :
  %n4 = encdec.norm %z, @b, @b {eps = 1.0e-6, kind = rms} : !d
  // CHECK: encdec.activation %{{.*}} gated %normed {kind = silu} : tensor<?x8xf32, #decoder>
  %ga = encdec.activation %n2 gated %n {kind = silu} : !d
  // CHECK: %hidden{{.*}} = encdec.activation %normed {kind = gelu_tanh} :
  %a = encdec.activation %n {kind = gelu_tanh} : !d
  // CHECK: encdec.self_attention {{.*}} causal at %arg1 {heads = 2, scale = 5.000000e-01} :
  %sa = encdec.self_attention %a, %ck, %cv of %cr in %co causal at %i {heads = 2, scale = 0.5} : !d, !d, !d
  // CHECK: encdec.self_attention {{.*}} bias %bias at %arg1 causal at %arg1 {heads = 2, scale = 1.000000e+00} :
  %sb = encdec.self_attention %a, %ck, %cv of %cr in %co bias %rb at %i causal at %i {heads = 2, scale = 1.0} : !d, !d, !d, tensor<2x?xf32, #encdec.side<decoder>>
  // CHECK: %{{.*}}, %{{.*}} = encdec.cross_attention {{.*}} {heads = 2, scale = 5.000000e-01, probs = [0, 1]} {encdec.place = array<i64: 0>} :
  %ca, %probs = encdec.cross_attention %sa, %k, %v of %i in %o {heads = 2, scale = 0.5, probs = [0, 1]} {encdec.place = array<i64: 0>} : !d, !e, !e
  // CHECK: %ffn = encdec.ffn {{.*}}, up @w @b, down @w {kind = relu} :
  %f = encdec.ffn %ca, up @w @b, down @w {kind = relu} : !d
  // CHECK: encdec.ffn {{.*}}, up @w, gate @w, down @w {kind = silu} :
  %fg = encdec.ffn %ca, up @w, gate @w, down @w {kind = silu} : !d
  // CHECK: encdec.ffn {{.*}}, up @w @b, gate @w @b, down @w @b {kind = gelu_tanh} :
  %fgb = encdec.ffn %ca, up @w @b, gate @w @b, down @w @b {kind = gelu_tanh} : !d
  // CHECK: %normed{{.*}}, %sum{{.*}} = encdec.add_norm {{.*}}, @b, @b {eps = 9.99999974E-6, sum} : tensor<?x8xf32, #decoder>, tensor<?x8xf32, #decoder>
  %an, %as = encdec.add_norm %fg, %ca, @b, @b {eps = 1.0e-5, sum} : !d, !d
  // CHECK: %normed{{.*}}, %sum{{.*}} = encdec.add_norm {{.*}}, @b {eps = 9.99999997E-7, kind = rms, sum} :
  %rn, %rs = encdec.add_norm %fgb, %as, @b {eps = 1.0e-6, kind = rms, sum} : !d, !d
  // CHECK: %{{[^,]*}} = encdec.add_norm {{.*}}, @b {eps = 9.99999997E-7, kind = rms} :
  %rn2 = encdec.add_norm %rn, %rs, @b {eps = 1.0e-6, kind = rms} : !d, !d
  // CHECK: encdec.add_norm %ffn, {{.*}}, @b, @b {eps = 9.99999974E-6} :
  %f2 = encdec.add_norm %f, %ca, @b, @b {eps = 1.0e-5} : !d, !d
  // CHECK: %[[LOGITS:y.*]] = encdec.linear {{.*}}, @big :
  // NAMES: %logits = encdec.linear %f2, @big :
  %l = encdec.linear %f2, @big : !d -> tensor<?x16xf32, #encdec.side<decoder>> loc("logits")
  // NAMES: %t, %lp = encdec.top_tokens %logits biased
  // CHECK: %tokens, %log_probs = encdec.top_tokens %[[LOGITS]] biased %arg2 by %arg1 keep %arg5 :
  %t, %lp = encdec.top_tokens %l biased %bias by %i keep %top : tensor<?x16xf32, #encdec.side<decoder>>, tensor<?x16xf32>
  // CHECK: encdec.vocabulary {{.*}}, @big biased %arg2 by %arg1 keep %arg5 :
  %t2, %lp2 = encdec.vocabulary %f2, @big biased %bias by %i keep %top : !d, tensor<?x16xf32>
  // CHECK: encdec.vocabulary {{.*}}, @all sketch @all.sketch biased %arg2 by %arg1 keep %arg5 :
  %t3, %lp3 = encdec.vocabulary %f2, @all sketch @all.sketch biased %bias by %i keep %top : !d, tensor<?x16xf32>
  return %f2, %t : !d, tensor<?x?xi32, #encdec.side<decoder>>
}
