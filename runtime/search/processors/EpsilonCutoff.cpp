//===- EpsilonCutoff.cpp - no token below a probability -------------------===//

#include "runtime/search/processors/Cutoff.h"

namespace encdec::runtime {

/// Bans p_i < epsilon_cutoff (Transformers' EpsilonLogitsWarper; Hewitt et al. 2022,
/// arXiv 2210.15191).
std::unique_ptr<Processor> makeEpsilonCutoff(const ProcessorContext &context) {
  const double epsilon = context.options.epsilon_cutoff.value_or(0);
  if (!sampling(context) || epsilon <= 0 || epsilon >= 1)
    return nullptr;
  return makeCutoff(context, [epsilon](const Softmax &) { return epsilon; });
}

} // namespace encdec::runtime
