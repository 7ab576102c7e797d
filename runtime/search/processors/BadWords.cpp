//===- BadWords.cpp - sequences of tokens that are never generated --------===//

#include "runtime/search/processors/Rule.h"

#include <algorithm>

namespace encdec::runtime {

/// Bans the last token of each bad word whose other tokens end the row (Transformers'
/// NoBadWordsLogitsProcessor). A bad word that is an end token alone does not count, since
/// nothing would end then; nor does one without tokens.
std::unique_ptr<Processor> makeBadWords(const ProcessorContext &context) {
  if (!context.options.bad_words_ids)
    return nullptr;
  std::vector<std::vector<int32_t>> words = *context.options.bad_words_ids;
  const std::vector<int32_t> eos = context.options.eos_token_id.value_or(option::Tokens());
  std::erase_if(words, [&](const std::vector<int32_t> &word) {
    return word.empty() || (word.size() == 1 && std::ranges::count(eos, word.front()));
  });
  return makeRule([words](const LiveRow &row, Scores &scores) {
    for (const std::vector<int32_t> &word : words) {
      const size_t begun = word.size() - 1;
      if (begun <= row.tokens.size() &&
          std::equal(word.begin(), word.end() - 1, row.tokens.end() - int64_t(begun)))
        scores.ban(word.back());
    }
  });
}

} // namespace encdec::runtime
