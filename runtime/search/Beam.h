//===- Beam.h - the K best hypotheses of a source -------------------------===//

#pragma once

#include "runtime/search/Beams.h"

namespace encdec::runtime {

/// Beam search as Transformers 5 defines it (generation/utils.py,
/// _beam_search): of the C = max(2, 1 + number of end tokens) * K best
/// continuations of a source, those that go on fill its K beams, and those
/// among the first K that stop compete for its finished places: K, or as many as `patience`
/// makes of them. Ties go to the lower token, then to the better beam. The rows of a source
/// leave the batch as soon as nothing can change its result. Beam sampling draws the C
/// continuations and orders what it has drawn by their sums.
class BeamSearch final : public Search {
public:
  explicit BeamSearch(SearchOptions options);

  size_t candidates() const override { return considered; }
  NextRows start(int32_t token) override;
  NextRows advance(const Predictions &predictions, bool last, bool stepped) override;
  void appendCertain(size_t known, std::vector<int32_t> &tokens) const override;
  std::vector<Hypothesis> take() override;

private:
  void extend(const Predictions &predictions, bool last, bool stepped);
  bool canImprove() const;

  const SearchOptions options;
  const uint64_t considered; ///< C, the continuations considered.
  uint64_t length = 0;       ///< Tokens of each beam, prompt included.
  std::vector<Beam> beams, before;  ///< Best first; `before` is spare.
  std::vector<FinishedBeam> finished; ///< Best first.
  Chain chain;
  std::vector<BeamCandidate> found; ///< Continuations, best first.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
