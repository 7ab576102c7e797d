//===- LiveSources.h - the live sources and where their memory lies -------===//
//
// The cross keys and values of a source ("memory") are one block of one region. Sources
// come and go, so gaps open between blocks; they are closed only where a new source fits
// into none of them.

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace encdec::runtime {

/// Places are counted in tokens, each source rounded up to 16 (abi.h). A source has a
/// number below `most` while it lives. Allocates at creation only.
class LiveSources {
public:
  LiveSources() = default;
  /// For at most `most` sources of `places` places together, each of `bytesPerPlace` bytes.
  LiveSources(uint64_t most, uint64_t places, uint64_t bytesPerPlace);

  /// Ends all sources.
  void clear();
  uint64_t freeSources() const { return lengths.size() - order.size(); }
  uint64_t freePlaces() const { return places - used; }

  /// Adds a source of `length` tokens, which fit: its number. Where no gap is long enough,
  /// `move(to, from, bytes)` is called for each block that moves down, in order; the places
  /// may overlap.
  size_t add(uint64_t length,
             const std::function<void(uint64_t, uint64_t, uint64_t)> &move);
  /// Ends the source.
  void remove(size_t source);

  uint64_t length(size_t source) const { return lengths[source]; }
  /// What a step's context wants of all numbers, those without a source having length 0:
  /// source_offset, [most + 1], and memory_offset, [most].
  const int32_t *offsets() const { return sourceOffset.data(); }
  const int64_t *memory() const { return memoryOffset.data(); }

private:
  void update();

  uint64_t places = 0, bytesPerPlace = 0, used = 0;
  std::vector<uint64_t> lengths; ///< [number]; 0: no source has it.
  std::vector<uint32_t> order;   ///< Numbers of the live sources, by place.
  std::vector<int64_t> memoryOffset;
  std::vector<int32_t> sourceOffset;
};

} // namespace encdec::runtime
