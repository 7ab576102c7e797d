//===- Recorder.h - a source's cross-attention probabilities --------------===//

#pragma once

#include "runtime/exec/State.h"
#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Collects the probabilities of the rows of one source, step by step.
class Recorder {
public:
  Recorder() = default;
  /// Of a source of `length` tokens. Where rules force every token there is no step, so that
  /// sizes are known from here.
  Recorder(const ModelInfo &sizes, size_t length)
      : planes(sizes.decoderLayers * sizes.decoderHeads), length(length) {}
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

/// How far a hypothesis of these probabilities, [L][H][T][S], covers its source (Wu et al.
/// 2016, arXiv 1609.08144, section 7): Σ_s log(min(Σ_t p_ts, 1)) over keys with any attention.
/// As in CTranslate2, by default, p is that of the last layer's first head.
double coverage(std::span<const float> probs, uint64_t layers, uint64_t heads, uint64_t tokens,
                uint64_t keys);

} // namespace encdec::runtime
