//===- Biases.h - tokens that a step must not choose ----------------------===//

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace encdec::runtime {

/// The logit biases of steps (abi.h: 0, or -inf for a token that may not be chosen). Rows of
/// a step with the same bans share one row of biases, which stays as it is from step to step
/// while it is wanted, so that the time depends on changes and not on the vocabulary.
class Biases {
public:
  /// `biases` is [at least 1 + rows][stride], 64-byte aligned (State::biases), and zero before
  /// and after the life of this.
  Biases(std::span<float> biases, uint64_t stride);
  ~Biases();
  Biases(const Biases &) = delete;
  Biases &operator=(const Biases &) = delete;

  /// Begins a step: every row of biases may be given away again.
  void begin() { ++step; }
  /// The row of biases that bans these tokens, of at most `rows` different ones in a step.
  /// An id that is not in the vocabulary, as a source may hold, is never chosen anyway.
  int32_t rowFor(std::span<const int32_t> banned);

  const float *data() const { return biases.data(); }
  uint64_t rows() const { return rowsOfBiases.size(); }

private:
  struct Row {
    std::vector<int32_t> banned;
    uint64_t hash = 0, used = 0; ///< The last step that used it.
  };
  void fill(size_t row, float value);

  const std::span<float> biases;
  const uint64_t stride;
  uint64_t step = 0;
  std::vector<Row> rowsOfBiases; ///< The first one bans nothing.
};

} // namespace encdec::runtime
