//===- Beam.cpp - the K best hypotheses of a source -----------------------===//

#include "runtime/search/Beam.h"

#include "encdec/abi.h"

#include <limits>

namespace encdec::runtime {

namespace {
constexpr size_t noToken = SIZE_MAX;
constexpr uint32_t noRow = UINT32_MAX;
/// The sum that Transformers gives the beams that are copies of the first one
/// at the start: they must lose against every real sum.
constexpr double lowest = -1e9;
} // namespace

BeamSearch::BeamSearch(SearchOptions theOptions)
    : options(std::move(theOptions)),
      considered(options.beams * ENCDEC_ABI_TOP_K_OF_BEAM(options.eos.size())) {}

NextRows BeamSearch::start(int32_t token) {
  length = options.prompt;
  // All K beams are the prompt, so they share one row. The first must win.
  for (uint64_t k = 0; k < options.beams; ++k)
    beams.push_back({k ? lowest : 0, noToken, 0});
  parents.assign(1, 0);
  tokens.assign(1, token);
  return {parents, tokens};
}

NextRows BeamSearch::advance(const Predictions &predictions, bool last, bool stepped) {
  gather(predictions);
  extend(predictions.rows, last, stepped);
  ++length;
  if (last || length >= options.maxLength || !canImprove())
    beams.clear();
  return next();
}

/// Collects the C best continuations in `found`.
void BeamSearch::gather(const Predictions &predictions) {
  found.clear();
  for (uint32_t k = 0; k < beams.size(); ++k) {
    const Beam &beam = beams[k];
    for (size_t i = 0; i < predictions.count; ++i) {
      const size_t at = beam.row * predictions.count + i;
      if (!predictions.has(at))
        break;
      found.push_back({beam.logProb + double(predictions.logProbs[at]),
                       beam.logProb + double(predictions.keys[at]), predictions.tokens[at],
                       k});
    }
  }
  auto by = [](double Candidate::*sum) {
    return [sum](const Candidate &a, const Candidate &b) {
      if (a.*sum != b.*sum)
        return a.*sum > b.*sum;
      return a.token != b.token ? a.token < b.token : a.beam < b.beam;
    };
  };
  std::sort(found.begin(), found.end(), by(&Candidate::key));
  found.resize(std::min<size_t>(found.size(), considered));
  if (options.sample)
    std::sort(found.begin(), found.end(), by(&Candidate::logProb));
}

/// Continues the source by one token: `found` becomes its beams and its
/// finished hypotheses.
void BeamSearch::extend(const RowTokens &rows, bool last, bool stepped) {
  before.swap(beams);
  beams.clear();
  auto append = [&](const Candidate &candidate) {
    const Beam &beam = before[candidate.beam];
    chain.push_back({candidate.token, stepped ? beam.row : noRow,
                     uint32_t(length + 1 - options.prompt), beam.last});
    return chain.size() - 1;
  };
  // Once K are finished, early stopping adds no more.
  const bool closed =
      options.earlyStopping == EarlyStopping::yes && finished.size() == options.beams;
  for (size_t i = 0; i < found.size(); ++i) {
    const Candidate &candidate = found[i];
    if (length + 1 < options.maxLength && !last &&
        !options.ends(rows.of(before[candidate.beam].row), candidate.token)) {
      if (beams.size() < options.beams)
        beams.push_back(
            {candidate.logProb, append(candidate), before[candidate.beam].row});
    } else if (i < options.beams && !closed) {
      const Finished one{options.penalized(candidate.logProb, length + 1),
                         candidate.logProb, append(candidate)};
      // On a tie the hypothesis that finished earlier wins.
      finished.insert(std::upper_bound(finished.begin(), finished.end(), one,
                                       [](const Finished &a, const Finished &b) {
                                         return a.score > b.score;
                                       }),
                      one);
    }
  }
  finished.resize(std::min<size_t>(finished.size(), options.beams));
}

/// Whether a running beam may still finish with a better score than the worst
/// finished hypothesis, by Transformers' estimate: the best beam's sum so far,
/// at its length so far or, for "never", at the greatest length.
bool BeamSearch::canImprove() const {
  if (beams.empty())
    return false;
  if (finished.size() < options.beams)
    return true;
  if (options.earlyStopping == EarlyStopping::yes)
    return false;
  const bool atMost =
      options.earlyStopping == EarlyStopping::never && options.lengthPenalty > 0;
  return options.penalized(beams.front().logProb, atMost ? options.maxLength : length) >
         finished.back().score;
}

/// The rows of the next step. Beams with the same tokens share one row.
NextRows BeamSearch::next() {
  parents.clear();
  tokens.clear();
  for (Beam &beam : beams) {
    size_t row = 0;
    while (row < tokens.size() &&
           !(parents[row] == beam.row && tokens[row] == chain[beam.last].id))
      ++row;
    if (row == tokens.size()) {
      parents.push_back(beam.row);
      tokens.push_back(chain[beam.last].id);
    }
    beam.row = uint32_t(row);
  }
  return {parents, tokens};
}

/// What all live beams and the best finished hypothesis have in common: of the finished
/// ones no other can become the best sequence, and a live beam's successors begin with it.
void BeamSearch::appendCertain(size_t known, std::vector<int32_t> &certain) const {
  size_t common = noToken;
  bool first = true;
  auto meet = [&](size_t last) {
    size_t a = first ? last : common, b = last;
    first = false;
    while (a != b) {
      const uint32_t lengthA = a == noToken ? 0 : chain[a].length,
                     lengthB = b == noToken ? 0 : chain[b].length;
      if (lengthA >= lengthB)
        a = chain[a].before;
      if (lengthB >= lengthA)
        b = chain[b].before;
    }
    common = a;
  };
  for (const Beam &beam : beams)
    if (beam.logProb > lowest / 2)
      meet(beam.last);
  if (!finished.empty() && finished.front().logProb > lowest / 2)
    meet(finished.front().last);
  const size_t start = certain.size();
  for (size_t at = common; at != noToken && chain[at].length > known; at = chain[at].before)
    certain.push_back(chain[at].id);
  std::reverse(certain.begin() + int64_t(start), certain.end());
}

std::vector<Hypothesis> BeamSearch::take() {
  std::vector<Hypothesis> results;
  // What a copy of the start has finished, the first beam has finished too.
  for (const Finished &one : finished)
    if (results.size() < options.returned && one.logProb > lowest / 2)
      results.push_back(read(one));
  return results;
}

Hypothesis BeamSearch::read(const Finished &one) const {
  Hypothesis result;
  result.logProb = one.logProb;
  result.score = one.score;
  for (size_t at = one.last; at != noToken; at = chain[at].before) {
    result.ids.push_back(chain[at].id);
    if (chain[at].row != noRow)
      result.rows.push_back(chain[at].row);
  }
  std::reverse(result.ids.begin(), result.ids.end());
  std::reverse(result.rows.begin(), result.rows.end());
  return result;
}

} // namespace encdec::runtime
