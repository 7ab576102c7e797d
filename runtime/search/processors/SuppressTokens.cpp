//===- SuppressTokens.cpp - tokens that are never generated ---------------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Bans tokens (Transformers' SuppressTokensLogitsProcessor).
std::unique_ptr<Processor> makeSuppressTokens(const ProcessorContext &context) {
  if (!context.options.suppress_tokens)
    return nullptr;
  return makeRule([tokens = *context.options.suppress_tokens](const LiveRow &, Scores &scores) {
    for (int32_t token : tokens)
      scores.ban(token);
  });
}

} // namespace encdec::runtime
