// RUN: encdec-opt %s --encdec-fuse-attention --remarks-filter=fuse-attention -o %t 2>&1 \
// RUN:   | FileCheck %s --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// RUN: FileCheck %s --check-prefix=IR --input-file=%t
// Each function is named after the code that says why its attention stays plain.

!dec = tensor<?x4xf32, #encdec.side<decoder>>
!wide = tensor<?x8xf32, #encdec.side<decoder>>
!scores = tensor<2x?x?xf32, #encdec.side<decoder>>
!index = tensor<?xi32>

// IR-NOT: encdec.self_attention

// CHECK: [Missed] no-softmax | {{.*}}Function=no_softmax |
func.func @no_softmax(%p: !scores, %v: !dec, %rows: !index, %offsets: !index) -> !dec {
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !dec
  return %c : !dec
}

// CHECK: [Missed] no-scores | {{.*}}Function=no_scores | Blocker="encdec.mask{{( [^ ]+)?}} at
func.func @no_scores(%q: !dec, %v: !dec, %rows: !index, %offsets: !index, %a: !index, %b: !index) -> !dec {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %m = encdec.mask %s at %a : !scores
  %n = encdec.mask %m at %b : !scores
  %p = encdec.softmax %n : !scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !dec
  return %c : !dec
}

// CHECK: [Missed] multi-use-scores | {{.*}}Function=multi_use_scores | Blocker="func.return at
func.func @multi_use_scores(%q: !dec, %v: !dec, %rows: !index, %offsets: !index, %at: !index) -> (!dec, !scores) {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %m = encdec.mask %s at %at : !scores
  %p = encdec.softmax %m : !scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !dec
  return %c, %s : !dec, !scores
}

// CHECK: [Missed] multi-use-masked | {{.*}}Function=multi_use_masked | Blocker="func.return at
func.func @multi_use_masked(%q: !dec, %v: !dec, %rows: !index, %offsets: !index, %at: !index) -> (!dec, !scores) {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %m = encdec.mask %s at %at : !scores
  %p = encdec.softmax %m : !scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !dec
  return %c, %m : !dec, !scores
}

// Each context gets a remark.
// CHECK: [Missed] shared-probs | {{.*}}Function=shared_probs |
// CHECK: [Missed] shared-probs | {{.*}}Function=shared_probs |
func.func @shared_probs(%q: !dec, %v: !dec, %w: !dec, %rows: !index, %offsets: !index) -> (!dec, !dec) {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %p = encdec.softmax %s : !scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !dec
  %d = encdec.context %p, %w of %rows in %offsets {heads = 2} : !scores, !dec
  return %c, %d : !dec, !dec
}

// CHECK: [Missed] ragged-mismatch | {{.*}}Function=ragged_mismatch | Blocker="encdec.scores{{( [^ ]+)?}} at
func.func @ragged_mismatch(%q: !dec, %v: !dec, %rows: !index, %offsets: !index, %other: !index) -> !dec {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %p = encdec.softmax %s : !scores
  %c = encdec.context %p, %v of %rows in %other {heads = 2} : !scores, !dec
  return %c : !dec
}

// CHECK: [Missed] ragged-mismatch | {{.*}}Function=other_rows |
func.func @other_rows(%q: !dec, %v: !dec, %rows: !index, %offsets: !index, %other: !index) -> !dec {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %p = encdec.softmax %s : !scores
  %c = encdec.context %p, %v of %other in %offsets {heads = 2} : !scores, !dec
  return %c : !dec
}

// CHECK: [Missed] width-mismatch | {{.*}}Function=width_mismatch | {{.*}}Reason="expected values of the keys' width 4, but got 8"
func.func @width_mismatch(%q: !dec, %v: !wide, %rows: !index, %offsets: !index) -> !wide {
  %s = encdec.scores %q, %q of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %p = encdec.softmax %s : !scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !wide
  return %c : !wide
}

// A reader of the probabilities above the context, whose value comes later still.
// CHECK: [Missed] early-probs | {{.*}}Function=early_probs | Blocker="encdec.mask{{( [^ ]+)?}} at
// CHECK: [Missed] no-softmax | {{.*}}Function=early_probs |
func.func @early_probs(%q: !dec, %v: !dec, %rows: !index, %offsets: !index) -> (!dec, !dec) {
  %s = encdec.scores %q, %v of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %p = encdec.softmax %s : !scores
  %twice = encdec.mask %p at %rows : !scores
  %c = encdec.context %p, %v of %rows in %offsets {heads = 2} : !scores, !dec
  %d = encdec.context %twice, %v of %rows in %offsets {heads = 2} : !scores, !dec
  return %c, %d : !dec, !dec
}

// A reader of the probabilities on a path that does not pass the context.
// CHECK: [Missed] early-probs | {{.*}}Function=early_probs_in_a_block | Blocker="func.return at
func.func @early_probs_in_a_block(%q: !dec, %rows: !index, %offsets: !index, %c: i1) -> (!dec, !scores) {
  %s = encdec.scores %q, %q of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  %p = encdec.softmax %s : !scores
  cf.cond_br %c, ^with, ^without
^with:
  %x = encdec.context %p, %q of %rows in %offsets {heads = 2} : !scores, !dec
  return %x, %p : !dec, !scores
^without:
  return %q, %p : !dec, !scores
}

// CHECK: [Missed] no-context | {{.*}}Function=no_context | Blocker="func.return at
func.func @no_context(%q: !dec, %rows: !index, %offsets: !index) -> !scores {
  %s = encdec.scores %q, %q of %rows in %offsets {heads = 2, scale = 0.5} : !dec, !dec
  return %s : !scores
}
