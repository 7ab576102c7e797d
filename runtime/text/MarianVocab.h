//===- MarianVocab.h - vocab.json: which id a piece has for the model -----===//

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

/// Pieces and their ids, one to one, ids 0..n-1 without a gap. Immutable.
class MarianVocab {
public:
  /// Reads {"piece": id, ...}. BadModel for anything but that.
  static Result<MarianVocab> parse(std::string_view json);

  int32_t size() const { return static_cast<int32_t>(pieces.size()); }
  /// The id of a piece, or -1.
  int32_t find(std::string_view piece) const;
  bool contains(int32_t id) const { return id >= 0 && id < size(); }
  /// The piece of an id that contains() holds for.
  const std::string &piece(int32_t id) const { return pieces[id]; }

private:
  /// Where in `table` the id of `piece` is, or the free place for it.
  size_t slotOf(std::string_view piece) const;

  std::vector<std::string> pieces; // by id
  /// Hash table of ids with linear probing, at most half full, -1 is free: a
  /// vocabulary is read at each start, and a node per piece would cost most.
  std::vector<int32_t> table;
};

} // namespace encdec
