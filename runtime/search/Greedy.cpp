//===- Greedy.cpp - the best token at each step ---------------------------===//

#include "runtime/search/Greedy.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace encdec::runtime {

NextStep GreedySearch::start(size_t sources) {
  length = 1;
  results.assign(sources, Hypothesis());
  source.resize(sources);
  std::iota(source.begin(), source.end(), size_t(0));
  parents.resize(sources);
  std::iota(parents.begin(), parents.end(), 0u);
  tokens.assign(sources, options.decoderStart);
  return next();
}

NextStep GreedySearch::advance(std::span<const int32_t> best,
                               std::span<const float> logProbs) {
  const bool forcedFirst = length == 1 && options.forcedBos;
  for (size_t row = 0; row < best.size(); ++row) {
    std::optional<Hypothesis> &result = results[source[row]];
    if (forcedFirst)
      append(row, *options.forcedBos, 0);
    else if (!options.scores ||
             logProbs[row] > -std::numeric_limits<float>::infinity())
      append(row, best[row], logProbs[row]);
    else // -inf or NaN: no token can be chosen
      result.reset();
    if (result)
      result->rows.push_back(uint32_t(row));
  }
  ++length;
  // Finished rows leave the batch; those that remain keep their order.
  size_t kept = 0;
  for (size_t row = 0; row < best.size(); ++row) {
    const std::optional<Hypothesis> &result = results[source[row]];
    if (!result)
      continue;
    int32_t token = result->ids.back();
    if (isEos(token, options) || length >= options.maxLength)
      continue;
    parents[kept] = uint32_t(row);
    tokens[kept] = token;
    source[kept] = source[row];
    ++kept;
  }
  parents.resize(kept);
  tokens.resize(kept);
  source.resize(kept);
  return next();
}

NextStep GreedySearch::next() {
  // The forced last token needs no step, since no token follows that would have
  // to be predicted.
  if (options.forcedEos && length + 1 == options.maxLength) {
    for (size_t row = 0; row < source.size(); ++row)
      append(row, *options.forcedEos, 0);
    parents.clear();
    tokens.clear();
    source.clear();
  }
  return {parents, tokens, length < options.minLength};
}

void GreedySearch::append(size_t row, int32_t token, double logProb) {
  Hypothesis &result = *results[source[row]];
  result.ids.push_back(token);
  result.logProb += logProb;
}

std::vector<Hypothesis> GreedySearch::take(size_t index) {
  std::vector<Hypothesis> found;
  if (std::optional<Hypothesis> &result = results[index]) {
    result->score = penalized(result->logProb, result->ids.size(), options);
    found.push_back(std::move(*result));
  }
  return found;
}

} // namespace encdec::runtime
