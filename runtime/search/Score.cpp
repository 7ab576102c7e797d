//===- Score.cpp - how probable given targets are -------------------------===//

#include "runtime/search/Score.h"

#include "runtime/exec/Joining.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace encdec::runtime {

namespace {

Status checkTarget(const State &state, std::span<const int32_t> target) {
  if (target.empty())
    return usageError("the target is empty; it needs at least one token");
  if (target.size() > state.limits.maxTargetPositions)
    return overLimit(fmt::format("the target has {} tokens, more than the {} target positions "
                                 "that this model or state has room for; shorten it",
                                 target.size(), state.limits.maxTargetPositions));
  return checkTokens(target, state.model->manifest.model.vocabSize, "target");
}

/// Feeds one row its start token and target but the last, in as few calls as may be, and
/// reads what each place predicts.
Status scoreRow(State &state, size_t row, int32_t start, std::span<const int32_t> target,
                std::span<double> logProbs) {
  std::vector<int32_t> fed(1, start);
  fed.insert(fed.end(), target.begin(), target.end() - 1);
  const uint64_t vocabulary = state.model->manifest.model.vocabSize;
  for (size_t at = 0; at < fed.size(); at += prefillRows) {
    const size_t count = std::min<size_t>(prefillRows, fed.size() - at);
    ENCDEC_RETURN_IF_ERROR(
        state.prefill(row, std::span(fed).subspan(at, count), /*logits=*/true));
    for (size_t t = 0; t < count; ++t)
      logProbs[at + t] = logSoftmaxAt({state.logits() + t * state.logitsStride(), vocabulary},
                                      size_t(target[at + t]));
  }
  return {};
}

} // namespace

double logSoftmaxAt(std::span<const float> logits, size_t token) {
  const double most = *std::ranges::max_element(logits);
  double sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - most);
  return double(logits[token]) - most - std::log(sum);
}

Status score(State &state, const Sequences &sources, const Sequences &targets, int32_t start,
             std::span<double> logProbs) {
  ENCDEC_RETURN_IF_ERROR(state.checkSources(sources.ids, sources.offsets));
  for (size_t b = 0; b < targets.count(); ++b)
    if (Status status = checkTarget(state, targets[b]); !status.ok())
      return std::move(status).withInput(b);
  ENCDEC_RETURN_IF_ERROR(state.reorder({}));
  for (size_t first = 0; first < sources.count();) {
    Joining joining(state); // each source alone has room: checkSources
    while (first + joining.count() < sources.count() &&
           joining.add(sources[first + joining.count()], 1)) {
    }
    ENCDEC_RETURN_IF_ERROR(joining.join());
    const size_t last = first + joining.count();
    for (size_t b = first; b < last; ++b)
      ENCDEC_RETURN_IF_ERROR(
          scoreRow(state, b - first, start, targets[b],
                   logProbs.subspan(targets.offsets[b], targets[b].size())));
    ENCDEC_RETURN_IF_ERROR(state.reorder({}));
    first = last;
  }
  return {};
}

} // namespace encdec::runtime
