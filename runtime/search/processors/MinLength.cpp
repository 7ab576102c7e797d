//===- MinLength.cpp - no row ends before a length ------------------------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Bans end tokens while the row is shorter than min_length (Transformers'
/// MinLengthLogitsProcessor). min_new_tokens overrides it (generation/utils.py,
/// _prepare_generated_length).
std::unique_ptr<Processor> makeMinLength(const ProcessorContext &context) {
  const GenerationOptions &options = context.options;
  const int64_t least = options.min_length.value_or(0);
  if (least <= 0 || options.min_new_tokens || !options.eos_token_id)
    return nullptr;
  return makeRule([least = size_t(least), eos = *options.eos_token_id](const LiveRow &row,
                                                                       Scores &scores) {
    if (row.tokens.size() < least)
      for (int32_t token : eos)
        scores.ban(token);
  });
}

} // namespace encdec::runtime
