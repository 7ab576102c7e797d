//===- Search.h - how tokens are chosen, step after step ------------------===//
//
// A strategy sees what a step predicts and says which rows go on from which,
// with which token. It knows no model, cache or thread, so each fits one file.

#pragma once

#include "runtime/base/Status.h"
#include "runtime/bundle/Manifest.h"

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
  std::optional<int32_t> forcedEos; ///< The token at maxLength - 1.
  std::vector<int32_t> badTokens;   ///< Never chosen; no eos among them.
  double lengthPenalty = 1;
};

/// One finished sequence.
struct Hypothesis {
  std::vector<int32_t> ids; ///< Generated ones, start token not.
  double logProb = 0;       ///< Sum; forced tokens count 0.
  double score = 0;         ///< logProb / ids^lengthPenalty.
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
  /// Begins with row b = source b, for all sources. The first step's parents
  /// are the rows themselves.
  virtual NextStep start(size_t sources) = 0;
  /// Takes the best token of each row and its log-probability. No tokens in the
  /// answer: all sources are finished.
  virtual NextStep advance(std::span<const int32_t> best,
                           std::span<const float> logProbs) = 0;
  /// The source that a live row reads.
  virtual size_t sourceOf(size_t row) const = 0;
  /// The result for a source, once finished.
  virtual Hypothesis take(size_t source) = 0;
};

} // namespace encdec::runtime
