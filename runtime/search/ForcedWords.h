//===- ForcedWords.h - words that hypotheses must contain -----------------===//

#pragma once

#include "runtime/base/GenerationOptions.h"

namespace encdec::runtime {

/// force_words_ids: each hypothesis contains one phrase of each word's alternatives. How far
/// a row has come is a function of its tokens, as Transformers 4 has it
/// (generation/beam_constraints.py of 4.49): one word is in progress at a time; the first
/// that begins with a token gets it; one that breaks off begins anew behind the others.
class ForcedWords {
public:
  explicit ForcedWords(option::Words words);

  struct Progress {
    size_t bank = 0; ///< Tokens of words that the row has, a whole word counting as the longest.
    bool complete = false;
    std::vector<int32_t> next; ///< Tokens that bring it further.
  };
  /// The progress of a row, prompt included, and a token behind it where there is one.
  Progress after(std::span<const int32_t> row, std::optional<int32_t> token) const;
  bool empty() const { return words.empty(); }

private:
  const option::Words words;
  std::vector<size_t> longest; ///< Of each word's phrases.
  size_t most = 0;             ///< Of those.
};

} // namespace encdec::runtime
