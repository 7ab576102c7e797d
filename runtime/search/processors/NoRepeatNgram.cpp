//===- NoRepeatNgram.cpp - no n-gram stands twice in a row ----------------===//

#include "runtime/search/Ngrams.h"
#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Bans each token that would end an n-gram which the row has already (Transformers'
/// NoRepeatNGramLogitsProcessor). Start token and prefix are part of the row.
std::unique_ptr<Processor> makeNoRepeatNgram(const ProcessorContext &context) {
  const int64_t n = context.options.no_repeat_ngram_size.value_or(0);
  if (n <= 0)
    return nullptr;
  return makeRule([n = size_t(n)](const LiveRow &row, Scores &scores) {
    forEachCompletion(row.tokens, row.tokens, n, [&](int32_t token) { scores.ban(token); });
  });
}

} // namespace encdec::runtime
