//===- Search.h - how tokens are chosen, step after step ------------------===//
//
// A strategy is given what a step predicts and says which rows the next step
// has: which old row each of them continues, and with which token. It knows no
// model, cache or thread.

#pragma once

#include "runtime/base/GenerationOptions.h"
#include "runtime/base/Status.h"
#include "runtime/bundle/Manifest.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace encdec::runtime {

/// Decoding options with the model's defaults filled in.
struct SearchOptions {
  int32_t decoderStart = 0;
  std::vector<int32_t> eos;
  uint64_t maxLength = 0; ///< Start token included; at least 2.
  uint64_t minLength = 0; ///< Start token included: no eos before it.
  std::optional<int32_t> forcedBos;
  std::optional<int32_t> forcedEos; ///< The last token of a row of maxLength.
  std::vector<int32_t> badTokens;   ///< Never chosen; no eos among them.
  uint64_t noRepeatNgramSize = 0;   ///< 0: any n-gram may stand in a row again.
  uint64_t encoderNoRepeatNgramSize = 0; ///< The same for n-grams of the source.
  double lengthPenalty = 1;
  uint64_t beams = 1;               ///< K
  uint64_t returned = 1;            ///< Hypotheses of a source, at most K.
  EarlyStopping earlyStopping = EarlyStopping::no;
  bool scores = true; ///< Whether steps give log-probabilities.
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
  double logProb = 0;       ///< The sum over ids; a forced token adds 0.
  double score = 0;         ///< logProb / ids^lengthPenalty.
  /// rows[t] is the row of step t that predicted ids[t]. A last token that was
  /// forced without a step has no entry.
  std::vector<uint32_t> rows;
};

/// The step that a strategy wants to be run next. The spans belong to the
/// strategy.
struct NextStep {
  std::span<const uint32_t> parents; ///< The old row that new row i continues.
  std::span<const int32_t> tokens;   ///< The token to feed to each new row.
  bool forbidEos = false; ///< Keep every eos from being chosen in this step.
};

/// A strategy at work on one batch, for one caller at a time.
class Search {
public:
  virtual ~Search() = default;
  /// How many of the best tokens of each row advance() needs.
  virtual size_t candidates() const { return 1; }
  /// Begins a batch, in which row b reads source b. The first step continues
  /// each row by itself.
  virtual NextStep start(size_t sources) = 0;
  /// Takes the best tokens of each row and their log-probabilities, [R]
  /// [candidates()], best first, -inf where there is no further token. When all
  /// sources are finished, the answer has no tokens.
  virtual NextStep advance(std::span<const int32_t> best,
                           std::span<const float> logProbs) = 0;
  /// The source that a live row reads. The rows of one source are adjacent.
  virtual size_t sourceOf(size_t row) const = 0;
  /// The results for a source, best first, once finished; each has a finite
  /// logProb where there are scores. Fewer than `returned`, or none, where the
  /// steps gave too few tokens whose log-probability is a number above -inf.
  virtual std::vector<Hypothesis> take(size_t source) = 0;
};

} // namespace encdec::runtime
