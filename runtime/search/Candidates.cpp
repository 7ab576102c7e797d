//===- Candidates.cpp - which tokens may follow a row ---------------------===//

#include "runtime/search/Candidates.h"

#include <algorithm>

namespace encdec::runtime {

void RowBans::begin() {
  banned.clear();
  forced.clear();
  isSet = false;
}

void RowBans::ban(int32_t token) {
  banned.push_back(token);
  std::erase(forced, token);
}

void RowBans::force(std::span<const int32_t> tokens) {
  forced.assign(tokens.begin(), tokens.end());
  std::ranges::sort(forced); // of equal scores the lower token is the better one
  isSet = true;
}

bool RowBans::isForced(int32_t token) const {
  return std::ranges::find(forced, token) != forced.end();
}

void RowScores::ban(int32_t token) {
  if (token >= 0 && size_t(token) < values.size())
    values[size_t(token)] = never;
}

void RowScores::force(std::span<const int32_t> tokens) {
  std::ranges::fill(values, never);
  for (int32_t token : tokens)
    values[size_t(token)] = 0;
  record.force(tokens);
}

void chooseBest(std::span<const float> scores, std::span<int32_t> tokens,
                std::span<float> best) {
  const size_t count = tokens.size();
  std::fill(tokens.begin(), tokens.end(), 0);
  std::fill(best.begin(), best.end(), never);
  // `best` is sorted all the time; few scores reach its last place. A NaN reaches none.
  for (size_t token = 0; token < scores.size(); ++token) {
    const float score = scores[token];
    if (!(score > best[count - 1]))
      continue;
    size_t at = count - 1;
    for (; at > 0 && score > best[at - 1]; --at) {
      best[at] = best[at - 1];
      tokens[at] = tokens[at - 1];
    }
    best[at] = score;
    tokens[at] = int32_t(token);
  }
}

} // namespace encdec::runtime
