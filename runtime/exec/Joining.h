//===- Joining.h - sources that join a state in one call -------------------===//

#pragma once

#include "runtime/exec/State.h"

namespace encdec::runtime {

/// The sources of one State::join: those that a caller adds until the state's memory or rows
/// have no room for a further source.
class Joining {
public:
  explicit Joining(State &state) : state(state) {}

  /// Adds a source, of whose row a search makes up to `maxRows` rows. False, and nothing is
  /// added, where the state has no room for the source beside the sources added before it.
  bool add(std::span<const int32_t> source, uint64_t maxRows) {
    if (!state.hasRoom(rows.size() + 1, places + roundUp16(source.size()),
                       rowsTogether + maxRows))
      return false;
    places += roundUp16(source.size());
    rowsTogether += maxRows;
    ids.insert(ids.end(), source.begin(), source.end());
    offsets.push_back(ids.size());
    rows.push_back(maxRows);
    return true;
  }
  size_t count() const { return rows.size(); }
  /// Reads all of them; their rows are the state's last, in the order in which they were added.
  Status join() { return state.join(ids, offsets, rows); }

private:
  State &state;
  uint64_t places = 0, rowsTogether = 0; ///< Each source's tokens rounded up to 16; rows.
  std::vector<int32_t> ids;
  std::vector<uint64_t> offsets{0}, rows;
};

} // namespace encdec::runtime
