//===- EncoderNoRepeatNgram.cpp - no n-gram of the source -----------------===//

#include "runtime/search/Ngrams.h"
#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Bans each token that would end an n-gram of the source's ids (Transformers'
/// EncoderNoRepeatNGramLogitsProcessor). Ids count as they are, also where source and target
/// have different vocabularies.
std::unique_ptr<Processor> makeEncoderNoRepeatNgram(const ProcessorContext &context) {
  const int64_t n = context.options.encoder_no_repeat_ngram_size.value_or(0);
  if (n <= 0)
    return nullptr;
  return makeRule([n = size_t(n)](const LiveRow &row, Scores &scores) {
    forEachCompletion(row.source, row.tokens, n, [&](int32_t token) { scores.ban(token); });
  });
}

} // namespace encdec::runtime
