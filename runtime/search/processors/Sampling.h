//===- Sampling.h - what the samplers' processors have in common ----------===//
//
// Transformers asks for them only where tokens are drawn, and has each keep a few tokens
// whatever their probability (generation/utils.py, _get_logits_processor).

#pragma once

#include "runtime/search/processors/Rule.h"

#include <algorithm>
#include <cmath>

namespace encdec::runtime {

inline bool sampling(const ProcessorContext &context) {
  return context.options.do_sample.value_or(false);
}

/// min_tokens_to_keep: beams need a token besides all end tokens, by which they go on.
inline size_t tokensToKeep(const ProcessorContext &context) {
  if (!context.beams)
    return 1;
  const auto &eos = context.options.eos_token_id;
  return eos ? eos->size() + 1 : 2;
}

/// softmax(scores), p_i = exp(s_i - max) / sum, as far as thresholds need it. Exponentials
/// are float32, as Transformers', and sums float64. A probability is compared through its
/// logarithm, s_i - max < log(bound * sum), so that no second exponential is taken.
struct Softmax {
  float max = never;   ///< Of all scores; infinite where no probabilities exist.
  double sum = 0;      ///< Of exp(s_i - max).
  double weighted = 0; ///< Of exp(s_i - max) * (s_i - max).

  explicit Softmax(std::span<const float> scores) {
    for (float score : scores)
      max = std::max(max, score);
    if (!exists())
      return;
    for (float score : scores) {
      const float e = std::exp(score - max);
      if (!(e > 0)) // a distance may be infinite where scores are finite
        continue;
      sum += e;
      weighted += double(e) * (score - max);
    }
  }

  bool exists() const { return std::isfinite(max); }
  float of(float score) const { return std::exp(score - max) / float(sum); }
  /// -sum p log p, in nats.
  double entropy() const { return std::log(sum) - weighted / sum; }
  /// Below which score probabilities are below the bound, relative to `max`.
  float logOf(double bound) const { return float(std::log(bound * sum)); }
};

} // namespace encdec::runtime
