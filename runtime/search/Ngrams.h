//===- Ngrams.h - the tokens that would complete an n-gram ----------------===//

#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace encdec::runtime {

/// Calls completed(text[i + n - 1]) for each n-gram text[i .. i + n) that begins with
/// the last n - 1 of `tokens`: the tokens which, appended to `tokens`, would repeat an
/// n-gram of `text`. With n = 1 these are all tokens of `text`.
template <typename Completed>
void forEachCompletion(std::span<const int32_t> text, std::span<const int32_t> tokens,
                       size_t n, Completed completed) {
  if (tokens.size() < n - 1 || text.size() < n)
    return;
  const std::span<const int32_t> begun = tokens.last(n - 1);
  for (size_t i = 0; i + n <= text.size(); ++i)
    if (std::equal(begun.begin(), begun.end(), text.begin() + int64_t(i)))
      completed(text[i + n - 1]);
}

} // namespace encdec::runtime
