//===- MinP.cpp - tokens at least a part as probable as the best ----------===//

#include "runtime/search/processors/Sampling.h"
#include "runtime/search/processors/Selection.h"

namespace encdec::runtime {

/// Bans p_i < min_p * max p, that is s_i - max < log(min_p) (Transformers' MinPLogitsWarper;
/// Nguyen et al. 2024, arXiv 2407.01082), except the few best tokens. Of those that are equal
/// to the last of these the lower ids stay; Transformers leaves it open.
std::unique_ptr<Processor> makeMinP(const ProcessorContext &context) {
  if (!sampling(context) || !context.options.min_p)
    return nullptr;
  return makeRule([bound = float(std::log(*context.options.min_p)), best = tokensToKeep(context),
                   kth = KthGreatest(tokensToKeep(context), context.vocabulary)](
                      const LiveRow &, std::span<float> values) mutable {
    const float max = std::ranges::max(values), last = kth(values);
    if (!std::isfinite(max))
      return;
    size_t equal = best - std::min<size_t>(best, std::ranges::count_if(values, [&](float value) {
                     return value > last;
                   }));
    for (float &value : values) {
      const bool stays = value > last || (value == last && equal > 0);
      equal -= value == last && stays;
      if (value - max < bound && !stays)
        value = never;
    }
  });
}

} // namespace encdec::runtime
