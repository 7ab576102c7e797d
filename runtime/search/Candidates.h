//===- Candidates.h - which tokens may follow a row -----------------------===//
//
// Compiled code finds the best tokens of a row itself, with some banned. Where a rule changes
// scores, where tokens are drawn and where more are wanted than compiled code finds, the
// scores of all V tokens become numbers here, processors act on them, and the candidates are
// chosen from what they leave.

#pragma once

#include "runtime/search/processors/Processor.h"

#include <vector>

namespace encdec::runtime {

/// What rules that only ban and force tokens say of one row.
class RowBans final : public Scores {
public:
  void begin();
  void ban(int32_t token) override;
  void force(std::span<const int32_t> tokens) override;

  /// Whether one of the forced tokens comes next, which costs nothing.
  bool isForced() const { return isSet; }
  bool isForced(int32_t token) const;

  std::vector<int32_t> banned;
  std::vector<int32_t> forced; ///< Of these, those that were not banned behind.

private:
  bool isSet = false;
};

/// The scores of one row as numbers, in room that belongs to somebody else. `record` learns
/// what is forced.
class RowScores final : public Scores {
public:
  RowScores(std::span<float> room, RowBans &record) : record(record) { values = room; }
  void ban(int32_t token) override;
  void force(std::span<const int32_t> tokens) override;

private:
  RowBans &record;
};

/// The `count` greatest of the scores, best first and lower tokens first on ties; token 0 and
/// -inf where there are no more that are numbers above -inf.
void chooseBest(std::span<const float> scores, std::span<int32_t> tokens,
                std::span<float> best);

} // namespace encdec::runtime
