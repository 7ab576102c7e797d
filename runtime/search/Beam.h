//===- Beam.h - the K best hypotheses of each source ----------------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Beam search as Transformers 5 defines it (generation/utils.py,
/// _beam_search): of the C = max(2, 1 + number of end tokens) * K best
/// continuations of a source, those that go on fill its K beams, and those
/// among the first K that stop compete for its K finished places. Ties go to
/// the lower token, then to the better beam. The rows of a source leave the
/// batch as soon as nothing can change its result.
class BeamSearch final : public Search {
public:
  explicit BeamSearch(SearchOptions options);

  size_t candidates() const override { return considered; }
  NextStep start(size_t sources) override;
  NextStep advance(std::span<const int32_t> best,
                   std::span<const float> logProbs) override;
  size_t sourceOf(size_t row) const override { return sources[row]; }
  std::vector<Hypothesis> take(size_t source) override;

private:
  /// Hypotheses that begin alike share these tokens: each token knows the one
  /// before it.
  struct Token {
    int32_t id;
    uint32_t row; ///< The row whose step predicted the token.
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
    double logProb;
    int32_t token;
    uint32_t beam; ///< The beam that it continues: an index of Source::beams.
  };
  struct Source {
    std::vector<Beam> beams;        ///< Best first.
    std::vector<Finished> finished; ///< Best first; at most K.
  };

  void gather(const Source &source, std::span<const int32_t> best,
              std::span<const float> logProbs);
  void extend(Source &source);
  void finishForced();
  bool canImprove(const Source &source) const;
  NextStep next();
  Hypothesis read(double logProb, double score, size_t last) const;

  const SearchOptions options;
  const uint64_t considered; ///< C, the continuations considered.
  uint64_t length = 1;       ///< Tokens of each beam, start token included.
  std::vector<Source> all;
  std::vector<Token> chain;
  std::vector<Candidate> found; ///< Continuations of the source at hand.
  std::vector<size_t> sources;  ///< The source of each live row.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
