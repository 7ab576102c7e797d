//===- BeginSuppressTokens.cpp - tokens that are not generated first ------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Bans tokens where the first free token stands: after the prompt, or after the token that
/// forced_bos_token_id puts behind a start token alone (Transformers'
/// SuppressTokensAtBeginLogitsProcessor; generation/utils.py, _get_logits_processor).
std::unique_ptr<Processor> makeBeginSuppressTokens(const ProcessorContext &context) {
  if (!context.options.begin_suppress_tokens)
    return nullptr;
  return makeRule([tokens = *context.options.begin_suppress_tokens,
                   forced = context.options.forced_bos_token_id.has_value()](
                      const LiveRow &row, Scores &scores) {
    const size_t begin = row.prompt + (row.prompt == 1 && forced ? 1 : 0);
    if (row.tokens.size() == begin)
      for (int32_t token : tokens)
        scores.ban(token);
  });
}

} // namespace encdec::runtime
