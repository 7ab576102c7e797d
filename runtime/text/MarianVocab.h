//===- MarianVocab.h - vocab.json: which id a piece has for the model -----===//

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace encdec {

/// Pieces and their ids, one to one, ids 0..n-1 without a gap. Immutable.
class MarianVocab {
public:
  /// Reads {"piece": id, ...}. BadModel for anything but that.
  static Result<MarianVocab> parse(std::string_view json);

  MarianVocab() = default;
  MarianVocab(MarianVocab &&) = default;
  MarianVocab &operator=(MarianVocab &&) = default;
  // A copy's index would point into the original's strings.
  MarianVocab(const MarianVocab &) = delete;
  MarianVocab &operator=(const MarianVocab &) = delete;

  int32_t size() const { return static_cast<int32_t>(pieces.size()); }
  /// The id of a piece, or -1.
  int32_t find(std::string_view piece) const;
  bool contains(int32_t id) const { return id >= 0 && id < size(); }
  /// The piece of an id that contains() holds for.
  const std::string &piece(int32_t id) const { return pieces[id]; }

private:
  std::vector<std::string> pieces;                       // by id
  std::unordered_map<std::string_view, int32_t> indexOf; // into `pieces`
};

} // namespace encdec
