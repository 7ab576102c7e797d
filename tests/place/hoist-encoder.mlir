// RUN: encdec-opt %s -split-input-file --encdec-hoist-encoder | FileCheck %s
// RUN: encdec-opt %s -split-input-file --encdec-hoist-encoder --remarks-filter=hoist-encoder -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK
// Keys and values of cross-attention move from step to encode.

!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!scores = tensor<2x?x?xf32, #encdec.side<decoder>>
!index = tensor<?xi32>

// Fused attention, with something between the encoder's output and the keys.
encdec.weight @k.w : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @k.b : tensor<4xf32> = #encdec.seeded<2, 1.0>
encdec.weight @v.w : tensor<4x4xf32> = #encdec.seeded<3, 1.0>
encdec.weight @v.b : tensor<4xf32> = #encdec.seeded<4, 1.0>

// CHECK-LABEL: func.func @encode
// CHECK-SAME: %[[IN:.*]]: tensor<?x4xf32, #encoder>, %[[OFFSETS:[^:]*]]: tensor<?xi32> {encdec.arg = "offsets"}, %[[M:[^:]*]]: !encdec.memory<2x2> {encdec.arg = "memory.0"})
// CHECK-SAME: attributes {encdec.entry = "encode"}
// CHECK-NEXT: %[[OUT:.*]] = encdec.activation %[[IN]] {kind = relu}
// CHECK-NEXT: %[[BETWEEN:.*]] = encdec.activation %[[OUT]] {kind = silu}
// CHECK-NEXT: encdec.memory_project %[[M]], %[[BETWEEN]], key @k.w @k.b, value @v.w @v.b in %[[OFFSETS]]
// CHECK-NEXT: return %[[OUT]] : tensor<?x4xf32, #encoder>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  %out = encdec.activation %x {kind = relu} : !enc
  return %out : !enc
}
// CHECK-LABEL: func.func @step
// CHECK-SAME: %[[Q:.*]]: tensor<?x4xf32, #decoder>, %[[SOURCES:[^:]*]]: tensor<?xi32> {encdec.arg = "sources"}, %{{[^:]*}}: tensor<?xi32> {encdec.arg = "offsets"}, %[[M:[^:]*]]: !encdec.memory<2x2> {encdec.arg = "memory.0"})
// CHECK-NEXT: %[[K:.*]], %[[V:.*]], %[[O:.*]] = encdec.memory_read %[[M]]
// CHECK-NEXT: %[[C:.*]] = encdec.cross_attention %[[Q]], %[[K]], %[[V]] of %[[SOURCES]] in %[[O]]
// CHECK-NEXT: return %[[C]]
// REMARK: [Passed] moved | Category:hoist-encoder | Function=step | Gain="encdec.activation moved to encode, out of every step"
// REMARK: [Passed] projected-once | Category:hoist-encoder | Function=step | Gain="layer 0: 2 linears of the encoder's output moved to encode; each step saves 2 * 2 * 4 * 4 * S = 64 * S FLOPs for S source tokens"
func.func @step(%q: !dec, %sources: !index {encdec.arg = "sources"}, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  %m = encdec.activation %memory {kind = silu} : !enc
  %k = encdec.linear %m, @k.w, @k.b : !enc -> !enc
  %v = encdec.linear %m, @v.w, @v.b : !enc -> !enc
  %c = encdec.cross_attention %q, %k, %v of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}

// -----

// Decomposed attention, two layers, no biases: handles in the order of layers.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!scores = tensor<2x?x?xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @a : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @b : tensor<4x4xf32> = #encdec.seeded<2, 1.0>
encdec.weight @c : tensor<4x4xf32> = #encdec.seeded<3, 1.0>
encdec.weight @d : tensor<4x4xf32> = #encdec.seeded<4, 1.0>
// CHECK-LABEL: func.func @encode
// CHECK: encdec.memory_project %[[M0:.*]], %[[IN:.*]], key @a, value @b in
// CHECK-NEXT: encdec.memory_project %[[M1:.*]], %[[IN]], key @c, value @d in
// CHECK-NEXT: return %[[IN]] : tensor<?x4xf32, #encoder>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}) -> !enc attributes {encdec.entry = "encode"} {
  return %x : !enc
}
// CHECK-LABEL: func.func @step
// CHECK-SAME: {encdec.arg = "memory.0"}, %{{.*}}: !encdec.memory<2x2> {encdec.arg = "memory.1"}
// CHECK-NEXT: %[[K:.*]], %[[V:.*]], %[[O:.*]] = encdec.memory_read
// CHECK-NEXT: %[[S:.*]] = encdec.scores %{{.*}}, %[[K]] of %{{.*}} in %[[O]]
// CHECK-NEXT: %[[P:.*]] = encdec.softmax %[[S]]
// CHECK-NEXT: encdec.context %[[P]], %[[V]] of %{{.*}} in %[[O]]
// CHECK-NEXT: encdec.memory_read
// CHECK-NEXT: encdec.scores
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  %k0 = encdec.linear %memory, @a : !enc -> !enc
  %v0 = encdec.linear %memory, @b : !enc -> !enc
  %s0 = encdec.scores %q, %k0 of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p0 = encdec.softmax %s0 : !scores
  %c0 = encdec.context %p0, %v0 of %sources in %offsets {heads = 2} : !scores, !enc
  %k1 = encdec.linear %memory, @c : !enc -> !enc
  %v1 = encdec.linear %memory, @d : !enc -> !enc
  %s1 = encdec.scores %c0, %k1 of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc
  %p1 = encdec.softmax %s1 : !scores
  %c1 = encdec.context %p1, %v1 of %sources in %offsets {heads = 2} : !scores, !enc
  return %c1 : !dec
}

// -----

// A third attention shares the first one's keys: it has a memory of its own, and the
// shared projection saves nothing more. Names that are taken stay.
!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @a : tensor<4x4xf32> = #encdec.seeded<1, 1.0>
encdec.weight @b : tensor<4x4xf32> = #encdec.seeded<2, 1.0>
// CHECK-LABEL: func.func @encode
// CHECK: encdec.memory_project %{{.*}}, %{{.*}}, key @b, value @a in
// CHECK-NEXT: encdec.memory_project %{{.*}}, %{{.*}}, key @a, value @b in
// CHECK-NEXT: encdec.memory_project %{{.*}}, %{{.*}}, key @a, value @a in
// CHECK-NEXT: return %{{.*}} : tensor<?x4xf32, #encoder>
func.func @encode(%x: !enc, %offsets: !index {encdec.arg = "offsets"}, %m: !encdec.memory<2x2> {encdec.arg = "memory.0"}) -> !enc attributes {encdec.entry = "encode"} {
  encdec.memory_project %m, %x, key @b, value @a in %offsets : !encdec.memory<2x2>, !enc
  return %x : !enc
}
// CHECK-LABEL: func.func @step
// CHECK-SAME: {encdec.arg = "memory.0"}, %{{.*}}: !encdec.memory<2x2> {encdec.arg = "memory.1"}, %{{.*}}: !encdec.memory<4x1> {encdec.arg = "memory.2"}
// REMARK: [Passed] projected-once | {{.*}}"layer 0: 2 linears
// REMARK: [Passed] projected-once | {{.*}}"layer 1: 0 linears of the encoder's output moved to encode; each step saves 0 * 2 * 4 * 4 * S = 0 * S FLOPs
func.func @step(%q: !dec, %sources: !index, %offsets: !index {encdec.arg = "offsets"}, %m: !encdec.memory<2x2> {encdec.arg = "memory.0"}, %memory: !enc {encdec.arg = "memory"}) -> !dec attributes {encdec.entry = "step"} {
  %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x2>
  %c = encdec.cross_attention %q, %k, %v of %sources in %o {heads = 2, scale = 0.5} : !dec, !enc, !enc
  %a = encdec.linear %memory, @a : !enc -> !enc
  %b = encdec.linear %memory, @b : !enc -> !enc
  %d = encdec.cross_attention %c, %a, %b of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  %e = encdec.cross_attention %d, %a, %a of %sources in %offsets {heads = 4, scale = 0.5} : !dec, !enc, !enc
  return %e : !dec
}
