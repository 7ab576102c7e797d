//===- Beam.h - the K best hypotheses of a source -------------------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Beam search as Transformers 5 defines it (generation/utils.py,
/// _beam_search): of the C = max(2, 1 + number of end tokens) * K best
/// continuations of a source, those that go on fill its K beams, and those
/// among the first K that stop compete for its K finished places. Ties go to
/// the lower token, then to the better beam. The rows of a source leave the
/// batch as soon as nothing can change its result. Beam sampling draws the C continuations
/// and orders what it has drawn by their sums.
class BeamSearch final : public Search {
public:
  explicit BeamSearch(SearchOptions options);

  size_t candidates() const override { return considered; }
  NextRows start(int32_t token) override;
  NextRows advance(const Predictions &predictions, bool last, bool stepped) override;
  void appendCertain(size_t known, std::vector<int32_t> &tokens) const override;
  std::vector<Hypothesis> take() override;

private:
  /// Hypotheses that begin alike share these tokens: each token knows the one
  /// before it.
  struct Token {
    int32_t id;
    uint32_t row; ///< The row whose step predicted the token.
    uint32_t length; ///< Generated tokens up to this one.
    size_t before;
  };
  struct Beam {
    double logProb;
    size_t last;  ///< Its last token, in `chain`.
    uint32_t row; ///< The beam's row in the next step.
  };
  struct Finished {
    double score, logProb;
    size_t last;
  };
  struct Candidate {
    double logProb, key;
    int32_t token;
    uint32_t beam; ///< The beam that it continues: an index of `beams`.
  };

  void gather(const Predictions &predictions);
  void extend(const RowTokens &rows, bool last, bool stepped);
  bool canImprove() const;
  NextRows next();
  Hypothesis read(const Finished &finished) const;

  const SearchOptions options;
  const uint64_t considered; ///< C, the continuations considered.
  uint64_t length = 0;       ///< Tokens of each beam, prompt included.
  std::vector<Beam> beams, before;  ///< Best first; `before` is spare.
  std::vector<Finished> finished;   ///< Best first; at most K.
  std::vector<Token> chain;
  std::vector<Candidate> found; ///< Continuations, best first.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
