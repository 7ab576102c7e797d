// RUN: encdec-opt %s --encdec-decompose --remarks-filter=decompose -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]'
// RUN: FileCheck %s --input-file=%t
// There and back: fused again, the module is what it was.
// RUN: encdec-opt %s -o %t.fused
// RUN: encdec-opt %s --encdec-decompose --encdec-fuse=groups=none -o %t.again
// RUN: diff %t.fused %t.again

!dec = tensor<?x4xf32, #encdec.side<decoder>>
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!index = tensor<?xi32>
encdec.weight @w : tensor<4x4xf32> = #encdec.seeded<1, 0.5>
encdec.weight @up : tensor<6x4xf32> = #encdec.seeded<2, 0.5>
encdec.weight @down : tensor<4x6xf32> = #encdec.seeded<3, 0.5>
encdec.weight @g : tensor<4xf32> = #encdec.seeded<4, 0.5>
encdec.weight @v : tensor<9x4xf32> = #encdec.seeded<5, 0.5>
encdec.weight @gate : tensor<6x4xf32> = #encdec.seeded<6, 0.5>
encdec.weight @buckets : tensor<8x2xf32> = #encdec.seeded<7, 0.5>

// CHECK-LABEL: func.func @self
// CHECK-COUNT-3: encdec.linear %{{.*}}, @w :
// CHECK-NEXT: encdec.scores
// CHECK-NEXT: encdec.mask
// CHECK-NEXT: encdec.softmax
// CHECK-NEXT: encdec.context
// CHECK-NEXT: return
func.func @self(%x: !dec, %rows: !index, %offsets: !index, %at: !index) -> !dec {
  %q, %k, %v = encdec.linear %x, [@w, @w, @w] : !dec -> !dec, !dec, !dec
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets causal at %at {heads = 2, scale = 0.5} : !dec, !dec, !dec
  return %c : !dec
}

// CHECK-LABEL: func.func @cross
// CHECK-NEXT: encdec.scores
// CHECK-NEXT: %[[P:.*]] = encdec.softmax
// CHECK-NEXT: %[[C:.*]] = encdec.context %[[P]]
// CHECK-NEXT: return %[[C]], %[[P]]
func.func @cross(%x: !dec, %k: !enc, %rows: !index, %offsets: !index) -> (!dec, tensor<2x?x?xf32, #encdec.side<decoder>>) {
  %c, %p = encdec.cross_attention %x, %k, %k of %rows in %offsets {heads = 2, scale = 0.5, probs = [0, 1]} : !dec, !enc, !enc
  return %c, %p : !dec, tensor<2x?x?xf32, #encdec.side<decoder>>
}

// CHECK-LABEL: func.func @ffn
// CHECK-NEXT: encdec.linear
// CHECK-NEXT: encdec.activation
// CHECK-NEXT: encdec.linear
// CHECK-NEXT: encdec.add
// CHECK-NEXT: encdec.norm
// CHECK-NEXT: encdec.linear
// CHECK-NEXT: encdec.top_tokens
func.func @ffn(%x: !dec, %bias: tensor<?x9xf32>, %by: !index, %top: i64) -> tensor<?x?xf32> {
  %y = encdec.ffn %x, up @up, down @down {kind = silu} : !dec
  %z = encdec.add_norm %y, %x, @g, @g {eps = 1.0e-5} : !dec, !dec
  %t, %l = encdec.vocabulary %z, @v biased %bias by %by keep %top : !dec, tensor<?x9xf32>
  return %l : tensor<?x?xf32>
}

// CHECK-LABEL: func.func @pre_norm
// CHECK: encdec.scores %{{.*}} bias %{{.*}} at %{{.*}} {
// CHECK: %[[S:.*]] = encdec.add
// CHECK-NEXT: %[[N:.*]] = encdec.norm %[[S]], @g {eps = {{.*}}, kind = rms}
// CHECK-NEXT: %[[U:.*]] = encdec.linear %[[N]], @up
// CHECK-NEXT: %[[G:.*]] = encdec.linear %[[N]], @gate
// CHECK-NEXT: encdec.activation %[[U]] gated %[[G]] {kind = silu}
// CHECK-NEXT: encdec.linear
// CHECK-NEXT: encdec.add %{{.*}}, %[[S]]
func.func @pre_norm(%x: !dec, %rows: !index, %offsets: !index, %at: !index) -> !dec {
  %b = encdec.relative_bias @buckets to %at {max_distance = 8} : tensor<2x?xf32, #encdec.side<decoder>>
  %c = encdec.self_attention %x, %x, %x of %rows in %offsets bias %b at %at causal at %at {heads = 2, scale = 0.5} : !dec, !dec, !dec, tensor<2x?xf32, #encdec.side<decoder>>
  %n, %s = encdec.add_norm %c, %x, @g {eps = 1.0e-6, kind = rms, sum} : !dec, !dec
  %f = encdec.ffn %n, up @up, gate @gate, down @down {kind = silu} : !dec
  %z = encdec.add %f, %s : !dec, !dec
  return %z : !dec
}

// CHECK-LABEL: func.func @some_heads
// CHECK-NEXT: encdec.cross_attention
// REMARK: [Missed] no-plain-form | Category:decompose | Function=some_heads
func.func @some_heads(%x: !dec, %k: !enc, %rows: !index, %offsets: !index) -> tensor<1x?x?xf32, #encdec.side<decoder>> {
  %c, %p = encdec.cross_attention %x, %k, %k of %rows in %offsets {heads = 2, scale = 0.5, probs = [1]} : !dec, !enc, !enc
  return %p : tensor<1x?x?xf32, #encdec.side<decoder>>
}
