// exp, log, erf and the activations. Constants that are not plain mathematics
// say how they were found.
#include "compiler/cpu/Math.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/bit.h"
#include <cmath>

using namespace mlir;

namespace encdec::cpu {
namespace {

Val realLike(Val v, double value) {
  return v.builder->constantOf(v.type(), value);
}

Type withElement(Val v, Type element) {
  if (auto vector = dyn_cast<VectorType>(v.type()))
    return vector.cloneWith(std::nullopt, element);
  return element;
}

/// c[0] + c[1] x + c[2] x² + …, by Horner's rule.
Val polynomial(Val x, ArrayRef<double> c) {
  Val sum = realLike(x, c.back());
  for (double coefficient : llvm::reverse(c.drop_back()))
    sum = fma(sum, x, realLike(x, coefficient));
  return sum;
}

} // namespace

// x = n ln 2 + r with n whole and |r| <= ln 2 / 2; e^x = 2^n e^r. ln 2 in two
// parts, the first short enough for n times it to be exact (Cody and Waite,
// "Software Manual for the Elementary Functions"). e^r is Taylor's series to
// r^7: the rest is below 6e-9.
Val exp(Val x) {
  KernelBuilder &k = *x.builder;
  Type integer = withElement(x, k.i32());
  Val bounded = min(x, realLike(x, 88.0));
  // Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
  Val magic = realLike(x, 12582912.0);
  Val shifted = fma(bounded, realLike(x, 1.44269504088896341), magic);
  Val n = shifted - magic;
  constexpr double ln2High = 0.693359375;
  Val r = fma(n, realLike(x, -ln2High), bounded);
  r = fma(n, realLike(x, ln2High - 0.693147180559945309), r);
  Val power = polynomial(r, {1.0, 1.0, 1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120,
                             1.0 / 720, 1.0 / 5040});
  // Times 2^n: n added to the exponent. The bits of `magic` vanish in the
  // shift.
  Val result =
      k.bitcast(k.bitcast(power, integer) + (k.bitcast(shifted, integer) << 23),
                x.type());
  return select(x < realLike(x, -87.33), realLike(x, 0.0), result);
}

// x = m 2^n with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(s), s =
// (m-1)/(m+1), as its series to s^9: the rest is below 1e-9.
Val log(Val x) {
  KernelBuilder &k = *x.builder;
  Type integer = withElement(x, k.i32());
  Val bits = k.bitcast(x, integer);
  Val n = (bits - k.constantOf(integer, 0x3f3504f3)) >> 23;
  Val m = k.bitcast(bits - (n << 23), x.type());
  Val one = realLike(x, 1.0);
  Val s = (m - one) / (m + one);
  Val series = polynomial(s * s, {2.0, 2.0 / 3, 2.0 / 5, 2.0 / 7, 2.0 / 9});
  return fma(k.toFloat(n), realLike(x, 0.693147180559945309), s * series);
}

// erf(x) = 1 - e^(-x²) (c1 t + … + c7 t^7), t = 1 / (1 + 0.45 x) for x >= 0:
// the form of Abramowitz and Stegun 7.1.26. The coefficients are our own weighted
// least-squares fit of erfc(x) e^(x²), with an error below 2e-9.
Val erf(Val x) {
  Val a = absolute(x), one = realLike(x, 1.0);
  Val t = one / fma(a, realLike(x, 0.45), one);
  Val p =
      polynomial(t, {0.2589897168, 0.2010092096, 0.4601710382, -0.3758032393,
                     0.8571679641, -0.4941042999, 0.0925696115});
  Val result = one - exp(negate(a * a)) * (p * t);
  return copySign(result, x);
}

// gelu:      x/2 (1 + erf(x / sqrt 2))
//
// gelu_tanh: x/2 (1 + tanh(u)) = x / (1 + e^(-2u)), u = sqrt(2/π) (x + 0.044715 x³)
//
// silu:      x / (1 + e^(-x))
Val activate(Val x, ActivationKind kind) {
  Val one = realLike(x, 1.0);
  switch (kind) {
  case ActivationKind::relu:
    return max(x, realLike(x, 0.0));
  case ActivationKind::gelu:
    return x * realLike(x, 0.5) * (one + erf(x * realLike(x, M_SQRT1_2)));
  case ActivationKind::gelu_tanh: {
    Val u = fma(x * x * x, realLike(x, 0.044715), x);
    return x / (one + exp(u * realLike(x, -2 * std::sqrt(M_2_PI))));
  }
  case ActivationKind::silu:
    return x / (one + exp(negate(x)));
  }
  llvm_unreachable("every activation kind is handled");
}

std::string bitsOf(float value) {
  return llvm::utohexstr(llvm::bit_cast<uint32_t>(value), /*LowerCase=*/true);
}

} // namespace encdec::cpu
