//===- Number.h - numbers as people write them ----------------------------===//

#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace encdec {

/// The decimal integer that the whole of `text` is, or nothing: no spaces, no
/// plus sign, nothing that T cannot hold.
template <std::integral T>
[[nodiscard]] std::optional<T> parseNumber(std::string_view text) {
  T number;
  const char *end = text.data() + text.size();
  auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end)
    return std::nullopt;
  return number;
}

} // namespace encdec
