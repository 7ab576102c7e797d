//===- ExponentialDecay.cpp - the end becomes likelier with the length ----===//

#include "runtime/search/processors/Rule.h"

#include <algorithm>
#include <cmath>

namespace encdec::runtime {

/// s_e += |s_e| * (factor^n - 1) for each end token e, n tokens after `start` generated ones
/// (Transformers' ExponentialDecayLengthPenalty). A banned end token stays banned: where s_e
/// is infinite or not a number, nothing is added. The power is float64, the rest float32.
std::unique_ptr<Processor> makeExponentialDecay(const ProcessorContext &context) {
  const GenerationOptions &options = context.options;
  if (!options.exponential_decay_length_penalty || !options.eos_token_id)
    return nullptr;
  std::vector<int32_t> eos = *options.eos_token_id;
  std::ranges::sort(eos);
  eos.erase(std::unique(eos.begin(), eos.end()), eos.end());
  return makeRule([eos, decay = *options.exponential_decay_length_penalty](
                      const LiveRow &row, std::span<float> values) {
    const int64_t n = int64_t(row.tokens.size()) - int64_t(row.prompt) - decay.start;
    if (n <= 0)
      return;
    const float growth = float(std::pow(decay.factor, double(n)) - 1);
    for (int32_t token : eos) {
      float &score = values[size_t(token)];
      if (std::isfinite(score))
        score += std::abs(score) * growth;
    }
  });
}

} // namespace encdec::runtime
