//===- StateStep.cpp - what a state predicts: prefill, step and reorder ---===//

#include "runtime/exec/State.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

namespace encdec::runtime {

Status State::prefill(size_t row, std::span<const int32_t> fed, bool logits) {
  ENCDEC_RETURN_IF_ERROR(checkPrefill(row, fed));
  encdec_abi_context call = context();
  const uint32_t count = uint32_t(fed.size());
  spread(row, fed, {&count, 1}, call);
  call.rows = int64_t(fed.size());
  call.logit_bias = reinterpret_cast<const float *>(zeroBias.data());
  call.row_bias = nullptr;
  call.top_k = 0;
  call.shortlist = int64_t(shortlist);
  call.out_logits = logits ? reinterpret_cast<float *>(logitsRegion.data()) : nullptr;
  ENCDEC_RETURN_IF_ERROR(run(EntryKind::Step, call));
  if (logits)
    widenLogits(fed.size());
  positions[row] += int32_t(fed.size());
  ++counters.prefills;
  counters.prefillTokens += fed.size();
  return {};
}

Status State::step(const StepInput &input) {
  ENCDEC_RETURN_IF_ERROR(checkStep(input));
  fed = input.tokens.size();
  if (input.logitBias && !input.rowBias.empty())
    std::copy(input.rowBias.begin(), input.rowBias.end(), rowBias.begin());
  else
    std::fill_n(rowBias.begin(), fed, 0);
  topK = input.topK;
  encdec_abi_context call = context();
  if (input.counts.empty()) {
    std::copy(input.tokens.begin(), input.tokens.end(), tokens.begin());
    for (size_t row = 0; row < rows(); ++row)
      slots.place(row, uint64_t(positions[row]));
  } else {
    spread(0, input.tokens, input.counts, call);
  }
  call.rows = int64_t(fed);
  call.top_k = int64_t(topK);
  call.shortlist = int64_t(shortlist);
  call.logit_bias = input.logitBias
                        ? input.logitBias
                        : reinterpret_cast<const float *>(zeroBias.data());
  call.out_logits =
      input.logits ? reinterpret_cast<float *>(logitsRegion.data()) : nullptr;
  call.out_probs =
      input.probs ? reinterpret_cast<float *>(probsRegion.data()) : nullptr;
  narrowBiases(input, call);
  int64_t candidateBlocks = -1; // stays so where the code uses no sketch
  call.out_candidate_blocks = &candidateBlocks;
  if (!input.logProbs)
    call.out_log_probs = nullptr;
  ENCDEC_RETURN_IF_ERROR(run(EntryKind::Step, call));
  if (const std::vector<int32_t> *list = listed())
    for (int32_t &token :
         std::span(reinterpret_cast<int32_t *>(outTokens.data()), fed * topK))
      token = (*list)[size_t(token)];
  if (input.logits)
    widenLogits(fed);
  if (!input.logProbs)
    std::fill_n(reinterpret_cast<float *>(outLogProbs.data()), fed * topK,
                std::numeric_limits<float>::quiet_NaN());
  if (candidateBlocks >= 0) {
    ++counters.sketchedSteps;
    counters.candidateBlocks += uint64_t(candidateBlocks);
  }
  for (size_t row = 0; row < rows(); ++row)
    positions[row] += input.counts.empty() ? 1 : int32_t(input.counts[row]);
  ++counters.steps;
  counters.stepRows += fed;
  return {};
}

/// Gives a call a row of code for each token that the state's rows from `first` on are fed:
/// counts[i] of `fed`, which are laid end to end.
void State::spread(size_t first, std::span<const int32_t> fed,
                   std::span<const uint32_t> counts, encdec_abi_context &call) {
  size_t at = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const size_t row = first + i, count = counts[i];
    call.ancestors = slots.placeAll(row, uint64_t(positions[row]), count, at);
    std::iota(readPositions.begin() + int64_t(at), readPositions.begin() + int64_t(at + count),
              positions[row]);
    std::fill_n(readSource.begin() + int64_t(at), count, rowSource[row]);
    at += count;
  }
  std::copy(fed.begin(), fed.end(), readTokens.begin());
  call.tokens = readTokens.data();
  call.positions = readPositions.data();
  call.row_source = readSource.data();
  call.shared_slots = 1;
}

/// The tokens that steps are confined to; null for all.
const std::vector<int32_t> *State::listed() const {
  return shortlist ? &model->manifest.shortlists[shortlist - 1].tokens : nullptr;
}

/// Gives a step that is confined to a list the biases [biasRows][V] of the list's tokens alone.
void State::narrowBiases(const StepInput &input, encdec_abi_context &call) {
  const std::vector<int32_t> *list = listed();
  if (!list || !input.logitBias)
    return;
  auto *to = reinterpret_cast<float *>(shortBias.data());
  const uint64_t stride = roundUp16(list->size());
  for (uint64_t row = 0; row < input.biasRows; ++row)
    for (size_t i = 0; i < list->size(); ++i)
      to[row * stride + i] = input.logitBias[row * paddedVocabulary + size_t((*list)[i])];
  call.logit_bias = to;
}

/// Of a step that was confined to a list, moves the logits of its tokens to their ids' places,
/// from [rows][round_up(list, 16)] to [rows][round_up(V, 16)]: from the last row on, so that no
/// row is overwritten before its turn.
void State::widenLogits(size_t rows) {
  const std::vector<int32_t> *list = listed();
  if (!list)
    return;
  auto *logits = reinterpret_cast<float *>(logitsRegion.data());
  const uint64_t stride = roundUp16(list->size());
  for (size_t row = rows; row-- > 0;) {
    std::copy_n(logits + row * stride, list->size(), shortRow.begin());
    float *to = logits + row * paddedVocabulary;
    std::fill_n(to, paddedVocabulary, -std::numeric_limits<float>::infinity());
    for (size_t i = 0; i < list->size(); ++i)
      to[(*list)[i]] = shortRow[i];
  }
}

Status State::reorder(std::span<const uint32_t> parents) {
  const size_t before = rows();
  if (parents.size() > limits.maxRows)
    return overLimit(fmt::format("{} rows are more than max_rows {}",
                                 parents.size(), limits.maxRows));
  for (size_t i = 0; i < parents.size(); ++i)
    if (parents[i] >= rows())
      return usageError(fmt::format("parent {} of new row {} is not below the {} "
                                    "live rows",
                                    parents[i], i, rows()));
  if (!slots.fits(parents))
    return overLimit("the sources that joined together have fewer rows than are to go on from "
                     "their rows; let sources join with more rows each");
  for (size_t i = 0; i < parents.size(); ++i) {
    nextPosition[i] = positions[parents[i]];
    nextSource[i] = rowSource[parents[i]];
  }
  slots.reorder(parents, nextPosition);
  // A source whose rows all disappear ends.
  for (size_t row = 0; row < before; ++row)
    if (const auto source = size_t(rowSource[row]);
        live.length(source) && !std::count(nextSource.begin(),
                                           nextSource.begin() + int64_t(parents.size()),
                                           rowSource[row]))
      live.remove(source);
  std::copy_n(nextPosition.begin(), parents.size(), positions.begin());
  std::copy_n(nextSource.begin(), parents.size(), rowSource.begin());
  return {};
}

} // namespace encdec::runtime
