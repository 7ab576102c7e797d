// RUN: encdec-opt %s --encdec-fuse-ffn --remarks-filter=fuse-ffn -o %t 2>&1 \
// RUN:   | FileCheck %s --check-prefix=REMARK --implicit-check-not='[Missed]' --implicit-check-not='[Passed]'
// RUN: FileCheck %s --input-file=%t
// linear, activation, linear become one op; a function named after a code stays.

!x = tensor<?x4xf32, #encdec.side<encoder>>
!h = tensor<?x6xf32, #encdec.side<encoder>>
encdec.weight @up.w : tensor<6x4xf16> = #encdec.seeded<1, 0.5>
encdec.weight @up.b : tensor<6xf32> = #encdec.seeded<2, 0.5>
encdec.weight @down.w : tensor<4x6xf16> = #encdec.seeded<3, 0.5>
encdec.weight @down.b : tensor<4xf32> = #encdec.seeded<4, 0.5>
encdec.weight @wide.w : tensor<6x6xf16> = #encdec.seeded<5, 0.5>
encdec.weight @gate.w : tensor<6x4xf16> = #encdec.seeded<6, 0.5>
encdec.weight @gate.b : tensor<6xf32> = #encdec.seeded<7, 0.5>

// CHECK-LABEL: func.func @ffn
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: %[[Y:.*]] = encdec.ffn %[[X]], up @up.w @up.b, down @down.w @down.b {kind = relu}
// CHECK-NEXT: return %[[Y]]
// REMARK: [Passed] ffn | Category:fuse-ffn | Function=ffn | Gain="3 ops became 1; a hidden row of 6 floats
func.func @ffn(%x: !x) -> !x {
  %h = encdec.linear %x, @up.w, @up.b : !x -> !h
  %a = encdec.activation %h {kind = relu} : !h
  %y = encdec.linear %a, @down.w, @down.b : !h -> !x
  return %y : !x
}

// One bias may be missing.
// CHECK-LABEL: func.func @one_bias
// CHECK-NEXT: encdec.ffn %{{.*}}, up @up.w, down @down.w @down.b {kind = gelu_tanh}
// REMARK: [Passed] ffn | {{.*}}Function=one_bias
func.func @one_bias(%x: !x) -> !x {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h {kind = gelu_tanh} : !h
  %y = encdec.linear %a, @down.w, @down.b : !h -> !x
  return %y : !x
}

// CHECK-LABEL: func.func @gated
// CHECK-SAME: %[[X:[^:]*]]:
// CHECK-NEXT: %[[Y:.*]] = encdec.ffn %[[X]], up @up.w @up.b, gate @gate.w, down @down.w {kind = silu}
// CHECK-NEXT: return %[[Y]]
// REMARK: [Passed] ffn | {{.*}}Function=gated | Gain="4 ops became 1; a hidden row of 6 floats
func.func @gated(%x: !x) -> !x {
  %h = encdec.linear %x, @up.w, @up.b : !x -> !h
  %g = encdec.linear %x, @gate.w : !x -> !h
  %a = encdec.activation %h gated %g {kind = silu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y : !x
}

// The gate may stand first.
// CHECK-LABEL: func.func @gate_first
// CHECK-NEXT: encdec.ffn %{{.*}}, up @up.w, gate @gate.w @gate.b, down @down.w {kind = gelu_tanh}
// CHECK-NEXT: return
// REMARK: [Passed] ffn | {{.*}}Function=gate_first
func.func @gate_first(%x: !x) -> !x {
  %g = encdec.linear %x, @gate.w, @gate.b : !x -> !h
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h gated %g {kind = gelu_tanh} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y : !x
}

// Joined, in either order.
// CHECK-LABEL: func.func @joined
// CHECK-NEXT: encdec.ffn %{{.*}}, up @up.w @up.b, gate @gate.w @gate.b, down @down.w {kind = silu}
// CHECK-NEXT: encdec.ffn %{{.*}}, up @gate.w, gate @up.w, down @down.w {kind = silu}
// CHECK-NEXT: return
// REMARK: [Passed] ffn | {{.*}}Function=joined | Gain="3 ops became 1
// REMARK: [Passed] ffn | {{.*}}Function=joined | Gain="3 ops became 1
func.func @joined(%x: !x) -> (!x, !x) {
  %h, %g = encdec.linear %x, [@up.w, @gate.w], [@up.b, @gate.b] : !x -> !h, !h
  %a = encdec.activation %h gated %g {kind = silu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  %g2, %h2 = encdec.linear %x, [@up.w, @gate.w] : !x -> !h, !h
  %a2 = encdec.activation %h2 gated %g2 {kind = silu} : !h
  %y2 = encdec.linear %a2, @down.w : !h -> !x
  return %y, %y2 : !x, !x
}

// CHECK-NOT: encdec.ffn
// REMARK: [Missed] no-gate | {{.*}}Function=no_gate |
func.func @no_gate(%x: !x, %g: !h) -> !x {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h gated %g {kind = silu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y : !x
}

// REMARK: [Missed] different-input | {{.*}}Function=different_input | Blocker="encdec.linear{{( [^ ]+)?}} at
func.func @different_input(%x: !x, %z: !x) -> !x {
  %h = encdec.linear %x, @up.w : !x -> !h
  %g = encdec.linear %z, @gate.w : !x -> !h
  %a = encdec.activation %h gated %g {kind = silu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y : !x
}

// One product as both operands is read twice.
// REMARK: [Missed] multi-use-hidden | {{.*}}Function=own_gate |
func.func @own_gate(%x: !x) -> !x {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h gated %h {kind = silu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y : !x
}

// REMARK: [Missed] no-up | {{.*}}Function=no_up |
func.func @no_up(%h: !h) -> !x {
  %a = encdec.activation %h {kind = relu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y : !x
}

// REMARK: [Missed] no-down | {{.*}}Function=no_down | Blocker="func.return at
func.func @no_down(%x: !x) -> !h {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h {kind = relu} : !h
  return %a : !h
}

// Either linear may be the one of several outputs.
// REMARK: [Missed] variadic-linear | {{.*}}Function=variadic_linear |
// REMARK: [Missed] variadic-linear | {{.*}}Function=variadic_linear |
func.func @variadic_linear(%x: !x) -> (!h, !x, !x) {
  %h, %g = encdec.linear %x, [@up.w, @up.w] : !x -> !h, !h
  %a = encdec.activation %h {kind = relu} : !h
  %y, %z = encdec.linear %a, [@down.w, @down.w] : !h -> !x, !x
  %h2 = encdec.linear %x, @up.w : !x -> !h
  %a2 = encdec.activation %h2 {kind = relu} : !h
  %y2, %z2 = encdec.linear %a2, [@down.w, @down.w] : !h -> !x, !x
  return %g, %y, %y2 : !h, !x, !x
}

// REMARK: [Missed] multi-use-hidden | {{.*}}Function=multi_use_hidden | Blocker="func.return at
func.func @multi_use_hidden(%x: !x) -> (!x, !h) {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h {kind = relu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y, %h : !x, !h
}

// REMARK: [Missed] multi-use-activation | {{.*}}Function=multi_use_activation |
func.func @multi_use_activation(%x: !x) -> (!x, !h) {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h {kind = relu} : !h
  %y = encdec.linear %a, @down.w : !h -> !x
  return %y, %a : !x, !h
}

// REMARK: [Missed] width-mismatch | {{.*}}Function=width_mismatch | {{.*}}Reason="expected an output of width 4, but got 6"
func.func @width_mismatch(%x: !x) -> !h {
  %h = encdec.linear %x, @up.w : !x -> !h
  %a = encdec.activation %h {kind = relu} : !h
  %y = encdec.linear %a, @wide.w : !h -> !h
  return %y : !h
}
