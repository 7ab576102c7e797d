//===- Generator.h - runs a search on a state -----------------------------===//

#pragma once

#include "runtime/exec/State.h"
#include "runtime/search/Search.h"

namespace encdec::runtime {

/// A finished sequence with what was recorded on the way.
struct Generated : Hypothesis {
  /// Cross-attention probabilities [L][H][T][S], row t made while predicting
  /// ids[t]; zeros for a token that needed no step. Empty unless asked for.
  std::vector<float> probs;
};

/// For the four lengths: none, not even the model's own. The model's positions remain a
/// limit.
inline constexpr int64_t noLimit = -2;

/// What the caller of generate asks for; the model's default where it is
/// absent.
struct GenerateRequest {
  std::optional<int64_t> maxNewTokens, maxLength; ///< Or noLimit, like the next two.
  std::optional<int64_t> minNewTokens, minLength;
  std::optional<int32_t> forcedBos, forcedEos; ///< Negative: none is forced.
  std::optional<int32_t> decoderStart;
  std::optional<double> lengthPenalty;
  std::optional<uint64_t> beams; ///< 1: greedy; default: the model's.
  std::optional<EarlyStopping> earlyStopping;
  uint64_t returned = 1;          ///< Hypotheses a source; at most the beams.
  std::vector<int32_t> badTokens; ///< In addition to the model's own.
  std::optional<uint64_t> noRepeatNgramSize, encoderNoRepeatNgramSize; ///< 0: off.
  bool probs = false;
  /// Without scores a greedy search is faster; they are NaN then, and a source
  /// whose numbers overflow goes unnoticed. Beam search always has them.
  bool scores = true;
};

/// Fills the model's defaults in where the request says nothing. Errors: Usage
/// for contradictions, Limit for lengths beyond maxTargetPositions.
Result<SearchOptions> resolve(const GenerateRequest &request,
                              const Manifest &manifest,
                              uint64_t maxTargetPositions);

/// Generates for any number of sources (ids[offsets[b] .. offsets[b+1])), in
/// portions of what the state has room for. Entry b of the answer holds the
/// hypotheses of source b, best first: `returned` of them, or fewer where the
/// search found no more (Search::take). Errors about one source carry its
/// index.
Result<std::vector<std::vector<Generated>>>
generate(State &state, std::span<const int32_t> ids,
         std::span<const uint64_t> offsets, const GenerateRequest &request);

} // namespace encdec::runtime
