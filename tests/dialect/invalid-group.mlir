// What a group must not hold; one case for each constraint of encdec.fused.
// RUN: encdec-opt %s --split-input-file --verify-diagnostics

!d = tensor<?x8xf32, #encdec.side<decoder>>
!f = tensor<?x4xf32, #encdec.side<decoder>>
func.func @fused_c1(%x: !d) {
  // expected-error @below {{expected an argument of its region for each input, of the input's type, but got ('tensor<?x4xf32, #encdec.side<decoder>>') for ('tensor<?x8xf32, #encdec.side<decoder>>')}}
  "encdec.fused"(%x) ({
  ^bb0(%a: !f):
    "encdec.yield"() : () -> ()
  }) : (!d) -> ()
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @fused_c2(%x: !d, %i: tensor<?xi32>) {
  %y = encdec.fused(%q = %x, %r = %i) : (!d, tensor<?xi32>) -> !d {
    // expected-error @below {{expected in a group an op that makes rows of the same rows of its operands, and no group}}
    %c = encdec.self_attention %q, %q, %q of %r in %r causal at %r {heads = 2, scale = 1.0} : !d, !d, !d
    encdec.yield %c : !d
  }
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @fused_c2_nested(%x: !d) {
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    // expected-error @below {{and no group}}
    %z = encdec.fused(%b = %a) : (!d) -> !d {
      encdec.yield %b : !d
    }
    encdec.yield %z : !d
  }
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @fused_c3(%x: !d) {
  // expected-error @below {{expected its region to end in encdec.yield of its results' types, ('tensor<?x8xf32, #encdec.side<decoder>>')}}
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    encdec.yield
  }
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
func.func @fused_c4(%x: !d, %m: !e) {
  // expected-error @below {{expected rows of one side, but got some of the decoder and some of the encoder}}
  %y:2 = encdec.fused(%a = %x, %b = %m) : (!d, !e) -> (!d, !e) {
    encdec.yield %a, %b : !d, !e
  }
  return
}

// -----

!d = tensor<?x8xf32, #encdec.side<decoder>>
func.func @outside(%x: !d, %z: !d) {
  %y = encdec.fused(%a = %x) : (!d) -> !d {
    // expected-error @below {{using value defined outside the region}}
    %s = encdec.add %a, %z : !d, !d
    encdec.yield %s : !d
  // expected-note @-4 {{required by region isolation constraints}}
  }
  return
}
