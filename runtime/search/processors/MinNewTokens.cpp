//===- MinNewTokens.cpp - no row ends before so many new tokens -----------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Bans end tokens while fewer than min_new_tokens follow the prompt (Transformers'
/// MinNewTokensLengthLogitsProcessor).
std::unique_ptr<Processor> makeMinNewTokens(const ProcessorContext &context) {
  const GenerationOptions &options = context.options;
  const int64_t least = options.min_new_tokens.value_or(0);
  if (least <= 0 || !options.eos_token_id)
    return nullptr;
  return makeRule([least = size_t(least), eos = *options.eos_token_id](const LiveRow &row,
                                                                       Scores &scores) {
    if (row.tokens.size() - row.prompt < least)
      for (int32_t token : eos)
        scores.ban(token);
  });
}

} // namespace encdec::runtime
