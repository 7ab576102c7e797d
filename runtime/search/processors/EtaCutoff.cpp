//===- EtaCutoff.cpp - no token below what the entropy asks ---------------===//

#include "runtime/search/processors/Cutoff.h"

namespace encdec::runtime {

/// Bans p_i < min(eta, sqrt(eta) * exp(-H)) with H = -sum p log p and eta = eta_cutoff
/// (Transformers' EtaLogitsWarper; Hewitt et al. 2022, arXiv 2210.15191).
std::unique_ptr<Processor> makeEtaCutoff(const ProcessorContext &context) {
  const double eta = context.options.eta_cutoff.value_or(0);
  if (!sampling(context) || eta <= 0 || eta >= 1)
    return nullptr;
  return makeCutoff(context, [eta](const Softmax &softmax) {
    return std::min(eta, std::sqrt(eta) * std::exp(-softmax.entropy()));
  });
}

} // namespace encdec::runtime
