// Types in patterns (types.pdll): compared with a text, made of one; the side of an op.
// RUN: encdec-opt %s --patterns %S/types.pdll | FileCheck %s

!d = tensor<?x8xf32, #encdec.side<decoder>>
!wide = tensor<?x9xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>

// CHECK-LABEL: func.func @decoder
// CHECK-NEXT: encdec.activation %arg0 {kind = relu}
func.func @decoder(%x: !d, %y: !d) -> !d {
  %z = encdec.add %x, %y : !d, !d
  return %z : !d
}

// CHECK-LABEL: func.func @wide
// CHECK-NEXT: encdec.add
func.func @wide(%x: !wide, %y: !wide) -> !wide {
  %z = encdec.add %x, %y : !wide, !wide
  return %z : !wide
}

// CHECK-LABEL: func.func @encoder
// CHECK-NEXT: encdec.activation %arg0 {kind = silu}
func.func @encoder(%x: !e, %y: !e) -> !e {
  %z = encdec.add %x, %y : !e, !e
  return %z : !e
}
