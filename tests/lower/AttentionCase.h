// Attention in double, and the shapes that kernels of attention are tested at.
#pragma once
#include "KernelCall.h"
#include "compiler/cpu/Math.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>

namespace encdec::test {

using cpu::AttentionShape;

inline constexpr float scale = 0.3f;
using cpu::KeyKind;
inline const AttentionShape shapes[] = {
    {1, 16}, {2, 20},  {4, 8},
    {3, 64}, {1, 100}, {5, 3},
    {2, 20, KeyKind::bf16}, {3, 64, KeyKind::bf16}, {1, 100, KeyKind::bf16},
    {5, 3, KeyKind::bf16}};

inline std::string named(const char *name, const AttentionShape &s) {
  return std::string(name) + "_" + std::to_string(s.heads) + "x" +
         std::to_string(s.headSize) + cpu::nameOf(s.keys).str();
}
inline std::string scaled(const char *name, const AttentionShape &s) {
  return named(name, s) + "_" + cpu::bitsOf(scale);
}

/// What is stored of `value`: bf16 is the upper half of an f32, rounded to nearest,
/// ties to even.
inline double stored(KeyKind kind, double value) {
  if (kind == KeyKind::f32)
    return value;
  float real = float(value);
  uint32_t word = std::bit_cast<uint32_t>(real);
  uint32_t low = word & 0xffff, high = word >> 16;
  high += low > 0x8000 || (low == 0x8000 && (high & 1));
  return std::bit_cast<float>(high << 16);
}

/// One row's attention with `head` over rows [from, to) of key and value.
struct Expected {
  std::vector<double> probs, context;
};
/// `bias` of the score of the j-th of these keys, if there is one.
inline Expected attention(const AttentionShape &s, const Matrix &q, int64_t row,
                   const Matrix &key, const Matrix &value, int64_t from,
                   int64_t to, int64_t head,
                   llvm::function_ref<double(int64_t)> bias = nullptr) {
  Expected e{{}, std::vector<double>(s.headSize)};
  double most = -INFINITY, sum = 0;
  for (int64_t j = from; j < to; ++j) {
    double dot = 0;
    for (int64_t d = head * s.headSize; d < (head + 1) * s.headSize; ++d)
      dot += q(row, d) * stored(s.keys, key(j, d));
    e.probs.push_back(dot * scale + (bias ? bias(j - from) : 0));
    most = std::max(most, e.probs.back());
  }
  for (double &p : e.probs)
    sum += p = std::exp(p - most);
  for (double &p : e.probs)
    p /= sum;
  for (int64_t j = from; j < to; ++j)
    for (int64_t d = 0; d < s.headSize; ++d)
      e.context[d] +=
          e.probs[j - from] * stored(s.keys, value(j, head * s.headSize + d));
  return e;
}

inline void expectRow(const AttentionShape &s, const float *y, const Expected &e,
               int64_t head) {
  for (int64_t d = 0; d < s.headSize; ++d)
    ASSERT_NEAR(y[head * s.headSize + d], e.context[d], 1e-5)
        << "head " << head << " element " << d;
  for (int64_t n = s.width(); n < pad16(s.width()); ++n)
    ASSERT_EQ(y[n], 0) << "padding";
}

inline std::string shapeText(const AttentionShape &s) { return named("shape", s); }

} // namespace encdec::test
