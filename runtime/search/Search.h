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
  uint64_t places = 1;    ///< Finished hypotheses that a beam search keeps: K, times patience.
  uint64_t groups = 1;    ///< Of the beams, which act one after the other.
  option::Words words;    ///< That each hypothesis contains.
  uint64_t returned = 1;  ///< Hypotheses of a source: at most K, or so many samples.
  EarlyStopping earlyStopping = EarlyStopping::no;
  bool sample = false;
  bool reranked = false;  ///< Whether finished hypotheses are ranked by more than their sums.
  uint64_t alternatives = 0; ///< First tokens of which each begins a search of its own; 0: off.
  double leastProb = 0;   ///< Of such a token.
  bool scores = true; ///< Whether steps give log-probabilities.

  /// The most rows that a source has at once.
  uint64_t rows() const {
    return alternatives ? alternatives * beams : beams > 1 ? beams : returned;
  }
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
  const RowTokens &tokensOf; ///< Prompt and tokens of each row of the step.
  std::span<const int32_t> tokens;
  std::span<const float> logProbs; ///< What each adds to its row's sum.
  std::span<const float> keys;     ///< What orders them: logProbs, or what was drawn.

  /// [rows][stride]: the log-probabilities of all tokens; empty where they are no numbers.
  std::span<const float> all{};
  size_t stride = 0;
  size_t first = 0; ///< Where the rows begin in `tokensOf`.

  std::span<const int32_t> row(size_t at) const { return tokensOf.of(first + at); }
  /// Those of the rows from `from` on.
  Predictions behind(size_t from) const {
    return {count,
            tokensOf,
            tokens.subspan(from * count),
            logProbs.subspan(from * count),
            keys.subspan(from * count),
            all.subspan(std::min(all.size(), from * stride)),
            stride,
            first + from};
  }
  float scoreOf(size_t row, int32_t token) const {
    return all[row * stride + size_t(token)];
  }
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
  /// What beams of groups before the row's have taken at its next position. The predictions
  /// of the rows before it are there.
  virtual std::span<const int32_t> taken(size_t row, const Predictions &predictions) {
    (void)row, (void)predictions;
    return {};
  }
  /// Takes what the step of these rows predicts. `last`: every hypothesis ends with its next
  /// token, whatever its length (time is up). `stepped` is false where all rows were forced
  /// and no step was run.
  virtual NextRows advance(const Predictions &predictions, bool last, bool stepped) = 0;
  /// Whether `last` has ended a sequence that would have gone on.
  bool wasCut() const { return cut; }
  /// Appends the tokens, after the first `known` generated ones, that the best sequence will
  /// have, whatever is predicted from here on.
  virtual void appendCertain(size_t known, std::vector<int32_t> &tokens) const = 0;
  /// The results, best first, once ended; each has a finite logProb where there are scores.
  /// They may be more than `returned`; fewer, or none, where the steps gave too few tokens
  /// whose log-probability is a number above -inf.
  virtual std::vector<Hypothesis> take() = 0;

protected:
  bool cut = false;
};

/// The strategy that the options ask for.
std::unique_ptr<Search> makeSearch(const SearchOptions &options);

} // namespace encdec::runtime
