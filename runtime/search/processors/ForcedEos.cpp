//===- ForcedEos.cpp - the last token at the greatest length --------------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Where one more token makes the greatest length, lets only the forced end tokens be
/// chosen, each with score 0 (Transformers' ForcedEOSTokenLogitsProcessor).
std::unique_ptr<Processor> makeForcedEos(const ProcessorContext &context) {
  const auto &tokens = context.options.forced_eos_token_id;
  if (!tokens || tokens->empty())
    return nullptr;
  const size_t last = context.maxLength - 1;
  return makeRule([last, tokens = *tokens](const LiveRow &row, Scores &scores) {
    if (row.tokens.size() == last)
      scores.force(tokens);
  });
}

} // namespace encdec::runtime
