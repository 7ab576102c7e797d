//===- Score.h - how probable given targets are ---------------------------===//

#pragma once

#include "runtime/exec/State.h"

#include <span>

namespace encdec::runtime {

/// Sequences of ids laid end to end: number b is ids[offsets[b] .. offsets[b + 1]).
struct Sequences {
  std::span<const int32_t> ids;
  std::span<const uint64_t> offsets;

  size_t count() const { return offsets.size() - 1; }
  std::span<const int32_t> operator[](size_t b) const {
    return ids.subspan(offsets[b], offsets[b + 1] - offsets[b]);
  }
};

/// Writes log p(target[t] | source, start, target[0 .. t)) for each token of each target,
/// end to end as the targets are; the model has a decoder, and each source one target. Ends
/// all rows before and after. Errors, with the index of the pair, before anything is run:
/// Usage and Limit, as for State::checkSources, and the same for targets.
Status score(State &state, const Sequences &sources, const Sequences &targets, int32_t start,
             std::span<double> logProbs);

/// log softmax(logits)[token] = logits[token] - m - log(Σ exp(logits - m)), m the greatest,
/// all in f64.
double logSoftmaxAt(std::span<const float> logits, size_t token);

} // namespace encdec::runtime
