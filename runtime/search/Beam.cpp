//===- Beam.cpp - the K best hypotheses of a source -----------------------===//

#include "runtime/search/Beam.h"

#include "encdec/abi.h"

namespace encdec::runtime {

BeamSearch::BeamSearch(SearchOptions theOptions)
    : options(std::move(theOptions)),
      considered(options.beams * ENCDEC_ABI_TOP_K_OF_BEAM(options.eos.size())) {}

NextRows BeamSearch::start(int32_t token) {
  length = options.prompt;
  startBeams(beams, options.beams, 0);
  parents.assign(1, 0);
  tokens.assign(1, token);
  return {parents, tokens};
}

NextRows BeamSearch::advance(const Predictions &predictions, bool last, bool stepped) {
  gather(beams, predictions, considered, found);
  if (options.sample)
    sortBy(&BeamCandidate::logProb, found);
  extend(predictions, last, stepped);
  ++length;
  if (last || length >= options.maxLength || !canImprove())
    beams.clear();
  parents.clear();
  tokens.clear();
  appendRows(beams, chain, parents, tokens);
  return {parents, tokens};
}

/// Continues the source by one token: `found` becomes its beams and its
/// finished hypotheses.
void BeamSearch::extend(const Predictions &predictions, bool last, bool stepped) {
  before.swap(beams);
  beams.clear();
  auto append = [&](const BeamCandidate &candidate) {
    const Beam &beam = before[candidate.beam];
    return chain.append(beam.last, candidate.token, stepped ? beam.row : Chain::noRow);
  };
  // Once all places are taken, early stopping adds no more.
  const bool closed =
      options.earlyStopping == EarlyStopping::yes && finished.size() >= options.places;
  // What the last step of early stopping adds is ranked with the others at the end.
  const uint64_t room =
      options.earlyStopping == EarlyStopping::yes ? UINT64_MAX : options.places;
  for (size_t i = 0; i < found.size(); ++i) {
    const BeamCandidate &candidate = found[i];
    const bool open =
        length + 1 < options.maxLength &&
        !options.ends(predictions.row(before[candidate.beam].row), candidate.token);
    cut |= open && last;
    if (open && !last) {
      if (beams.size() < options.beams)
        beams.push_back(
            {candidate.logProb, append(candidate), before[candidate.beam].row});
    } else if (i < options.beams && !closed) {
      finish(finished,
             {options.penalized(candidate.logProb, length + 1), candidate.logProb,
              append(candidate)},
             room);
    }
  }
}

/// Whether a running beam may still finish with a better score than the worst
/// finished hypothesis, by Transformers' estimate: the best beam's sum so far,
/// at its length so far or, for "never", at the greatest length.
bool BeamSearch::canImprove() const {
  if (beams.empty())
    return false;
  if (finished.size() < options.places)
    return true;
  if (options.earlyStopping == EarlyStopping::yes)
    return false;
  const bool atMost =
      options.earlyStopping == EarlyStopping::never && options.lengthPenalty > 0;
  return options.penalized(beams.front().logProb, atMost ? options.maxLength : length) >
         finished.back().score;
}

/// What all live beams and the best finished hypothesis have in common: unless they are
/// ranked anew, no other finished one can become the best sequence, and a live beam's successors begin with it.
void BeamSearch::appendCertain(size_t known, std::vector<int32_t> &certain) const {
  std::optional<size_t> common;
  auto meet = [&](double logProb, size_t last) {
    if (!isCopy(logProb))
      common = common ? chain.meet(*common, last) : last;
  };
  for (const Beam &beam : beams)
    meet(beam.logProb, beam.last);
  const size_t firsts = options.reranked ? finished.size() : 1;
  for (size_t i = 0; i < std::min(firsts, finished.size()); ++i)
    meet(finished[i].logProb, finished[i].last);
  if (common)
    chain.appendTo(certain, *common, known);
}

std::vector<Hypothesis> BeamSearch::take() {
  std::vector<Hypothesis> results;
  // What a copy of the start has finished, the first beam has finished too.
  for (const FinishedBeam &one : finished)
    if (!isCopy(one.logProb))
      results.push_back(chain.read(one.last, one.logProb, one.score));
  return results;
}

} // namespace encdec::runtime
