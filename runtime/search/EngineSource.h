//===- EngineSource.h - what an engine knows of one source ----------------===//

#pragma once

#include "runtime/search/Candidates.h"
#include "runtime/search/Engine.h"
#include "runtime/search/Recorder.h"

namespace encdec::runtime {

/// It waits, is live, or has finished.
struct Engine::Source {
  uint64_t number = 0;
  std::vector<int32_t> ids, prompt; ///< The prompt: start token and prefix.
  std::vector<int32_t> wanted; ///< A prefix that is none of the prompt: prefix_bias_beta.
  std::shared_ptr<Policy> policy;
  uint64_t drawId = 0; ///< generation_id
  Clock::time_point deadline = Clock::time_point::max();

  // While it is live:
  std::unique_ptr<Search> search;
  RowTokens tokens;
  Recorder recorder;
  size_t fed = 0;                ///< Tokens of the prompt that were fed before the search.
  bool begun = false;
  size_t first = 0, count = 0;   ///< Its rows among the state's.
  size_t place = 0;              ///< Its first row's in what the last step has predicted.
  std::vector<int32_t> guess;    ///< Fed behind the one row's next token (Lookup.h).
  std::vector<uint32_t> parents; ///< The rows it has next: which row of its own each continues,
  std::vector<int32_t> next;     ///< and with which token.
  std::vector<RowBans> bans;     ///< [row], where its rules only ban and force.
  std::span<const float> values; ///< [row][valueStride], where all scores are numbers.
  size_t valueStride = 0;
  size_t candidateCount = 0;     ///< Of each row.
  std::vector<int32_t> candidateTokens;
  std::vector<float> candidateScores, candidateKeys;

  // From its end on:
  bool finished = false;
  Ending ending = Ending::ownRules;
  std::vector<Generated> results;

  bool announced = false; ///< Whether its number waits in Engine::news.
  size_t told = 0;        ///< Tokens of its best sequence that events have given.

  LiveRow see(size_t row) const {
    return {tokens.of(row), ids, prompt.size(), {}, wanted};
  }
  void makeRoom(size_t count) {
    candidateCount = count;
    candidateTokens.resize(next.size() * count);
    candidateScores.resize(next.size() * count);
    candidateKeys.resize(next.size() * count);
  }
  /// Puts what rules have forced in the place of a row's candidates.
  void force();
  Predictions predictions() const {
    return {candidateCount, tokens, candidateTokens, candidateScores, candidateKeys, values,
            valueStride, 0};
  }
};

} // namespace encdec::runtime
