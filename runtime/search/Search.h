//===- Search.h - how tokens are chosen, step after step ------------------===//
//
// A strategy sees what a step predicts and says which rows go on from which,
// with which token. It knows no model, cache or thread, so each fits one file.

#pragma once

#include "runtime/base/Status.h"
#include "runtime/bundle/Manifest.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace encdec::runtime {

/// When a beam search stops, in Transformers' words: as soon as K hypotheses are
/// finished; when none that runs is likely to do better; or when none can.
enum class EarlyStopping { yes, no, never };

/// Decoding options with the model's defaults filled in.
struct SearchOptions {
  int32_t decoderStart = 0;
  std::vector<int32_t> eos;
  uint64_t maxLength = 0; ///< Start token included; at least 2.
  uint64_t minLength = 0; ///< Start token included: no eos before it.
  std::optional<int32_t> forcedBos;
  std::optional<int32_t> forcedEos; ///< The token at maxLength - 1.
  std::vector<int32_t> badTokens;   ///< Never chosen; no eos among them.
  double lengthPenalty = 1;
  uint64_t beams = 1;               ///< K
  uint64_t returned = 1;            ///< Hypotheses of a source, at most K.
  EarlyStopping earlyStopping = EarlyStopping::no;
  bool scores = true; ///< Whether log-probabilities are there; beams need them.
};

inline bool isEos(int32_t token, const SearchOptions &options) {
  return std::find(options.eos.begin(), options.eos.end(), token) !=
         options.eos.end();
}

/// The score of `length` generated tokens.
inline double penalized(double logProb, uint64_t length,
                        const SearchOptions &options) {
  return logProb / std::pow(double(length), options.lengthPenalty);
}

/// One finished sequence.
struct Hypothesis {
  std::vector<int32_t> ids; ///< Generated ones, start token not.
  double logProb = 0;       ///< Sum; forced tokens count 0.
  double score = 0;         ///< logProb / ids^lengthPenalty.
  /// The row of step t that predicted ids[t]; a last token forced without a step
  /// has none.
  std::vector<uint32_t> rows;
};

/// What a strategy wants to be run next; views into the strategy.
struct NextStep {
  std::span<const uint32_t> parents; ///< New row i goes on from this old row.
  std::span<const int32_t> tokens;   ///< The token to feed to each new row.
  bool forbidEos = false; ///< Keep every eos from being chosen in this step.
};

/// A strategy at work on one batch. Not shared.
class Search {
public:
  virtual ~Search() = default;
  /// How many tokens of each row advance wants to choose from.
  virtual size_t candidates() const { return 1; }
  /// Begins with row b = source b, for all sources. The first step's parents
  /// are the rows themselves.
  virtual NextStep start(size_t sources) = 0;
  /// Takes the best tokens of each row and their log-probabilities, [R]
  /// [candidates()], best first, -inf where there is none. No tokens in the
  /// answer: all sources are finished.
  virtual NextStep advance(std::span<const int32_t> best,
                           std::span<const float> logProbs) = 0;
  /// The source that a live row reads. Rows of a source follow each other.
  virtual size_t sourceOf(size_t row) const = 0;
  /// The results for a source, best first, once finished; each has a finite
  /// logProb where there are scores. Fewer than `returned`, or none, where the
  /// steps gave too few tokens whose log-probability is a number above -inf.
  virtual std::vector<Hypothesis> take(size_t source) = 0;
};

} // namespace encdec::runtime
