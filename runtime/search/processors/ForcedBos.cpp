//===- ForcedBos.cpp - the first generated token --------------------------===//

#include "runtime/search/processors/Rule.h"

namespace encdec::runtime {

/// Forces the token after the start token; a longer prompt has it already (Transformers'
/// ForcedBOSTokenLogitsProcessor).
std::unique_ptr<Processor> makeForcedBos(const ProcessorContext &context) {
  if (!context.options.forced_bos_token_id)
    return nullptr;
  return makeRule(
      [token = *context.options.forced_bos_token_id](const LiveRow &row, Scores &scores) {
        if (row.tokens.size() == 1)
          scores.force({&token, 1});
      });
}

} // namespace encdec::runtime
