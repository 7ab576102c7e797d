//===- EngineGuess.cpp - tokens that an engine feeds ahead ----------------===//

#include "runtime/search/Engine.h"
#include "runtime/search/EngineSource.h"
#include "runtime/search/Lookup.h"

#include <algorithm>

namespace encdec::runtime {

/// Guesses next tokens for the sources that ask for it, as far as there is room; says whether
/// there are any.
bool Engine::guess() {
  const ModelInfo &model = state.model->manifest.model;
  size_t room = state.stepRoom() - state.rows();
  bool found = false, records = false;
  for (Source *source : live) {
    source->guess.clear();
    records |= source->policy->records; // for which steps of one token a row are needed
  }
  for (Source *source : live) {
    const Policy &policy = *source->policy;
    if (!policy.lookup || records)
      continue;
    const auto row = source->tokens.of(0);
    // The step predicts one token more than the guess has.
    const size_t most = std::min({size_t(policy.lookup), room,
                                  size_t(policy.search.maxLength) - row.size() - 1});
    const bool sameIds = model.sourceVocabSize == model.vocabSize;
    lookUp(row, sameIds ? std::span<const int32_t>(source->ids) : std::span<const int32_t>(),
           size_t(*policy.options.max_matching_ngram_size), most, source->guess);
    const auto end = std::ranges::find_if(
        source->guess, [&](int32_t token) { return policy.search.isEos(token); });
    source->guess.erase(end, source->guess.end());
    room -= source->guess.size();
    found |= !source->guess.empty();
  }
  return found;
}

/// Goes on through the tokens that were guessed and fed, as far as the source chooses them.
void Engine::follow(Source &source, Clock::time_point now) {
  size_t right = 0;
  while (right < source.guess.size() && !source.finished &&
         source.next[0] == source.guess[right]) {
    ++right;
    ++source.place;
    readScores(source);
    readCandidates(source);
    proceed(source, source.search->advance(source.predictions(), source.deadline <= now, true));
  }
  state.rewind(source.first, source.guess.size() - right);
  source.guess.clear();
}

} // namespace encdec::runtime
