//===- Greedy.cpp - one token after the other, the best or drawn ----------===//

#include "runtime/search/Greedy.h"

#include <numeric>

namespace encdec::runtime {

NextRows GreedySearch::start(int32_t token) {
  length = options.prompt;
  sequences.resize(options.returned);
  for (Sequence &sequence : sequences) {
    sequence.ids.reserve(options.maxLength - options.prompt);
    sequence.rows.reserve(options.maxLength - options.prompt);
  }
  live.resize(options.returned);
  std::iota(live.begin(), live.end(), size_t(0));
  parents.assign(options.returned, 0);
  tokens.assign(options.returned, token);
  return {parents, tokens};
}

NextRows GreedySearch::advance(const Predictions &predictions, bool last, bool stepped) {
  ++length;
  // Finished rows leave; those that remain keep their order.
  size_t kept = 0;
  for (size_t row = 0; row < live.size(); ++row) {
    Sequence &sequence = sequences[live[row]];
    const size_t at = row * predictions.count;
    sequence.missing = options.scores && !predictions.has(at);
    if (sequence.missing)
      continue;
    const int32_t token = predictions.tokens[at];
    sequence.ids.push_back(token);
    sequence.logProb += double(predictions.logProbs[at]);
    if (stepped)
      sequence.rows.push_back(uint32_t(row));
    if (options.ends(predictions.row(row), token) || length >= options.maxLength)
      continue;
    cut |= last;
    if (last)
      continue;
    parents[kept] = uint32_t(row);
    tokens[kept] = token;
    live[kept] = live[row];
    ++kept;
  }
  parents.resize(kept);
  tokens.resize(kept);
  live.resize(kept);
  return {parents, tokens};
}

void GreedySearch::appendCertain(size_t known, std::vector<int32_t> &certain) const {
  const Sequence &best = sequences.front();
  if (!best.missing)
    certain.insert(certain.end(), best.ids.begin() + int64_t(known), best.ids.end());
}

std::vector<Hypothesis> GreedySearch::take() {
  std::vector<Hypothesis> found;
  for (Sequence &sequence : sequences) {
    if (sequence.missing || sequence.ids.empty())
      continue;
    sequence.score =
        options.penalized(sequence.logProb, options.prompt + sequence.ids.size());
    found.push_back(std::move(sequence));
  }
  return found;
}

} // namespace encdec::runtime
