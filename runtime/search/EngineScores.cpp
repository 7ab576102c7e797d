//===- EngineScores.cpp - which tokens may follow the rows of a step ------===//

#include "runtime/search/Candidates.h"
#include "runtime/search/Engine.h"
#include "runtime/search/EngineSource.h"
#include "runtime/search/Random.h"

#include <cmath>
#include <limits>

namespace encdec::runtime {

/// Makes numbers of the scores where sources need them, up to the caller's hook.
Status Engine::readScores() {
  hookRows.clear();
  for (Source *source : live)
    if (source->policy->needsValues)
      readScores(*source);
  return hookRows.empty() ? Status() : hook({hookRows});
}

void Engine::readScores(Source &source) {
  const uint64_t vocabulary = state.model->manifest.model.vocabSize;
  const uint64_t stride = state.logitsStride();
  Policy &policy = *source.policy;
  for (size_t i = 0; i < source.count; ++i) {
    const size_t row = source.place + i;
    const float *logits = state.logits() + row * stride;
    RowScores scores(valuesOf(row), source.bans[i]);
    if (policy.search.beams > 1) {
      const auto sum = float(logSum(row));
      for (uint64_t token = 0; token < vocabulary; ++token)
        scores.values[token] = logits[token] - sum;
    } else {
      std::copy_n(logits, vocabulary, scores.values.data());
    }
    for (size_t p = 0; p < policy.hookPlace; ++p)
      policy.processors[p]->process(source.see(i), scores);
    if (policy.hooked)
      hookRows.push_back({source.number, source.see(i), scores.values});
  }
}

/// The candidates of all rows of the source, from what compiled code has found or from the
/// scores.
void Engine::readCandidates(Source &source) {
  Policy &policy = *source.policy;
  if (!policy.needsValues) {
    source.makeRoom(found);
    const size_t first = source.place * found, count = source.count * found;
    std::copy_n(state.topTokens().begin() + int64_t(first), count,
                source.candidateTokens.begin());
    for (auto *scores : {&source.candidateScores, &source.candidateKeys})
      std::copy_n(state.topLogProbs().begin() + int64_t(first), count, scores->begin());
    return source.force();
  }
  const size_t count = source.search->candidates();
  source.makeRoom(count);
  source.valueStride = state.logitsStride();
  source.values = {valuesOf(source.place).data(), source.count * source.valueStride};
  for (size_t row = 0; row < source.count; ++row) {
    RowScores scores(valuesOf(source.place + row), source.bans[row]);
    LiveRow live = source.see(row);
    live.taken = source.search->taken(row, source.predictions());
    for (size_t p = policy.hookPlace; p < policy.processors.size(); ++p)
      policy.processors[p]->process(live, scores);
    const auto ids = std::span(source.candidateTokens).subspan(row * count, count);
    const auto keys = std::span(source.candidateKeys).subspan(row * count, count);
    if (policy.search.sample)
      draw(source, row, scores.values, ids, keys);
    else
      chooseBest(scores.values, ids, keys);
    for (size_t i = 0; i < count; ++i)
      source.candidateScores[row * count + i] = scoreOf(source, row, ids[i]);
  }
}

/// What a token adds to its row's sum: for beams its processed log-probability; elsewhere the
/// model's own, whatever the processors have made of it.
float Engine::scoreOf(const Source &source, size_t row, int32_t token) {
  const Policy &policy = *source.policy;
  const size_t at = source.place + row;
  if (policy.search.beams > 1)
    return valuesOf(at)[size_t(token)];
  if (source.bans[row].isForced(token))
    return 0;
  if (!policy.search.scores)
    return std::numeric_limits<float>::quiet_NaN();
  return float(double(state.logits()[at * state.logitsStride() + size_t(token)]) -
               logSum(at));
}

/// log(Σ exp(logits)) of a row, from the logit and the log-probability of its best token.
double Engine::logSum(size_t row) const {
  const size_t at = row * found;
  const auto best = size_t(state.topTokens()[at]);
  return double(state.logits()[row * state.logitsStride() + best]) -
         double(state.topLogProbs()[at]);
}

std::span<float> Engine::valuesOf(size_t row) {
  return {reinterpret_cast<float *>(values.data()) + row * state.logitsStride(),
          state.model->manifest.model.vocabSize};
}

void Engine::Source::force() {
  for (size_t row = 0; row < next.size(); ++row) {
    const RowBans &rules = bans[row];
    if (!rules.isForced())
      continue;
    const size_t at = row * candidateCount;
    for (auto *scores : {&candidateScores, &candidateKeys}) // no other may be chosen
      std::fill_n(scores->begin() + int64_t(at), candidateCount, never);
    for (size_t i = 0; i < std::min(candidateCount, rules.forced.size()); ++i) {
      candidateTokens[at + i] = rules.forced[i];
      candidateScores[at + i] = candidateKeys[at + i] = 0;
    }
  }
}

/// Draws the row's candidates by the probabilities that its scores stand for: one, or those
/// with the greatest keys (Random.h), which is a draw without replacement. The beams of a source
/// draw from one distribution together, so a key's number is its own among all their tokens.
void Engine::draw(const Source &source, size_t row, std::span<const float> scores,
                  std::span<int32_t> ids, std::span<float> keys) {
  const Policy &policy = *source.policy;
  const Draw here{uint64_t(*policy.options.seed), source.drawId,
                  uint32_t(source.tokens.of(row).size())};
  std::fill(ids.begin(), ids.end(), 0);
  std::fill(keys.begin(), keys.end(), never);
  if (policy.search.beams == 1) {
    const auto token = drawToken(scores, here.uniform(uint32_t(source.search->sequenceOf(row))));
    if (!token)
      return;
    ids[0] = *token;
    keys[0] = scores[size_t(*token)];
    return;
  }
  drawn.resize(scores.size());
  for (size_t token = 0; token < scores.size(); ++token)
    drawn[token] = float(gumbelKey(here, uint32_t(row * scores.size() + token),
                                   double(scores[token])));
  chooseBest(drawn, ids, keys);
}

} // namespace encdec::runtime
