//===- TopP.cpp - the fewest best tokens that reach a probability ---------===//

#include "runtime/search/processors/Sampling.h"
#include "runtime/search/processors/Selection.h"

namespace encdec::runtime {

/// Transformers' TopPLogitsWarper (Holtzman et al. 2020, arXiv 1904.09751) sorts scores
/// ascending and removes tokens while the sum of their probabilities is at most 1 - top_p;
/// the last few stay in any case. Here that sum is 1 minus the sum of the greater ones, so
/// that the best tokens alone need an order, and tokens too improbable to reach 1 - top_p even
/// V times need none: the result is the same. Sums are float64, compared as float32. Of equal
/// scores the higher id stays, as after a stable sort.
std::unique_ptr<Processor> makeTopP(const ProcessorContext &context) {
  const double p = context.options.top_p.value_or(1);
  if (!sampling(context) || p >= 1)
    return nullptr;
  std::vector<Candidate> items;
  items.reserve(context.vocabulary);
  return makeRule([removed = float(1 - p), least = tokensToKeep(context),
                   items = std::move(items)](const LiveRow &, std::span<float> values) mutable {
    const Softmax softmax(values);
    if (!softmax.exists())
      return;
    const auto better = [](const Candidate &a, const Candidate &b) {
      return a.key != b.key ? a.key > b.key : a.token > b.token;
    };
    // The half leaves the rounding of the sums far behind.
    const float hopeless =
        softmax.max + softmax.logOf(0.5 * double(removed) / double(values.size()));
    items.clear();
    for (size_t t = 0; t < values.size(); ++t)
      if (values[t] >= hopeless)
        items.push_back({values[t], softmax.of(values[t]), int32_t(t)});
    size_t kept = selectByMass(items, better, [&](double greater) {
      return float(1 - greater) > removed;
    });
    if (kept < least && items.size() < least) { // some of those to keep are hopeless
      items.clear();
      for (size_t t = 0; t < values.size(); ++t)
        if (values[t] > never)
          items.push_back({values[t], 0, int32_t(t)});
    }
    if (kept < least) {
      kept = std::min(least, items.size());
      std::nth_element(items.begin(), items.begin() + int64_t(kept - 1), items.end(), better);
    }
    std::ranges::fill(values, never);
    for (const Candidate &one : std::span(items).first(kept))
      values[size_t(one.token)] = one.key;
  });
}

} // namespace encdec::runtime
