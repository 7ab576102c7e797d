//===- TopK.cpp - the k best tokens ---------------------------------------===//

#include "runtime/search/processors/Sampling.h"
#include "runtime/search/processors/Selection.h"

namespace encdec::runtime {

/// Bans scores below the k-th greatest, so that more than k stay where several equal it
/// (Transformers' TopKLogitsWarper; Fan et al. 2018, arXiv 1805.04833).
std::unique_ptr<Processor> makeTopK(const ProcessorContext &context) {
  const int64_t k = context.options.top_k.value_or(0);
  if (!sampling(context) || k <= 0)
    return nullptr;
  return makeRule([kth = KthGreatest(std::max(size_t(k), tokensToKeep(context)),
                                     context.vocabulary)](const LiveRow &,
                                                          std::span<float> values) mutable {
    const float least = kth(values);
    for (float &value : values)
      value = value < least ? never : value;
  });
}

} // namespace encdec::runtime
