//===- Search.h - how tokens are chosen, step after step ------------------===//
//
// A strategy is given what a step predicts for the rows of one source and says which rows
// the source has next: which of its old rows each of them continues, and with which token.
// It knows no model, cache, thread or other source.

#pragma once

#include "runtime/base/GenerationOptions.h"
#include "runtime/search/RowTokens.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace encdec::runtime {

/// Whether a row ends with a token though that is no end token.
class Stop {
public:
  virtual ~Stop() = default;
  /// `row` holds the prompt and the tokens before `token`.
  virtual bool ends(std::span<const int32_t> row, int32_t token) const = 0;
};

/// What a strategy obeys, resolved from the options of one source.
struct SearchOptions {
  std::vector<int32_t> eos;
  std::vector<std::shared_ptr<const Stop>> stops;
  uint64_t prompt = 1;    ///< P: tokens that were given: start token and prefix.
  uint64_t maxLength = 0; ///< Of a row, prompt included; more than P.
  double lengthPenalty = 1;
  uint64_t beams = 1;     ///< K
  uint64_t returned = 1;  ///< Hypotheses of a source: at most K, or so many samples.
  EarlyStopping earlyStopping = EarlyStopping::no;
  bool sample = false;
  bool scores = true; ///< Whether steps give log-probabilities.

  bool isEos(int32_t token) const {
    return std::find(eos.begin(), eos.end(), token) != eos.end();
  }
  /// Whether a row ends with the token that continues it.
  bool ends(std::span<const int32_t> row, int32_t token) const {
    return isEos(token) || std::any_of(stops.begin(), stops.end(), [&](const auto &stop) {
             return stop->ends(row, token);
           });
  }
  /// The score of a row of `length` tokens, prompt included.
  double penalized(double logProb, uint64_t length) const {
    return logProb / std::pow(double(length - prompt), lengthPenalty);
  }
};

/// One finished sequence.
struct Hypothesis {
  std::vector<int32_t> ids; ///< Generated ones, without the prompt.
  double logProb = 0;       ///< The sum over ids; a forced token adds 0.
  double score = 0;         ///< logProb / ids^lengthPenalty.
  /// rows[t] is the source's row in the step that predicted ids[t]. A last token that was
  /// forced without a step has no entry.
  std::vector<uint32_t> rows;
};

/// What a step predicts for the rows of a source: [rows][count] tokens that may follow, best
/// first, -inf where there is no further one.
struct Predictions {
  size_t count = 1;
  const RowTokens &rows; ///< Prompt and tokens of each row of the step.
  std::span<const int32_t> tokens;
  std::span<const float> logProbs; ///< What each adds to its row's sum.
  std::span<const float> keys;     ///< What orders them: logProbs, or what was drawn.

  /// Whether there is a candidate at place `at`: an overflow is NaN.
  bool has(size_t at) const { return keys[at] > -std::numeric_limits<float>::infinity(); }
};

/// A strategy at work on one source, for one caller at a time.
class Search {
public:
  virtual ~Search() = default;
  /// How many candidates of each row advance() needs.
  virtual size_t candidates() const { return 1; }
  /// Which of the source's sequences a row is: draws differ by it.
  virtual size_t sequenceOf(size_t row) const { return row; }
  /// The rows that continue the source's one row with the last token of its prompt.
  virtual NextRows start(int32_t token) = 0;
  /// Takes what the step of these rows predicts. `last`: every hypothesis ends with its next
  /// token, whatever its length (time is up). `stepped` is false where all rows were forced
  /// and no step was run.
  virtual NextRows advance(const Predictions &predictions, bool last, bool stepped) = 0;
  /// Appends the tokens, after the first `known` generated ones, that the best sequence will
  /// have, whatever is predicted from here on.
  virtual void appendCertain(size_t known, std::vector<int32_t> &tokens) const = 0;
  /// The results, best first, once ended; each has a finite logProb where there are scores.
  /// Fewer than `returned`, or none, where the steps gave too few tokens whose
  /// log-probability is a number above -inf.
  virtual std::vector<Hypothesis> take() = 0;
};

} // namespace encdec::runtime
