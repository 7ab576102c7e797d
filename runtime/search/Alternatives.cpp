//===- Alternatives.cpp - what else may stand behind a prefix -------------===//

#include "runtime/search/Alternatives.h"

namespace encdec::runtime {

Alternatives::Alternatives(SearchOptions theOptions)
    : options(std::move(theOptions)), inner(options) {
  inner.alternatives = 0;
  inner.returned = 1;
  ++inner.prompt;
}

size_t Alternatives::candidates() const {
  if (!begun)
    return options.alternatives + options.eos.size();
  for (const Branch &branch : branches)
    if (branch.count)
      return branch.search->candidates();
  return 1;
}

NextRows Alternatives::start(int32_t token) {
  parents.assign(1, 0);
  tokens.assign(1, token);
  return {parents, tokens};
}

NextRows Alternatives::advance(const Predictions &predictions, bool last, bool wasStepped) {
  if (!begun)
    return begin(predictions, last, wasStepped);
  parents.clear();
  tokens.clear();
  for (Branch &branch : branches)
    if (branch.count) {
      const size_t parent = branch.row;
      append(branch,
             branch.search->advance(predictions.behind(parent), last, wasStepped), parent);
      cut |= branch.search->wasCut();
    }
  return {parents, tokens};
}

/// Makes a branch of each of the best tokens.
NextRows Alternatives::begin(const Predictions &predictions, bool last, bool wasStepped) {
  begun = true;
  stepped = wasStepped;
  parents.clear();
  tokens.clear();
  for (size_t i = 0; i < predictions.count && branches.size() < options.alternatives; ++i) {
    const int32_t token = predictions.tokens[i];
    const double logProb = double(predictions.logProbs[i]);
    if (!predictions.has(i) || std::exp(logProb) < options.leastProb)
      break;
    if (options.isEos(token))
      continue;
    Branch &branch = branches.emplace_back(Branch{token, logProb, {}, 0, 0, {}});
    if (inner.prompt >= options.maxLength || options.ends(predictions.row(0), token))
      continue;
    cut |= last;
    if (last)
      continue;
    branch.search = makeSearch(inner);
    append(branch, branch.search->start(token), 0);
  }
  return {parents, tokens};
}

/// Appends a branch's rows to all; `parent` is where those it had were.
void Alternatives::append(Branch &branch, const NextRows &next, size_t parent) {
  branch.row = tokens.size();
  branch.count = next.tokens.size();
  branch.rows.push_back(uint32_t(branch.row));
  for (uint32_t one : next.parents)
    parents.push_back(uint32_t(parent) + one);
  tokens.insert(tokens.end(), next.tokens.begin(), next.tokens.end());
}

void Alternatives::appendCertain(size_t known, std::vector<int32_t> &certain) const {
  if (branches.empty())
    return;
  const Branch &best = branches.front();
  if (!known)
    certain.push_back(best.token);
  if (best.search)
    best.search->appendCertain(known ? known - 1 : 0, certain);
}

std::vector<Hypothesis> Alternatives::take() {
  std::vector<Hypothesis> results;
  for (Branch &branch : branches) {
    Hypothesis whole;
    if (branch.search) {
      std::vector<Hypothesis> found = branch.search->take();
      if (found.empty())
        continue;
      whole = std::move(found.front());
    }
    whole.ids.insert(whole.ids.begin(), branch.token);
    whole.logProb += branch.logProb;
    whole.score += branch.logProb;
    for (size_t t = 0; t < whole.rows.size(); ++t)
      whole.rows[t] += branch.rows[t];
    if (stepped)
      whole.rows.insert(whole.rows.begin(), 0);
    results.push_back(std::move(whole));
  }
  return results;
}

} // namespace encdec::runtime
