//===- PrefixBias.cpp - a prefix that sequences may leave -----------------===//

#include "runtime/search/processors/Rule.h"

#include <algorithm>
#include <cmath>

namespace encdec::runtime {

/// While a row is the beginning of its source's prefix w, with n generated tokens:
/// p'_t = (1 - beta) p_t + beta [t = w_n], s = log p' (arXiv 1912.03393, section
/// 4.2; CTranslate2's BiasedDecoder, src/decoding.cc).
std::unique_ptr<Processor> makePrefixBias(const ProcessorContext &context) {
  const double beta = context.options.prefix_bias_beta.value_or(0);
  if (beta <= 0)
    return nullptr;
  return makeRule([beta](const LiveRow &row, std::span<float> values) {
    const auto generated = row.tokens.subspan(row.prompt);
    if (generated.size() >= row.wanted.size() ||
        !std::equal(generated.begin(), generated.end(), row.wanted.begin()))
      return;
    const double best = double(std::ranges::max(values));
    if (!std::isfinite(best))
      return; // nothing may be chosen, or no score is a number
    double sum = 0;
    for (float value : values)
      sum += std::exp(double(value) - best);
    const auto next = size_t(row.wanted[generated.size()]);
    for (size_t token = 0; token < values.size(); ++token)
      values[token] =
          float(std::log((1 - beta) * std::exp(double(values[token]) - best) / sum +
                         (token == next ? beta : 0)));
  });
}

} // namespace encdec::runtime
