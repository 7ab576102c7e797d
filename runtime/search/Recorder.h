//===- Recorder.h - a source's cross-attention probabilities --------------===//

#pragma once

#include "runtime/exec/State.h"
#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Collects the probabilities of the rows of one source, step by step.
class Recorder {
public:
  /// Keeps those of the last step: [L * H][S] for each of the state's rows first ...
  /// first + count - 1, one row after the other.
  void record(const State &state, size_t first, size_t count);
  /// The probabilities of a hypothesis, put together as [L][H][T][S]; zeros for a token
  /// that needed no step.
  std::vector<float> take(const Hypothesis &hypothesis) const;

private:
  uint64_t planes = 0, length = 0;       ///< L * H, S
  std::vector<std::vector<float>> steps; ///< [step][row][L * H][S]
};

} // namespace encdec::runtime
