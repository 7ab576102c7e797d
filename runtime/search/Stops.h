//===- Stops.h - what ends a row besides an end token ---------------------===//

#pragma once

#include "runtime/search/Search.h"
#include "runtime/text/Tokenizer.h"

#include <string>

namespace encdec::runtime {

/// stop_strings: a row ends with the token with which its text contains one of the strings,
/// wherever in that token's own text the string ends (Transformers' StopStringCriteria).
class StopStrings final : public Stop {
public:
  StopStrings(const Tokenizer &tokenizer, std::vector<std::string> strings);
  bool ends(std::span<const int32_t> row, int32_t token) const override;

private:
  const Tokenizer &tokenizer;
  const std::vector<std::string> strings;
  size_t window = 0; ///< Tokens at the end of a row in which a string may begin.
};

/// repetition_guard = n: a row ends when its last tokens, however many, stand there n times
/// in a row. Models that have lost the thread repeat themselves until the greatest length.
class RepetitionGuard final : public Stop {
public:
  RepetitionGuard(size_t times, size_t prompt) : times(times), prompt(prompt) {}
  bool ends(std::span<const int32_t> row, int32_t token) const override;
  /// Whether generated tokens end in such a repetition.
  static bool repeats(std::span<const int32_t> tokens, size_t times);

private:
  const size_t times, prompt;
};

} // namespace encdec::runtime
