// Functions of real numbers as polynomials, for any lane count. None calls a library,
// and a number gives the same bits in every lane.
#pragma once
#include "compiler/lower/KernelBuilder.h"
#include "dialect/Dialect.h"

namespace encdec::cpu {

using lower::KernelBuilder;
using lower::Val;
using lower::Vals;

/// e^x, within 2 ulp; 0 below -87.33 (and for -inf), e^88 above 88.
Val exp(Val x);
/// Natural logarithm of a normal positive x, within 2 ulp or 1e-7.
Val log(Val x);
/// Within 3e-7 absolute.
Val erf(Val x);
/// relu, gelu, gelu_tanh or silu.
Val activate(Val x, ActivationKind kind);

/// A float as hexadecimal bits: part of the name of a kernel it is folded into.
std::string bitsOf(float value);

} // namespace encdec::cpu
