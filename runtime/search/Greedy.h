//===- Greedy.h - one token after the other, the best or drawn ------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Greedy search and sampling as Transformers' generate does them with num_beams = 1: each
/// row takes its first candidate, and ends at its first end token or at maxLength. Sampling
/// has `returned` rows, which draw independently. Where a row has no candidate, which only
/// scores show, its sequence is missing.
class GreedySearch final : public Search {
public:
  explicit GreedySearch(SearchOptions options) : options(std::move(options)) {}

  size_t sequenceOf(size_t row) const override { return live[row]; }
  NextRows start(int32_t token) override;
  NextRows advance(const Predictions &predictions, bool last, bool stepped) override;
  void appendCertain(size_t known, std::vector<int32_t> &tokens) const override;
  std::vector<Hypothesis> take() override;

private:
  struct Sequence : Hypothesis {
    bool missing = false;
  };

  const SearchOptions options;
  uint64_t length = 0;              ///< Tokens of each live row, prompt included.
  std::vector<Sequence> sequences;
  std::vector<size_t> live;         ///< The sequence of each live row.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
