//===- Beams.cpp - what all searches with beams are made of ---------------===//

#include "runtime/search/Beams.h"

namespace encdec::runtime {

size_t Chain::meet(size_t a, size_t b) const {
  while (a != b) {
    const uint32_t lengthA = length(a), lengthB = length(b);
    if (lengthA >= lengthB)
      a = tokens[a].before;
    if (lengthB >= lengthA)
      b = tokens[b].before;
  }
  return a;
}

void Chain::appendTo(std::vector<int32_t> &ids, size_t last, size_t known) const {
  const auto start = int64_t(ids.size());
  for (size_t at = last; length(at) > known; at = tokens[at].before)
    ids.push_back(tokens[at].id);
  std::reverse(ids.begin() + start, ids.end());
}

Hypothesis Chain::read(size_t last, double logProb, double score) const {
  Hypothesis result;
  result.logProb = logProb;
  result.score = score;
  appendTo(result.ids, last, 0);
  for (size_t at = last; at != none; at = tokens[at].before)
    if (tokens[at].row != noRow)
      result.rows.push_back(tokens[at].row);
  std::reverse(result.rows.begin(), result.rows.end());
  return result;
}

void startBeams(std::vector<Beam> &beams, uint64_t count, uint32_t row) {
  for (uint64_t k = 0; k < count; ++k)
    beams.push_back({k ? copiedBeam : 0, Chain::none, row});
}

void gather(std::span<const Beam> beams, const Predictions &predictions, uint64_t count,
            std::vector<BeamCandidate> &found) {
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
  sortBy(&BeamCandidate::key, found);
  found.resize(std::min<size_t>(found.size(), count));
}

void sortBy(double BeamCandidate::*sum, std::vector<BeamCandidate> &found) {
  std::sort(found.begin(), found.end(),
            [sum](const BeamCandidate &a, const BeamCandidate &b) {
              if (a.*sum != b.*sum)
                return a.*sum > b.*sum;
              return a.token != b.token ? a.token < b.token : a.beam < b.beam;
            });
}

void finish(std::vector<FinishedBeam> &finished, const FinishedBeam &one, uint64_t room) {
  finished.insert(std::upper_bound(finished.begin(), finished.end(), one,
                                   [](const FinishedBeam &a, const FinishedBeam &b) {
                                     return a.score > b.score;
                                   }),
                  one);
  finished.resize(std::min<size_t>(finished.size(), room));
}

void appendRows(std::span<Beam> beams, const Chain &chain, std::vector<uint32_t> &parents,
                std::vector<int32_t> &tokens) {
  const size_t first = tokens.size();
  for (Beam &beam : beams) {
    size_t row = first;
    while (row < tokens.size() &&
           !(parents[row] == beam.row && tokens[row] == chain.id(beam.last)))
      ++row;
    if (row == tokens.size()) {
      parents.push_back(beam.row);
      tokens.push_back(chain.id(beam.last));
    }
    beam.row = uint32_t(row);
  }
}

} // namespace encdec::runtime
