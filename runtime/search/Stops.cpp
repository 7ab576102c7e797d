//===- Stops.cpp - what ends a row besides an end token -------------------===//

#include "runtime/search/Stops.h"

#include <algorithm>

namespace encdec::runtime {

StopStrings::StopStrings(const Tokenizer &theTokenizer, std::vector<std::string> theStrings)
    : tokenizer(theTokenizer), strings(std::move(theStrings)) {
  // A token has at least a byte of text, but for a few special ones.
  for (const std::string &text : strings)
    window = std::max(window, text.size() + 16);
}

bool StopStrings::ends(std::span<const int32_t> row, int32_t token) const {
  row = row.last(std::min(row.size(), window));
  std::vector<int32_t> ids(row.begin(), row.end());
  const auto before = tokenizer.decode(ids);
  ids.push_back(token);
  const auto after = tokenizer.decode(ids);
  if (!before.ok() || !after.ok())
    return false;
  return std::ranges::any_of(strings, [&](const std::string &text) {
    // An occurrence that ends before the last token's text ended an earlier row.
    const size_t from = before->size() < text.size() ? 0 : before->size() - text.size() + 1;
    return after->find(text, from) != std::string::npos;
  });
}

bool RepetitionGuard::repeats(std::span<const int32_t> tokens, size_t times) {
  for (size_t period = 1; period * times <= tokens.size(); ++period) {
    const auto tail = tokens.last(period * times);
    if (std::equal(tail.begin() + int64_t(period), tail.end(), tail.begin()))
      return true;
  }
  return false;
}

bool RepetitionGuard::ends(std::span<const int32_t> row, int32_t token) const {
  std::vector<int32_t> generated(row.begin() + int64_t(prompt), row.end());
  generated.push_back(token);
  return repeats(generated, times);
}

} // namespace encdec::runtime
