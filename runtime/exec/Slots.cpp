//===- Slots.cpp - renumbering rows without moving their caches -----------===//

#include "runtime/exec/Slots.h"

#include "runtime/base/Checked.h"

#include <algorithm>
#include <numeric>

namespace encdec::runtime {

uint64_t Slots::bytes(uint64_t rows, uint64_t positions) {
  // The tables `past` and `nextPast`, and for each row its entries in `slots`,
  // `next` and `taken`: 4 + 4 + 1 bytes.
  auto tables = checkedProduct({rows, positions, 2 * sizeof(int32_t)});
  return tables ? checkedAdd(*tables, rows * 9).value_or(UINT64_MAX) : UINT64_MAX;
}

Result<Slots> Slots::create(uint64_t rows, uint64_t positions) {
  Slots made;
  made.stride = positions;
  made.slots.resize(rows);
  made.next.resize(rows);
  made.taken.resize(rows);
  for (Region *region : {&made.past, &made.nextPast}) {
    ENCDEC_ASSIGN_OR_RETURN(*region,
                            Region::reserve(rows * positions * sizeof(int32_t)));
  }
  return made;
}

void Slots::start(size_t rows) {
  count = rows;
  std::iota(slots.begin(), slots.begin() + int64_t(count), 0);
}

void Slots::place(size_t row, uint64_t position) {
  int32_t *own = table(past) + row * stride;
  std::fill(own + position, own + (position / 16 + 1) * 16, slots[row]);
}

void Slots::reorder(std::span<const uint32_t> parents, uint64_t positions) {
  constexpr int32_t none = -1;
  std::fill(taken.begin(), taken.end(), 0);
  bool same = parents.size() <= count;
  for (size_t i = 0; i < parents.size(); ++i) {
    int32_t slot = slots[parents[i]];
    next[i] = taken[slot] ? none : slot;
    taken[slot] = 1;
    same = same && parents[i] == i;
  }
  // All rows are at one position. In a slot that no row writes to, nothing from
  // that position on is part of any row's past, so a row may write on there.
  size_t free = 0;
  for (size_t i = 0; i < parents.size(); ++i) {
    if (next[i] != none)
      continue;
    while (taken[free])
      ++free;
    taken[free] = 1;
    next[i] = int32_t(free);
  }
  if (!same) {
    for (size_t i = 0; i < parents.size(); ++i)
      std::copy_n(table(past) + parents[i] * stride, positions,
                  table(nextPast) + i * stride);
    std::swap(past, nextPast);
  }
  slots.swap(next);
  count = parents.size();
}

} // namespace encdec::runtime
