//===- Greedy.h - the best token at each step -----------------------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Greedy search as Transformers' generate does it with num_beams = 1: bad
/// tokens and minimum length keep tokens from being chosen, then a forced first
/// or last token overrides; a row ends at its first eos or at maxLength. Where
/// no token can be chosen, which only scores show, the source has no result.
class GreedySearch final : public Search {
public:
  explicit GreedySearch(SearchOptions options) : options(std::move(options)) {}

  NextStep start(size_t sources) override;
  NextStep advance(std::span<const int32_t> best,
                   std::span<const float> logProbs) override;
  size_t sourceOf(size_t row) const override { return source[row]; }
  std::vector<Hypothesis> take(size_t source) override;

private:
  NextStep next();
  void append(size_t row, int32_t token, double logProb);

  const SearchOptions options;
  uint64_t length = 1; ///< Tokens each live row has, start token included.
  std::vector<std::optional<Hypothesis>> results; ///< [source]
  std::vector<size_t> source; ///< The source of each live row.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
