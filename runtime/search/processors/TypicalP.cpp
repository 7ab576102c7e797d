//===- TypicalP.cpp - tokens of nearly the expected information -----------===//

#include "runtime/search/processors/Sampling.h"
#include "runtime/search/processors/Selection.h"

namespace encdec::runtime {

/// With H = -sum p log p, sorts tokens by |-log p_i - H| and keeps them up to the one with
/// which their probabilities reach typical_p together, with all that are as near, and a few
/// in any case (Transformers' TypicalLogitsWarper; Meister et al. 2023, arXiv 2202.00666).
/// Distances are float32; sums are float64, compared as float32. Transformers sorts tokens of
/// probability 0 to the end, which here stay out of the order.
std::unique_ptr<Processor> makeTypicalP(const ProcessorContext &context) {
  const double p = context.options.typical_p.value_or(1);
  if (!sampling(context) || p >= 1)
    return nullptr;
  std::vector<Candidate> items;
  items.reserve(context.vocabulary);
  return makeRule([p = float(p), least = tokensToKeep(context),
                   items = std::move(items)](const LiveRow &, std::span<float> values) mutable {
    const Softmax softmax(values);
    if (!softmax.exists())
      return;
    const float entropy = float(softmax.entropy()), logSum = float(std::log(softmax.sum));
    items.clear();
    for (size_t t = 0; t < values.size(); ++t)
      if (values[t] > never) {
        const float information = logSum - (values[t] - softmax.max);
        items.push_back({std::abs(information - entropy), softmax.of(values[t]), int32_t(t)});
      }
    const auto nearer = [](const Candidate &a, const Candidate &b) {
      return a.key != b.key ? a.key < b.key : a.token < b.token;
    };
    const size_t reach = selectByMass(items, nearer, [&](double before) {
      return float(before) < p;
    });
    float farthest = 0;
    for (const Candidate &one : std::span(items).first(reach))
      farthest = std::max(farthest, one.key);
    size_t kept = reach;
    if (kept < least) {
      kept = std::min(least, items.size());
      std::nth_element(items.begin(), items.begin() + int64_t(kept - 1), items.end(), nearer);
    }
    for (const Candidate &one : std::span(items).subspan(kept))
      if (one.key > farthest)
        values[size_t(one.token)] = never;
  });
}

} // namespace encdec::runtime
