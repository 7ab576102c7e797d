//===- Bans.h - tokens that a step must not choose ------------------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// The logit biases of a search (abi.h: 0, or -inf for a token that may not be
/// chosen). Rows of which nothing is banned in particular share one of two rows of
/// biases: bad tokens, or bad tokens and end tokens. Any other has a row of its own,
/// which is written where a token is banned and cleared there again, so that the time
/// depends on the bans and not on the vocabulary.
class Bans {
public:
  /// `biases` is [2 + rows][stride], 64-byte aligned (State::biases). It is zero before
  /// and after the life of these bans. Room is made for `most` bans in each row.
  Bans(std::span<float> biases, uint64_t stride, const SearchOptions &options,
       uint64_t rows, uint64_t most);
  ~Bans();
  Bans(const Bans &) = delete;
  Bans &operator=(const Bans &) = delete;

  /// Begins a step of `rows` rows: only the bad tokens are banned, and the end tokens
  /// where `eos` says so.
  void begin(size_t rows, bool eos);
  /// Bans a token of one row in this step. An id that is not in the vocabulary, as a
  /// source may hold, is never chosen anyway.
  void ban(size_t row, int32_t token);

  /// The row of biases that applies to each row.
  std::span<const int32_t> rowBias() const { return places; }

private:
  /// Rows of biases: two that are shared, then one for each row.
  enum : int32_t { badTokens, badTokensAndEos, ownRows };

  float &at(size_t biasRow, int32_t token) {
    return biases[biasRow * stride + size_t(token)];
  }
  void fillShared(float value);

  const std::span<float> biases;
  const uint64_t stride;
  const SearchOptions &options;
  int32_t shared = badTokens;
  std::vector<int32_t> places;
  std::vector<float *> written; ///< In rows of their own, since begin().
};

} // namespace encdec::runtime
