//===- Recorder.cpp - a source's cross-attention probabilities ------------===//

#include "runtime/search/Recorder.h"

#include <cmath>

namespace encdec::runtime {

void Recorder::record(const State &state, size_t first, size_t count) {
  std::vector<float> &step = steps.emplace_back();
  step.reserve(count * planes * length);
  for (size_t row = first; row < first + count; ++row)
    for (uint64_t plane = 0; plane < planes; ++plane) {
      const float *from = state.probs() + (plane * state.rows() + row) * state.probsStride();
      step.insert(step.end(), from, from + length);
    }
}

std::vector<float> Recorder::take(const Hypothesis &hypothesis) const {
  const uint64_t tokens = hypothesis.ids.size();
  std::vector<float> probs(planes * tokens * length);
  for (uint64_t t = 0; t < hypothesis.rows.size(); ++t)
    for (uint64_t plane = 0; plane < planes; ++plane)
      std::copy_n(steps[t].begin() + int64_t((hypothesis.rows[t] * planes + plane) * length),
                  length, probs.begin() + int64_t((plane * tokens + t) * length));
  return probs;
}

double coverage(std::span<const float> probs, uint64_t layers, uint64_t heads, uint64_t tokens,
                uint64_t keys) {
  const auto head = probs.subspan((layers - 1) * heads * tokens * keys, tokens * keys);
  double covered = 0;
  for (uint64_t key = 0; key < keys; ++key) {
    double sum = 0;
    for (uint64_t t = 0; t < tokens; ++t)
      sum += double(head[t * keys + key]);
    if (sum > 0)
      covered += std::log(std::min(sum, 1.0));
  }
  return covered;
}

} // namespace encdec::runtime
