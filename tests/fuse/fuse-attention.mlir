// RUN: encdec-opt %s --encdec-fuse-attention | FileCheck %s
// RUN: encdec-opt %s --encdec-fuse-attention --remarks-filter=fuse-attention -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]'
// The plain ops of each kind of attention become one op.

!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!enc_scores = tensor<2x?x?xf32, #encdec.side<encoder>>
!dec_scores = tensor<2x?x?xf32, #encdec.side<decoder>>
!index = tensor<?xi32>

// The encoder's own: nothing is masked.
// CHECK-LABEL: func.func @encoder_self
// CHECK-NEXT: %[[C:.*]] = encdec.self_attention %{{.*}}, %{{.*}}, %{{.*}} of %{{.*}} in %{{.*}} {heads = 2, scale = 5.000000e-01}
// CHECK-NEXT: return %[[C]]
// REMARK: [Passed] self-attention | Category:fuse-attention | Function=encoder_self | Gain="3 ops became 1; scores of 2 heads x rows x keys are not stored"
func.func @encoder_self(%q: !enc, %k: !enc, %v: !enc, %rows: !index, %offsets: !index) -> !enc {
  %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc
  %p = encdec.softmax %s : !enc_scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !enc_scores, !enc
  return %c : !enc
}

// The decoder's own, over its cache: masked.
// CHECK-LABEL: func.func @decoder_self
// CHECK: %[[K:.*]], %[[V:.*]], %[[OFFSETS:.*]], %[[ROWS:.*]] = encdec.cache_read
// CHECK-NEXT: encdec.self_attention %{{.*}}, %[[K]], %[[V]] of %[[ROWS]] in %[[OFFSETS]] causal at %{{.*}} {heads = 2, scale = 5.000000e-01}
// CHECK-NEXT: return
// REMARK: [Passed] self-attention | {{.*}}Function=decoder_self | Gain="4 ops became 1
func.func @decoder_self(%q: !dec, %cache: !encdec.cache<2x2>, %ancestors: tensor<?x?xi32>, %positions: !index) -> !dec {
  %k, %v, %offsets, %rows = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x2>
  %s = encdec.scores %q, %k of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %m = encdec.mask %s at %positions : !dec_scores
  %p = encdec.softmax %m : !dec_scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !dec_scores, !dec
  return %c : !dec
}

// A bias never stops the fusion, of either side.
encdec.weight @buckets : tensor<32x2xf32> = #encdec.seeded<1, 0.5>
// CHECK-LABEL: func.func @encoder_bias
// CHECK-NEXT: %[[B:.*]] = encdec.relative_bias @buckets over
// CHECK-NEXT: encdec.self_attention %{{.*}} bias %[[B]] at %{{.*}} {heads = 2, scale = 1.000000e+00}
// CHECK-NEXT: return
// REMARK: [Passed] self-attention | {{.*}}Function=encoder_bias | Gain="3 ops became 1
func.func @encoder_bias(%q: !enc, %rows: !index, %offsets: !index, %positions: !index) -> !enc {
  %b = encdec.relative_bias @buckets over %offsets {max_distance = 128} : tensor<2x?xf32, #encdec.side<encoder>>
  %s = encdec.scores %q, %q of %rows in %offsets bias %b at %positions {heads = 2, scale = 1.0} : !enc, !enc, tensor<2x?xf32, #encdec.side<encoder>>
  %p = encdec.softmax %s : !enc_scores
  %c = encdec.context %p, %q of %rows in %offsets {heads = 2} : !enc_scores, !enc
  return %c : !enc
}
// CHECK-LABEL: func.func @decoder_bias
// CHECK: %[[B:.*]] = encdec.relative_bias @buckets to %[[P:.*]] {max_distance = 128}
// CHECK: encdec.self_attention %{{.*}} bias %[[B]] at %[[P]] causal at %[[P]] {heads = 2, scale = 1.000000e+00}
// CHECK-NEXT: return
// REMARK: [Passed] self-attention | {{.*}}Function=decoder_bias | Gain="4 ops became 1
func.func @decoder_bias(%q: !dec, %cache: !encdec.cache<2x2>, %ancestors: tensor<?x?xi32>, %positions: !index) -> !dec {
  %k, %v, %offsets, %rows = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x2>
  %b = encdec.relative_bias @buckets to %positions {max_distance = 128} : tensor<2x?xf32, #encdec.side<decoder>>
  %s = encdec.scores %q, %k of %rows in %offsets bias %b at %positions {heads = 2, scale = 1.0} : !dec, !dec, tensor<2x?xf32, #encdec.side<decoder>>
  %m = encdec.mask %s at %positions : !dec_scores
  %p = encdec.softmax %m : !dec_scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !dec_scores, !dec
  return %c : !dec
}

// The decoder asks, the encoder answers: over tensors, and over a memory.
// CHECK-LABEL: func.func @cross_tensors
// CHECK-NEXT: encdec.cross_attention
// CHECK-NEXT: return
// REMARK: [Passed] cross-attention | {{.*}}Function=cross_tensors
func.func @cross_tensors(%q: !dec, %k: !enc, %v: !enc, %sources: !index, %offsets: !index) -> !dec {
  %s = encdec.scores %q, %k of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p = encdec.softmax %s : !dec_scores
  %c = encdec.context %p, %v of %sources in %offsets {heads = 2} : !dec_scores, !enc
  return %c : !dec
}
// CHECK-LABEL: func.func @cross_memory
// CHECK: %[[K:.*]], %[[V:.*]], %[[OFFSETS:.*]] = encdec.memory_read
// CHECK-NEXT: encdec.cross_attention %{{.*}}, %[[K]], %[[V]] of %{{.*}} in %[[OFFSETS]]
// CHECK-NEXT: return
// REMARK: [Passed] cross-attention | {{.*}}Function=cross_memory
func.func @cross_memory(%q: !dec, %memory: !encdec.memory<2x2>, %sources: !index) -> !dec {
  %k, %v, %offsets = encdec.memory_read %memory : !encdec.memory<2x2>
  %s = encdec.scores %q, %k of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p = encdec.softmax %s : !dec_scores
  %c = encdec.context %p, %v of %sources in %offsets {heads = 2} : !dec_scores, !enc
  return %c : !dec
}

// Probabilities that are asked for are the fused op's second result.
// CHECK-LABEL: func.func @alignments
// CHECK-NEXT: %[[C:.*]], %[[P:.*]] = encdec.cross_attention {{.*}} {heads = 2, scale = 5.000000e-01, probs = [0, 1]}
// CHECK-NEXT: return %[[C]], %[[P]]
// REMARK: [Passed] cross-attention | {{.*}}Function=alignments | {{.*}} probabilities are
func.func @alignments(%q: !dec, %k: !enc, %v: !enc, %sources: !index, %offsets: !index) -> (!dec, !dec_scores) {
  %s = encdec.scores %q, %k of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p = encdec.softmax %s : !dec_scores
  %c = encdec.context %p, %v of %sources in %offsets {heads = 2} : !dec_scores, !enc
  return %c, %p : !dec, !dec_scores
}

// A reader may stand in a region of an op below.
// CHECK-LABEL: func.func @alignments_if
// CHECK-NEXT: %[[C:.*]], %[[P:.*]] = encdec.cross_attention {{.*}}, probs = [0, 1]}
// CHECK-NEXT: scf.if
// CHECK-NEXT: scf.yield %[[P]]
// REMARK: [Passed] cross-attention | {{.*}}Function=alignments_if
func.func @alignments_if(%q: !dec, %k: !enc, %v: !enc, %sources: !index, %offsets: !index, %other: !dec_scores, %asked: i1) -> (!dec, !dec_scores) {
  %s = encdec.scores %q, %k of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p = encdec.softmax %s : !dec_scores
  %c = encdec.context %p, %v of %sources in %offsets {heads = 2} : !dec_scores, !enc
  %a = scf.if %asked -> !dec_scores {
    scf.yield %p : !dec_scores
  } else {
    scf.yield %other : !dec_scores
  }
  return %c, %a : !dec, !dec_scores
}
