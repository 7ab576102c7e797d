//===- Beams.h - what all searches with beams are made of -----------------===//

#pragma once

#include "runtime/search/Search.h"

namespace encdec::runtime {

/// Hypotheses that begin alike share their tokens: each token knows the one before it, and
/// a hypothesis is named by its last one.
class Chain {
public:
  static constexpr size_t none = SIZE_MAX; ///< The hypothesis without tokens.
  static constexpr uint32_t noRow = UINT32_MAX;

  /// Continues the hypothesis `before`. `row`: the row whose step predicted the token, or
  /// noRow.
  size_t append(size_t before, int32_t id, uint32_t row) {
    tokens.push_back({id, row, length(before) + 1, before});
    return tokens.size() - 1;
  }
  int32_t id(size_t at) const { return tokens[at].id; }
  uint32_t length(size_t at) const { return at == none ? 0 : tokens[at].length; }
  /// The longest beginning that two hypotheses have in common.
  size_t meet(size_t a, size_t b) const;
  /// Appends the tokens of a hypothesis after its first `known`.
  void appendTo(std::vector<int32_t> &ids, size_t last, size_t known) const;
  Hypothesis read(size_t last, double logProb, double score) const;

private:
  struct Token {
    int32_t id;
    uint32_t row, length; ///< Generated tokens up to this one.
    size_t before;
  };
  std::vector<Token> tokens;
};

/// A live hypothesis.
struct Beam {
  double logProb;
  size_t last;  ///< In the chain.
  uint32_t row; ///< Its row in the next step.
};

struct FinishedBeam {
  double score, logProb;
  size_t last;
};

/// A beam with a token that may follow.
struct BeamCandidate {
  double logProb, key;
  int32_t token;
  uint32_t beam; ///< Its index.
};

/// The sum that Transformers gives the beams that are copies of the first one at the start:
/// they must lose against every real sum. Half of it tells them apart.
inline constexpr double copiedBeam = -1e9;
inline bool isCopy(double logProb) { return !(logProb > copiedBeam / 2); }

/// `count` beams of the prompt alone, whose row is `row`. The first must win.
void startBeams(std::vector<Beam> &beams, uint64_t count, uint32_t row);

/// The `count` continuations with the greatest keys; by `key` or `logProb`, then the lower
/// token, then the better beam.
void gather(std::span<const Beam> beams, const Predictions &predictions, uint64_t count,
            std::vector<BeamCandidate> &found);
void sortBy(double BeamCandidate::*sum, std::vector<BeamCandidate> &found);

/// Puts a hypothesis among the `room` best, best first. On a tie the one that finished
/// earlier wins.
void finish(std::vector<FinishedBeam> &finished, const FinishedBeam &one, uint64_t room);

/// Appends the rows of the next step for these beams. Beams with the same tokens share one.
void appendRows(std::span<Beam> beams, const Chain &chain, std::vector<uint32_t> &parents,
                std::vector<int32_t> &tokens);

} // namespace encdec::runtime
