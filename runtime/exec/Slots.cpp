//===- Slots.cpp - renumbering rows without moving their caches -----------===//

#include "runtime/exec/Slots.h"

#include <algorithm>
#include <numeric>

namespace encdec::runtime {

Slots::Slots(size_t capacity)
    : slots(capacity), next(capacity), taken(capacity) {
  copies.reserve(capacity);
}

void Slots::start(size_t rows) {
  count = rows;
  std::iota(slots.begin(), slots.begin() + count, 0);
}

std::span<const SlotCopy> Slots::reorder(std::span<const uint32_t> parents) {
  constexpr int32_t none = -1;
  std::fill(taken.begin(), taken.end(), 0);
  copies.clear();
  for (size_t i = 0; i < parents.size(); ++i) {
    int32_t slot = slots[parents[i]];
    next[i] = taken[slot] ? none : slot;
    taken[slot] = 1;
  }
  // Only now is it known which slots are free: a slot that any new row goes on
  // from has been taken above, so no copy overwrites what another still reads.
  size_t free = 0;
  for (size_t i = 0; i < parents.size(); ++i) {
    if (next[i] != none)
      continue;
    while (taken[free])
      ++free;
    taken[free] = 1;
    next[i] = int32_t(free);
    copies.push_back({slots[parents[i]], next[i]});
  }
  slots.swap(next);
  count = parents.size();
  return copies;
}

} // namespace encdec::runtime
