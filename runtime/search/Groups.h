//===- Groups.h - beams in groups, and beams with words to contain --------===//

#pragma once

#include "runtime/search/Beams.h"
#include "runtime/search/ForcedWords.h"

namespace encdec::runtime {

/// Beam search as Transformers 4 defines it where there are groups of beams or words that
/// hypotheses must contain (generation/beam_search.py of 4.49: BeamSearchScorer and
/// ConstrainedBeamSearchScorer). Groups act one after the other within a step, so that a
/// later one knows what the earlier ones have taken; each has beams and finished places of
/// its own, and all finished hypotheses are ranked together. Unlike BeamSearch, a group is
/// judged by its best continuation, whether that goes on or not, and what runs at the
/// greatest length competes with what has finished.
class GroupSearch final : public Search {
public:
  explicit GroupSearch(SearchOptions options);

  size_t candidates() const override { return considered; }
  NextRows start(int32_t token) override;
  std::span<const int32_t> taken(size_t row, const Predictions &predictions) override;
  NextRows advance(const Predictions &predictions, bool last, bool stepped) override;
  void appendCertain(size_t known, std::vector<int32_t> &tokens) const override;
  std::vector<Hypothesis> take() override;

private:
  struct Group {
    std::vector<Beam> beams; ///< None once it has ended.
    std::vector<FinishedBeam> finished; ///< Best first; at most `size`.
    size_t endRow = 0; ///< Behind its rows.
  };

  void advanceGroup(const Predictions &predictions, bool stepped);
  bool isDone(const Group &group, double best) const;
  void preferWords(const Predictions &predictions);
  void close(Group &group, const Predictions &predictions);

  const SearchOptions options;
  const uint64_t size;       ///< Beams of a group.
  const uint64_t considered; ///< Continuations of a group that are considered.
  const ForcedWords words;
  uint64_t length = 0; ///< Tokens of each beam, prompt included.
  std::vector<Group> groups;
  size_t turn = 0;                 ///< The group whose turn it is in this step.
  std::vector<int32_t> takenTokens; ///< By the beams of groups before it.
  Chain chain;
  std::vector<BeamCandidate> found, chosen;
  std::vector<FinishedBeam> without; ///< Without some word, from the beams that ran last.
  std::vector<uint32_t> parents;
  std::vector<int32_t> tokens;
};

} // namespace encdec::runtime
