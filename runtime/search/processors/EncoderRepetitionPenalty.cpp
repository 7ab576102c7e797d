//===- EncoderRepetitionPenalty.cpp - tokens of the source ----------------===//

#include "runtime/search/processors/Penalty.h"

namespace encdec::runtime {

/// The source's tokens are penalised by 1 / encoder_repetition_penalty (Transformers'
/// EncoderRepetitionPenaltyLogitsProcessor).
std::unique_ptr<Processor> makeEncoderRepetitionPenalty(const ProcessorContext &context) {
  const double penalty = context.options.encoder_repetition_penalty.value_or(1);
  if (penalty == 1)
    return nullptr;
  return makeRule([penalise = Penalty(1 / penalty, context.vocabulary)](
                      const LiveRow &row, std::span<float> values) mutable {
    penalise(row.source, values);
  });
}

} // namespace encdec::runtime
