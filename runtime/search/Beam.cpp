//===- Beam.cpp - the K best hypotheses of each source --------------------===//

#include "runtime/search/Beam.h"

#include "encdec/abi.h"

#include <limits>
#include <numeric>

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
      considered(options.beams * ENCDEC_ABI_TOP_K_OF_BEAM(options.eos.size())) {
}

NextStep BeamSearch::start(size_t count) {
  length = 1;
  chain.clear();
  all.assign(count, {});
  sources.resize(count);
  std::iota(sources.begin(), sources.end(), size_t(0));
  parents.resize(count);
  std::iota(parents.begin(), parents.end(), 0u);
  tokens.assign(count, options.decoderStart);
  // All K beams are the start token, so they share one row. The first must win.
  for (size_t b = 0; b < count; ++b)
    for (uint64_t k = 0; k < options.beams; ++k)
      all[b].beams.push_back({k ? lowest : 0, noToken, uint32_t(b)});
  return next();
}

NextStep BeamSearch::advance(std::span<const int32_t> best,
                             std::span<const float> logProbs) {
  for (Source &source : all) {
    if (source.beams.empty())
      continue;
    gather(source, best, logProbs);
    extend(source);
  }
  ++length;
  for (Source &source : all)
    if (length >= options.maxLength || !canImprove(source))
      source.beams.clear();
  return next();
}

/// Collects the source's C best continuations in `found`.
void BeamSearch::gather(const Source &source, std::span<const int32_t> best,
                        std::span<const float> logProbs) {
  const bool first = length == 1 && options.forcedBos;
  found.clear();
  for (uint32_t k = 0; k < source.beams.size(); ++k) {
    const Beam &beam = source.beams[k];
    if (first) {
      found.push_back({beam.logProb, *options.forcedBos, k});
      continue;
    }
    for (size_t i = 0; i < considered; ++i) {
      size_t at = beam.row * considered + i;
      // A token that may not be chosen is -inf, and an overflow is NaN.
      if (!(logProbs[at] > -std::numeric_limits<float>::infinity()))
        break;
      found.push_back({beam.logProb + double(logProbs[at]), best[at], k});
    }
  }
  std::sort(found.begin(), found.end(), [](const Candidate &a, const Candidate &b) {
    if (a.logProb != b.logProb)
      return a.logProb > b.logProb;
    return a.token != b.token ? a.token < b.token : a.beam < b.beam;
  });
  found.resize(std::min<size_t>(found.size(), considered));
}

/// Continues the source by one token: `found` becomes its beams and its
/// finished hypotheses.
void BeamSearch::extend(Source &source) {
  std::vector<Beam> before;
  before.swap(source.beams);
  auto append = [&](const Candidate &candidate) {
    const Beam &beam = before[candidate.beam];
    chain.push_back({candidate.token, beam.row, beam.last});
    return chain.size() - 1;
  };
  std::vector<Finished> added;
  for (size_t i = 0; i < found.size(); ++i) {
    const Candidate &candidate = found[i];
    if (!isEos(candidate.token, options) && length + 1 < options.maxLength) {
      if (source.beams.size() < options.beams)
        source.beams.push_back(
            {candidate.logProb, append(candidate), before[candidate.beam].row});
    } else if (i < options.beams) {
      added.push_back({penalized(candidate.logProb, length, options),
                       candidate.logProb, append(candidate)});
    }
  }
  std::vector<Finished> &finished = source.finished;
  if (options.earlyStopping == EarlyStopping::yes &&
      finished.size() == options.beams)
    return;
  // On a tie the hypothesis that finished earlier wins.
  for (const Finished &one : added)
    finished.insert(std::upper_bound(finished.begin(), finished.end(), one,
                                     [](const Finished &a, const Finished &b) {
                                       return a.score > b.score;
                                     }),
                    one);
  finished.resize(std::min<size_t>(finished.size(), options.beams));
}

/// Appends the forced last token to every beam, without a step: no token
/// follows that would have to be predicted.
void BeamSearch::finishForced() {
  for (Source &source : all) {
    found.clear();
    for (Beam &beam : source.beams) {
      beam.row = noRow;
      found.push_back({beam.logProb, *options.forcedEos,
                       uint32_t(&beam - source.beams.data())});
    }
    extend(source);
  }
  ++length;
}

/// Whether a running beam may still finish with a better score than the worst
/// finished hypothesis, by Transformers' estimate: the best beam's sum so far,
/// at its length so far or, for "never", at the greatest length.
bool BeamSearch::canImprove(const Source &source) const {
  if (source.beams.empty())
    return false;
  if (source.finished.size() < options.beams)
    return true;
  if (options.earlyStopping == EarlyStopping::yes)
    return false;
  uint64_t generated = length - 1;
  if (options.earlyStopping == EarlyStopping::never && options.lengthPenalty > 0)
    generated = options.maxLength - 1;
  return penalized(source.beams.front().logProb, generated, options) >
         source.finished.back().score;
}

/// The rows of the next step. Beams with the same tokens share one row.
NextStep BeamSearch::next() {
  if (options.forcedEos && length + 1 == options.maxLength)
    finishForced();
  if (length == 1)
    return {parents, tokens, length < options.minLength};
  parents.clear();
  tokens.clear();
  sources.clear();
  for (size_t b = 0; b < all.size(); ++b) {
    size_t first = tokens.size();
    for (Beam &beam : all[b].beams) {
      size_t row = first;
      while (row < tokens.size() && !(parents[row] == beam.row &&
                                      tokens[row] == chain[beam.last].id))
        ++row;
      if (row == tokens.size()) {
        parents.push_back(beam.row);
        tokens.push_back(chain[beam.last].id);
        sources.push_back(b);
      }
      beam.row = uint32_t(row);
    }
  }
  return {parents, tokens, length < options.minLength};
}

std::vector<Hypothesis> BeamSearch::take(size_t index) {
  std::vector<Hypothesis> results;
  // What a copy of the start has finished, the first beam has finished too.
  for (const Finished &finished : all[index].finished)
    if (results.size() < options.returned && finished.logProb > lowest / 2)
      results.push_back(read(finished.logProb, finished.score, finished.last));
  return results;
}

Hypothesis BeamSearch::read(double logProb, double score, size_t last) const {
  Hypothesis result;
  result.logProb = logProb;
  result.score = score;
  for (size_t at = last; at != noToken; at = chain[at].before) {
    result.ids.push_back(chain[at].id);
    if (chain[at].row != noRow)
      result.rows.push_back(chain[at].row);
  }
  std::reverse(result.ids.begin(), result.ids.end());
  std::reverse(result.rows.begin(), result.rows.end());
  return result;
}

} // namespace encdec::runtime
