//===- StateChecks.cpp - what a state refuses before it does anything -----===//

#include "runtime/exec/State.h"

#include <fmt/format.h>

#include <numeric>

namespace encdec::runtime {

Status checkOffsets(uint64_t idCount, std::span<const uint64_t> offsets, const char *what) {
  if (offsets.empty())
    return {};
  if (offsets.front() != 0 || offsets.back() != idCount)
    return usageError(
        fmt::format("{} offsets must run from 0 to the number of "
                    "ids {}, but run from {} to {}",
                    what, idCount, offsets.front(), offsets.back()));
  for (size_t b = 0; b + 1 < offsets.size(); ++b)
    if (offsets[b + 1] < offsets[b] || offsets[b + 1] > idCount)
      return usageError(
                 fmt::format("{} offsets {} and {} do not ascend within "
                             "the {} ids",
                             what, offsets[b], offsets[b + 1], idCount))
          .withInput(b);
  return {};
}

Status checkTokens(std::span<const int32_t> tokens, uint64_t vocabulary, const char *what) {
  for (size_t i = 0; i < tokens.size(); ++i)
    if (tokens[i] < 0 || uint64_t(tokens[i]) >= vocabulary)
      return usageError(fmt::format("token {} at place {} of the {} is outside the "
                                    "vocabulary 0 ... {}",
                                    tokens[i], i, what, vocabulary - 1));
  return {};
}

Status State::checkSource(std::span<const int32_t> ids) const {
  const ModelInfo &sizes = model->manifest.model;
  if (ids.empty())
    return usageError("the source is empty, expected at least one token");
  if (ids.size() > sizes.maxPositions)
    return overLimit(
        fmt::format("the source has {} tokens, more than the model's {} "
                    "positions; shorten it, or compile a model without tables of "
                    "positions for more with --max-source-tokens",
                    ids.size(), sizes.maxPositions));
  if (roundUp16(ids.size()) > limits.maxSourceTokens)
    return overLimit(
        fmt::format("the source takes {} token places (rounded up to 16), "
                    "more than max_source_tokens {}",
                    roundUp16(ids.size()), limits.maxSourceTokens));
  for (size_t i = 0; i < ids.size(); ++i)
    if (ids[i] < 0 || uint64_t(ids[i]) >= sizes.sourceVocabSize)
      return usageError(fmt::format("id {} at place {} is outside the source "
                                    "vocabulary 0 ... {}",
                                    ids[i], i, sizes.sourceVocabSize - 1));
  return {};
}

Status State::checkSources(std::span<const int32_t> ids,
                           std::span<const uint64_t> offsets) const {
  const size_t count = offsets.empty() ? 0 : offsets.size() - 1;
  ENCDEC_RETURN_IF_ERROR(checkOffsets(ids.size(), offsets));
  for (size_t b = 0; b < count; ++b)
    ENCDEC_RETURN_IF_ERROR(
        checkSource(ids.subspan(offsets[b], offsets[b + 1] - offsets[b]))
            .withInput(b));
  return {};
}

Status State::checkStep(const StepInput &input) {
  const uint64_t vocabulary = model->manifest.model.vocabSize;
  ENCDEC_RETURN_IF_ERROR(checkDecoder(*model));
  if (rows() == 0)
    return usageError("there are no rows; encode sources first");
  uint64_t expected = rows();
  if (!input.counts.empty()) {
    if (input.counts.size() != rows() || input.probs)
      return usageError("a step of several tokens a row has a count for each row, and no probs");
    expected = std::accumulate(input.counts.begin(), input.counts.end(), uint64_t(0));
    for (size_t row = 0; row < rows(); ++row)
      if (input.counts[row] < 1 || (input.counts[row] > 1 && !slots.isAlone(row)))
        return usageError(fmt::format("row {} is fed {} tokens; expected at least one, and no "
                                      "more where other rows share its slots",
                                      row, input.counts[row]));
    if (expected > stepRoom())
      return overLimit(fmt::format("the step has {} tokens, more than {}", expected, stepRoom()));
  }
  if (input.tokens.size() != expected)
    return usageError(fmt::format("the step has {} tokens for {} rows",
                                  input.tokens.size(), rows()));
  if (input.topK < 1 || input.topK > ENCDEC_ABI_MAX_TOP_K)
    return usageError(fmt::format("top_k is {}, expected 1 ... {} tokens a row",
                                  input.topK, ENCDEC_ABI_MAX_TOP_K));
  if (input.probs && !limits.probs)
    return usageError(
        "probs were asked for, but the state was made without room "
        "for them; create it with probs = 1");
  if (reinterpret_cast<uintptr_t>(input.logitBias) % 64 != 0)
    return usageError("logit_bias is not 64-byte aligned");
  for (size_t at = 0, row = 0; row < rows(); ++row) {
    const uint64_t count = input.counts.empty() ? 1 : input.counts[row];
    if (uint64_t(positions[row]) + count > limits.maxTargetPositions)
      return overLimit(fmt::format("row {} has used all {} positions "
                                   "(max_target_positions)",
                                   row, limits.maxTargetPositions));
    for (uint64_t i = 0; i < count; ++i, ++at)
      if (input.tokens[at] < 0 || uint64_t(input.tokens[at]) >= vocabulary)
        return usageError(
            fmt::format("token {} of row {} is outside the vocabulary "
                        "0 ... {}",
                        input.tokens[at], row, vocabulary - 1));
  }
  if (!input.rowBias.empty() && input.rowBias.size() != expected)
    return usageError(fmt::format("row_bias has {} entries for {} rows",
                                  input.rowBias.size(), rows()));
  for (size_t row = 0; row < input.rowBias.size(); ++row)
    if (input.rowBias[row] < 0 || uint64_t(input.rowBias[row]) >= input.biasRows)
      return usageError(fmt::format("row_bias {} of row {} is not below "
                                    "bias_rows {}",
                                    input.rowBias[row], row, input.biasRows));
  return {};
}

Status State::checkPrefill(size_t row, std::span<const int32_t> fed) {
  ENCDEC_RETURN_IF_ERROR(checkDecoder(*model));
  if (row >= rows())
    return usageError(fmt::format("row {} is not below the {} live rows", row, rows()));
  if (!slots.isAlone(row))
    return usageError(fmt::format("row {} shares the cache's slots with other rows; a source "
                                  "that is to be given a prefix joins by itself",
                                  row));
  if (fed.empty() || fed.size() > prefillRows)
    return usageError(fmt::format("a prefill has {} tokens, expected 1 ... {}", fed.size(),
                                  prefillRows));
  ENCDEC_RETURN_IF_ERROR(checkTokens(fed, model->manifest.model.vocabSize, "prefix"));
  if (uint64_t(positions[row]) + fed.size() > limits.maxTargetPositions)
    return overLimit(fmt::format("row {} at position {} has no room for {} more tokens "
                                 "(max_target_positions {})",
                                 row, positions[row], fed.size(),
                                 limits.maxTargetPositions));
  return {};
}

} // namespace encdec::runtime
