//===- TopH.cpp - the best tokens up to a part of the entropy -------------===//

#include "runtime/search/processors/Sampling.h"
#include "runtime/search/processors/Selection.h"

namespace encdec::runtime {

/// Of the 100 best tokens and their softmax p, keeps the first and those up to which
/// -sum p log p is at most top_h times that of all 100 (Transformers' TopHLogitsWarper;
/// Baghaei Potraghloo et al. 2025, arXiv 2509.02510). Products are float32, sums float64
/// rounded to float32. Of equal scores the lower id comes first; Transformers leaves it open.
std::unique_ptr<Processor> makeTopH(const ProcessorContext &context) {
  if (!sampling(context) || !context.options.top_h)
    return nullptr;
  const size_t most = std::min<size_t>(100, context.vocabulary);
  std::vector<Candidate> best;
  best.reserve(context.vocabulary);
  return makeRule([part = *context.options.top_h, most,
                   best = std::move(best), kth = KthGreatest(most, context.vocabulary)](
                      const LiveRow &, std::span<float> values) mutable {
    best.clear();
    const float least = kth(values);
    for (size_t t = 0; t < values.size(); ++t)
      if (values[t] >= least && values[t] > never)
        best.push_back({values[t], 0, int32_t(t)});
    std::ranges::sort(best, [](const Candidate &a, const Candidate &b) {
      return a.key != b.key ? a.key > b.key : a.token < b.token;
    });
    best.resize(std::min(best.size(), most));
    if (best.empty() || !std::isfinite(best.front().key))
      return;

    const float max = best.front().key;
    double sum = 0, entropy = 0;
    for (Candidate &one : best)
      sum += one.mass = std::exp(one.key - max);
    for (Candidate &one : best) {
      one.mass /= float(sum);
      if (one.mass > 0)
        entropy += one.mass = -one.mass * std::log(one.mass);
    }
    const float bound = float(entropy) * float(part);
    std::ranges::fill(values, never);
    double reached = 0;
    for (const Candidate &one : best) {
      reached += one.mass;
      if (&one == &best.front() || (float(reached) <= bound && one.mass > 0))
        values[size_t(one.token)] = one.key;
    }
  });
}

} // namespace encdec::runtime
