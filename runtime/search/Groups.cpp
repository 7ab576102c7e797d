//===- Groups.cpp - beams in groups, and beams with words to contain ------===//

#include "runtime/search/Groups.h"

#include "encdec/abi.h"

#include <optional>

namespace encdec::runtime {

GroupSearch::GroupSearch(SearchOptions theOptions)
    : options(std::move(theOptions)), size(options.beams / options.groups),
      considered(size * ENCDEC_ABI_TOP_K_OF_BEAM(options.eos.size())), words(options.words) {
}

NextRows GroupSearch::start(int32_t token) {
  length = options.prompt;
  groups.resize(options.groups);
  for (size_t g = 0; g < groups.size(); ++g) {
    startBeams(groups[g].beams, size, uint32_t(g));
    groups[g].endRow = g + 1;
  }
  parents.assign(groups.size(), 0);
  tokens.assign(groups.size(), token);
  return {parents, tokens};
}

std::span<const int32_t> GroupSearch::taken(size_t row, const Predictions &predictions) {
  while (row >= groups[turn].endRow)
    advanceGroup(predictions, true);
  return takenTokens;
}

NextRows GroupSearch::advance(const Predictions &predictions, bool last, bool stepped) {
  while (turn < groups.size())
    advanceGroup(predictions, stepped);
  ++length;
  turn = 0;
  takenTokens.clear();
  parents.clear();
  tokens.clear();
  for (Group &group : groups) {
    cut |= last && length < options.maxLength && !group.beams.empty();
    if (last || length >= options.maxLength)
      close(group, predictions);
    appendRows(group.beams, chain, parents, tokens);
    group.endRow = tokens.size();
  }
  return {parents, tokens};
}

/// Continues the group whose turn it is by one token.
void GroupSearch::advanceGroup(const Predictions &predictions, bool stepped) {
  Group &group = groups[turn++];
  if (group.beams.empty())
    return;
  gather(group.beams, predictions, considered, found);
  const double best = found.empty() ? 0 : found.front().logProb;
  auto append = [&](const BeamCandidate &candidate) {
    const Beam &beam = group.beams[candidate.beam];
    return chain.append(beam.last, candidate.token, stepped ? beam.row : Chain::noRow);
  };
  chosen.clear();
  for (size_t i = 0; i < found.size() && chosen.size() < size; ++i) {
    const BeamCandidate &candidate = found[i];
    const auto row = predictions.row(group.beams[candidate.beam].row);
    if (!options.ends(row, candidate.token))
      chosen.push_back(candidate);
    else if (i < size && words.after(row, {}).complete)
      finish(group.finished,
             {options.penalized(candidate.logProb, length + 1), candidate.logProb,
              append(candidate)},
             size);
  }
  if (!words.empty())
    preferWords(predictions);
  std::vector<Beam> next;
  for (const BeamCandidate &candidate : chosen) {
    next.push_back({candidate.logProb, append(candidate), group.beams[candidate.beam].row});
    takenTokens.push_back(candidate.token);
  }
  group.beams = std::move(next);
  if (isDone(group, best))
    group.beams.clear();
}

/// Whether no hypothesis can join the group's finished ones, by Transformers' estimate: the
/// best continuation's sum at its length or, for "never", at the greatest length.
bool GroupSearch::isDone(const Group &group, double best) const {
  if (group.finished.size() < size)
    return false;
  if (options.earlyStopping == EarlyStopping::yes)
    return true;
  const bool atMost =
      options.earlyStopping == EarlyStopping::never && options.lengthPenalty > 0;
  return group.finished.back().score >=
         options.penalized(best, atMost ? options.maxLength : length + 1);
}

/// Chooses the beams anew, from those chosen by their sums and all that bring a beam a token
/// further with its words: in turn the best of each bank, the fullest bank first (Post and
/// Vilar 2018, arXiv 1804.06609; here as Transformers 4's step_sentence_constraint).
void GroupSearch::preferWords(const Predictions &predictions) {
  const std::vector<Beam> &beams = groups[0].beams;
  auto rowOf = [&](const BeamCandidate &candidate) { return beams[candidate.beam].row; };
  bool isNew = false;
  for (uint32_t k = 0; k < beams.size(); ++k) {
    const auto row = predictions.row(beams[k].row);
    for (int32_t token : words.after(row, {}).next) {
      const double logProb = beams[k].logProb + double(predictions.scoreOf(beams[k].row, token));
      const BeamCandidate one{logProb, logProb, token, k};
      const bool known = std::ranges::any_of(chosen, [&](const BeamCandidate &other) {
        return other.token == token && rowOf(other) == rowOf(one);
      });
      if (known || !(logProb > -std::numeric_limits<double>::infinity()) ||
          options.ends(row, token))
        continue;
      chosen.push_back(one);
      isNew = true;
    }
  }
  if (!isNew)
    return;
  struct Ranked {
    BeamCandidate candidate;
    size_t bank, place, rank;
    double key;
  };
  std::vector<Ranked> all;
  for (const BeamCandidate &one : chosen) {
    const size_t bank = words.after(predictions.row(rowOf(one)), one.token).bank;
    // A whole bank is worth any log-probability that there is but a copied beam's.
    all.push_back({one, bank, 0, 0, double(bank) * 100 + one.logProb});
  }
  std::ranges::sort(all, std::greater(), &Ranked::key);
  for (size_t i = 1; i < all.size(); ++i) {
    all[i].rank = i;
    all[i].place = all[i].bank == all[i - 1].bank ? all[i - 1].place + 1 : 0;
  }
  std::ranges::sort(all, {}, [](const Ranked &one) { return std::pair(one.place, one.rank); });
  chosen.clear();
  for (size_t i = 0; i < std::min<size_t>(all.size(), size); ++i)
    chosen.push_back(all[i].candidate);
}

/// Ends a group's beams as they are. Those that lack a word are kept apart.
void GroupSearch::close(Group &group, const Predictions &predictions) {
  for (const Beam &beam : group.beams) {
    const FinishedBeam one{options.penalized(beam.logProb, length), beam.logProb, beam.last};
    const bool whole =
        words.after(predictions.row(beam.row), chain.id(beam.last)).complete;
    finish(whole ? group.finished : without, one, size);
  }
  group.beams.clear();
}

/// What all live beams and the best finished hypothesis have in common.
void GroupSearch::appendCertain(size_t known, std::vector<int32_t> &certain) const {
  std::optional<size_t> common;
  auto meet = [&](double logProb, size_t last) {
    if (!isCopy(logProb))
      common = common ? chain.meet(*common, last) : last;
  };
  for (const Group &group : groups) {
    for (const Beam &beam : group.beams)
      meet(beam.logProb, beam.last);
    const size_t firsts = options.reranked ? group.finished.size() : 1;
    for (size_t i = 0; i < std::min(firsts, group.finished.size()); ++i)
      meet(group.finished[i].logProb, group.finished[i].last);
  }
  if (common)
    chain.appendTo(certain, *common, known);
}

std::vector<Hypothesis> GroupSearch::take() {
  std::vector<FinishedBeam> all;
  for (const Group &group : groups)
    for (const FinishedBeam &one : group.finished)
      finish(all, one, options.beams);
  all.insert(all.end(), without.begin(), without.end());
  std::vector<Hypothesis> results;
  for (const FinishedBeam &one : all)
    if (!isCopy(one.logProb))
      results.push_back(chain.read(one.last, one.logProb, one.score));
  return results;
}

} // namespace encdec::runtime
