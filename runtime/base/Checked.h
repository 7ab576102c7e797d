//===- Checked.h - the one place that does arithmetic on file values ------===//
//
// Numbers that come from a file are hostile until shown otherwise. Whatever
// adds, multiplies or narrows one goes through here; a false or empty answer
// means that the result does not fit its type.

#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace encdec {

/// a + b, or nothing when it overflows T.
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checkedAdd(T a, T b) {
  T sum;
  if (__builtin_add_overflow(a, b, &sum))
    return std::nullopt;
  return sum;
}

/// a - b, or nothing when it overflows T (for unsigned: when b > a).
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checkedSub(T a, T b) {
  T difference;
  if (__builtin_sub_overflow(a, b, &difference))
    return std::nullopt;
  return difference;
}

/// a * b, or nothing when it overflows T.
template <std::integral T>
[[nodiscard]] constexpr std::optional<T> checkedMul(T a, T b) {
  T product;
  if (__builtin_mul_overflow(a, b, &product))
    return std::nullopt;
  return product;
}

/// The product of all factors (1 for none), or nothing when it overflows. A
/// zero factor does not excuse an overflow among the factors before it.
[[nodiscard]] constexpr std::optional<uint64_t>
checkedProduct(std::initializer_list<uint64_t> factors) {
  std::optional<uint64_t> product = 1;
  for (uint64_t factor : factors)
    if (!(product = checkedMul(*product, factor)))
      return std::nullopt;
  return product;
}

/// value as To, or nothing when To cannot hold it.
template <std::integral To, std::integral From>
[[nodiscard]] constexpr std::optional<To> checkedCast(From value) {
  To narrow;
  if (__builtin_add_overflow(value, From(0), &narrow))
    return std::nullopt;
  return narrow;
}

/// value rounded up to a multiple of `alignment` (a power of two), or nothing.
[[nodiscard]] constexpr std::optional<uint64_t>
checkedAlignUp(uint64_t value, uint64_t alignment) {
  auto sum = checkedAdd<uint64_t>(value, alignment - 1);
  if (!sum)
    return std::nullopt;
  return *sum & ~(alignment - 1);
}

/// Whether [offset, offset + length) lies inside a buffer of `size` bytes.
[[nodiscard]] constexpr bool spanFits(uint64_t offset, uint64_t length,
                                      uint64_t size) {
  return offset <= size && length <= size - offset;
}

} // namespace encdec
