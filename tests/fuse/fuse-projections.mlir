// RUN: encdec-opt %s --encdec-fuse-attention --encdec-fuse-projections | FileCheck %s
// RUN: encdec-opt %s --encdec-fuse-attention --encdec-fuse-projections --encdec-fuse-projections \
// RUN:   --remarks-filter=fuse-projections -o /dev/null 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// Query, key and value of a self-attention come out of one linear. Run twice, the
// pass finds nothing more to do or to say.

!enc = tensor<?x4xf32, #encdec.side<encoder>>
!dec = tensor<?x4xf32, #encdec.side<decoder>>
!index = tensor<?xi32>
encdec.weight @q.w : tensor<4x4xf32> = #encdec.seeded<1, 0.5>
encdec.weight @k.w : tensor<4x4xf32> = #encdec.seeded<2, 0.5>
encdec.weight @v.w : tensor<4x4xf32> = #encdec.seeded<3, 0.5>
encdec.weight @q.b : tensor<4xf32> = #encdec.seeded<4, 0.5>
encdec.weight @k.b : tensor<4xf32> = #encdec.seeded<5, 0.5>
encdec.weight @v.b : tensor<4xf32> = #encdec.seeded<6, 0.5>

// CHECK-LABEL: func.func @encoder
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: %[[Q:.*]], %[[K:.*]], %[[V:.*]] = encdec.linear %[[X]], [@q.w, @k.w, @v.w], [@q.b, @k.b, @v.b]
// CHECK-NEXT: encdec.self_attention %[[Q]], %[[K]], %[[V]]
// REMARK: [Passed] projections | Category:fuse-projections | Function=encoder | Gain="3 ops became 1
func.func @encoder(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.w, @q.b : !enc -> !enc
  %k = encdec.linear %x, @k.w, @k.b : !enc -> !enc
  %v = encdec.linear %x, @v.w, @v.b : !enc -> !enc
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 0.5} : !enc, !enc, !enc
  return %c : !enc
}

// The types of the checkpoint do not matter, nor does it that a weight is derived.
// CHECK-LABEL: func.func @other_types
// CHECK: encdec.linear %{{.*}}, [@q.scaled, @k.w, @half.w] :
// REMARK: [Passed] projections | {{.*}}Function=other_types
encdec.weight @q.scaled : tensor<4x4xf32> = #encdec.scaled<@q.w, 0.5>
encdec.weight @half.w : tensor<4x4xf16> = #encdec.seeded<3, 0.5>
func.func @other_types(%x: !enc, %rows: !index, %offsets: !index) -> !enc {
  %q = encdec.linear %x, @q.scaled : !enc -> !enc
  %k = encdec.linear %x, @k.w : !enc -> !enc
  %v = encdec.linear %x, @half.w : !enc -> !enc
  %c = encdec.self_attention %q, %k, %v of %rows in %offsets {heads = 2, scale = 1.0} : !enc, !enc, !enc
  return %c : !enc
}

// Key and value go through the cache; the linears may stand in any order.
// CHECK-LABEL: func.func @decoder
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: %[[Q:.*]], %[[K:.*]], %[[V:.*]] = encdec.linear %[[X]], [@q.w, @k.w, @v.w] :
// CHECK-NEXT: encdec.cache_append %{{.*}}, %[[K]], %[[V]]
// CHECK: encdec.self_attention %[[Q]],
// REMARK: [Passed] projections | {{.*}}Function=decoder
func.func @decoder(%x: !dec, %cache: !encdec.cache<2x2>, %ancestors: tensor<?x?xi32>, %positions: !index) -> !dec
    attributes {encdec.entry = "step"} {
  %v = encdec.linear %x, @v.w : !dec -> !dec
  %k = encdec.linear %x, @k.w : !dec -> !dec
  encdec.cache_append %cache, %k, %v of %ancestors at %positions : !encdec.cache<2x2>, !dec, !dec
  %ks, %vs, %offsets, %rows = encdec.cache_read %cache of %ancestors to %positions : !encdec.cache<2x2>
  %q = encdec.linear %x, @q.w : !dec -> !dec
  %c = encdec.self_attention %q, %ks, %vs of %rows in %offsets causal at %positions {heads = 2, scale = 0.5} : !dec, !dec, !dec
  return %c : !dec
}

// A cross-attention's linears stay: they will leave the step.
// CHECK-LABEL: func.func @cross
// CHECK-COUNT-3: encdec.linear %{{.*}}, @
func.func @cross(%x: !dec, %memory: !enc, %sources: !index, %offsets: !index) -> !dec {
  %q = encdec.linear %x, @q.w : !dec -> !dec
  %k = encdec.linear %memory, @k.w : !enc -> !enc
  %v = encdec.linear %memory, @v.w : !enc -> !enc
  %c = encdec.cross_attention %q, %k, %v of %sources in %offsets {heads = 2, scale = 0.5} : !dec, !enc, !enc
  return %c : !dec
}
