// What a derived weight may name, and the shapes and ranges of its expression.
// RUN: encdec-opt %s -split-input-file -verify-diagnostics


// expected-error @below {{expected a derived weight of f32 but got 'tensor<8x8xf16>'}}
encdec.weight @weight_c8 : tensor<8x8xf16> = #encdec.scaled<@w, 0.5>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected #encdec.scaled<@nobody, 5.000000e-01> to name weights of the module but got @nobody}}
encdec.weight @weight_c9 : tensor<8x8xf32> = #encdec.scaled<@nobody, 0.5>

// -----

// expected-error @below {{expected #encdec.sum<@w, @f> to name weights of the module but got @f}}
encdec.weight @weight_c9_function : tensor<8x8xf32> = #encdec.sum<@w, @f>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>
func.func @f() {
  return
}

// -----

// expected-error @below {{expected #encdec.scaled<@w, 5.000000e-01> to give its own type 'tensor<8x4xf32>' but it gives [8, 8]}}
encdec.weight @weight_c10 : tensor<8x4xf32> = #encdec.scaled<@w, 0.5>
encdec.weight @w : tensor<8x8xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected the factors of a product to be [n, k] and [k, m] or [k] but got [8, 4] of @w and [8, 4] of @w}}
encdec.weight @weight_c10_product : tensor<8x4xf32> = #encdec.product<@w, @w>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected the factors of a product to be [n, k] and [k, m] or [k] but got [8] of @v and [8, 4] of @w}}
encdec.weight @weight_c10_vector_first : tensor<8x4xf32> = #encdec.product<@v, @w>
encdec.weight @v : tensor<8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected summands of one shape but got [8, 4] of @w and [8] of @v}}
encdec.weight @weight_c10_sum : tensor<8x4xf32> = #encdec.sum<@w, @v>
encdec.weight @v : tensor<8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected columns of a 2-D weight but got [8] of @v}}
encdec.weight @weight_c10_columns : tensor<4xf32> = #encdec.columns<@v, 0, 4>
encdec.weight @v : tensor<8xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected parts whose rows are of one length but got [8, 4] of @w and [8] of @v}}
encdec.weight @weight_c10_concat : tensor<16x4xf32> = #encdec.concat<[@w, @v]>
encdec.weight @v : tensor<8xf16> = #encdec.seeded<1, 0.5>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected at least one of the 8 rows of @w but got those from 4 to 9}}
encdec.weight @weight_c11 : tensor<5x4xf32> = #encdec.rows<@w, 4, 9>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected rows from 0 to 7 of @w but got 8}}
encdec.weight @weight_c11_gathered : tensor<2x4xf32> = #encdec.gathered<@w, [0, 8]>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{to give its own type 'tensor<3x4xf32>' but it gives [2, 4]}}
encdec.weight @weight_c10_gathered : tensor<3x4xf32> = #encdec.gathered<@w, [0, 7]>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected at least one of the 4 columns of @w but got those from -1 to 3}}
encdec.weight @weight_c11_columns : tensor<8x4xf32> = #encdec.columns<@w, -1, 3>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected at least one of the 8 rows of @w but got those from 3 to 3}}
encdec.weight @weight_c11_empty : tensor<5x4xf32> = #encdec.rows<@w, 3, 3>
encdec.weight @w : tensor<8x4xf16> = #encdec.seeded<1, 0.5>

// -----

// expected-error @below {{expected an expression over other weights but @weight_c12 is derived from itself: @weight_c12 names @b names @c names @weight_c12}}
encdec.weight @weight_c12 : tensor<8x4xf32> = #encdec.scaled<@b, 0.5>
encdec.weight @b : tensor<8x4xf32> = #encdec.sum<@a, @c>
encdec.weight @c : tensor<8x4xf32> = #encdec.rows<@weight_c12, 0, 8>
encdec.weight @a : tensor<8x4xf32> = #encdec.seeded<1, 0.5>

// -----

// Written out, it names 2 + 4 + … + 1024 weights.
encdec.weight @w0 : tensor<8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w1 : tensor<8xf32> = #encdec.sum<@w0, @w0>
encdec.weight @w2 : tensor<8xf32> = #encdec.sum<@w1, @w1>
encdec.weight @w3 : tensor<8xf32> = #encdec.sum<@w2, @w2>
encdec.weight @w4 : tensor<8xf32> = #encdec.sum<@w3, @w3>
encdec.weight @w5 : tensor<8xf32> = #encdec.sum<@w4, @w4>
encdec.weight @w6 : tensor<8xf32> = #encdec.sum<@w5, @w5>
encdec.weight @w7 : tensor<8xf32> = #encdec.sum<@w6, @w6>
encdec.weight @w8 : tensor<8xf32> = #encdec.sum<@w7, @w7>
encdec.weight @w9 : tensor<8xf32> = #encdec.sum<@w8, @w8>
// expected-error @below {{expected an expression that, written out, names at most 1024 weights but got one that names more}}
encdec.weight @weight_c12_too_long : tensor<8xf32> = #encdec.sum<@w9, @w9>

// -----

encdec.weight @w0 : tensor<8xf32> = #encdec.seeded<1, 0.5>
encdec.weight @w1 : tensor<8xf32> = #encdec.scaled<@w0, 2.0>
encdec.weight @w2 : tensor<8xf32> = #encdec.scaled<@w1, 2.0>
encdec.weight @w3 : tensor<8xf32> = #encdec.scaled<@w2, 2.0>
encdec.weight @w4 : tensor<8xf32> = #encdec.scaled<@w3, 2.0>
encdec.weight @w5 : tensor<8xf32> = #encdec.scaled<@w4, 2.0>
encdec.weight @w6 : tensor<8xf32> = #encdec.scaled<@w5, 2.0>
encdec.weight @w7 : tensor<8xf32> = #encdec.scaled<@w6, 2.0>
encdec.weight @w8 : tensor<8xf32> = #encdec.scaled<@w7, 2.0>
encdec.weight @w9 : tensor<8xf32> = #encdec.scaled<@w8, 2.0>
encdec.weight @w10 : tensor<8xf32> = #encdec.scaled<@w9, 2.0>
encdec.weight @w11 : tensor<8xf32> = #encdec.scaled<@w10, 2.0>
encdec.weight @w12 : tensor<8xf32> = #encdec.scaled<@w11, 2.0>
encdec.weight @w13 : tensor<8xf32> = #encdec.scaled<@w12, 2.0>
encdec.weight @w14 : tensor<8xf32> = #encdec.scaled<@w13, 2.0>
encdec.weight @w15 : tensor<8xf32> = #encdec.scaled<@w14, 2.0>
encdec.weight @w16 : tensor<8xf32> = #encdec.scaled<@w15, 2.0>
// expected-error @below {{expected an expression of at most 16 weights in depth but got a deeper one}}
encdec.weight @weight_c12_too_deep : tensor<8xf32> = #encdec.scaled<@w16, 2.0>

// -----

// expected-error @below {{expected a finite factor, but got an infinite one}}
encdec.weight @infinite : tensor<8xf32> = #encdec.scaled<@w, 0x7FF0000000000000>
