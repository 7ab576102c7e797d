//===- RepetitionPenalty.cpp - tokens that a row has become rarer ---------===//

#include "runtime/search/processors/Penalty.h"

namespace encdec::runtime {

/// The row's tokens are penalised, start token and prefix included (Transformers'
/// RepetitionPenaltyLogitsProcessor).
std::unique_ptr<Processor> makeRepetitionPenalty(const ProcessorContext &context) {
  const double penalty = context.options.repetition_penalty.value_or(1);
  if (penalty == 1)
    return nullptr;
  return makeRule([penalise = Penalty(penalty, context.vocabulary)](
                      const LiveRow &row, std::span<float> values) mutable {
    penalise(row.tokens, values);
  });
}

} // namespace encdec::runtime
