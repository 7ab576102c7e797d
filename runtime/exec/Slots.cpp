//===- Slots.cpp - renumbering rows without moving their caches -----------===//

#include "runtime/exec/Slots.h"

#include "runtime/base/Checked.h"

#include <algorithm>

namespace encdec::runtime {

uint64_t Slots::bytes(uint64_t rows, uint64_t tableRows, uint64_t positions) {
  // The tables `past` and `nextPast`, and for each row its entries in `slots`, `next`,
  // `owners`, `groups` and `taken`.
  const auto tables = checkedProduct({tableRows, positions, 2 * sizeof(int32_t)});
  const auto others = checkedMul(rows, 3 * sizeof(int32_t) + sizeof(Group) + 1);
  return tables && others ? checkedAdd(*tables, *others).value_or(UINT64_MAX) : UINT64_MAX;
}

Result<Slots> Slots::create(uint64_t rows, uint64_t tableRows, uint64_t positions) {
  Slots made;
  made.stride = positions;
  made.slots.resize(rows);
  made.next.resize(rows);
  made.owners.resize(rows);
  made.groups.resize(rows);
  made.taken.resize(rows);
  for (Region *region : {&made.past, &made.nextPast}) {
    ENCDEC_ASSIGN_OR_RETURN(*region,
                            Region::reserve(tableRows * positions * sizeof(int32_t)));
  }
  made.clear();
  return made;
}

void Slots::clear() {
  count = 0;
  freeSlots = owners.size();
  std::fill(owners.begin(), owners.end(), none);
  std::fill(groups.begin(), groups.end(), Group());
}

void Slots::join(size_t rows, size_t size) {
  const auto group = std::find_if(groups.begin(), groups.end(),
                                  [](const Group &group) { return group.size == 0; });
  *group = {uint32_t(size), uint32_t(rows), 0};
  freeSlots -= size;
  size_t slot = 0;
  for (size_t i = 0; i < size; ++i, ++slot) {
    while (owners[slot] != none)
      ++slot;
    owners[slot] = int32_t(group - groups.begin());
    if (i < rows)
      slots[count++] = int32_t(slot);
  }
}

void Slots::place(size_t row, uint64_t position) {
  int32_t *own = table(past) + row * stride;
  std::fill(own + position, own + (position / 16 + 1) * 16, slots[row]);
}

const int32_t *Slots::placeAll(size_t row, uint64_t position, size_t positions,
                               size_t at) {
  int32_t *own = table(past) + row * stride;
  const uint64_t end = (position + positions + 15) / 16 * 16;
  std::fill(own + position, own + end, slots[row]);
  for (size_t i = 0; i < positions; ++i)
    std::copy_n(own, end, table(nextPast) + (at + i) * stride);
  return table(nextPast);
}

bool Slots::fits(std::span<const uint32_t> parents) {
  for (Group &group : groups)
    group.rows = 0;
  bool fit = true;
  for (uint32_t parent : parents)
    fit = ++groupOf(parent).rows <= groupOf(parent).size && fit;
  if (fit)
    return true;
  for (Group &group : groups)
    group.rows = 0;
  for (size_t row = 0; row < count; ++row)
    ++groupOf(row).rows;
  return false;
}

/// A slot of the group that no new row has taken, at the price of one look at each slot a
/// reorder.
int32_t Slots::spareSlot(int32_t group) {
  uint32_t &slot = groups[size_t(group)].seen;
  while (owners[slot] != group || taken[slot])
    ++slot;
  return int32_t(slot);
}

void Slots::reorder(std::span<const uint32_t> parents, std::span<const int32_t> positions) {
  std::fill(taken.begin(), taken.end(), 0);
  bool same = parents.size() <= count;
  for (size_t i = 0; i < parents.size(); ++i) {
    const int32_t slot = slots[parents[i]];
    next[i] = taken[size_t(slot)] ? none : slot;
    taken[size_t(slot)] = 1;
    same = same && parents[i] == i;
  }
  for (Group &group : groups)
    group.seen = 0;
  for (size_t i = 0; i < parents.size(); ++i) {
    if (next[i] != none)
      continue;
    next[i] = spareSlot(owners[size_t(slots[parents[i]])]);
    taken[size_t(next[i])] = 1;
  }
  if (!same) {
    for (size_t i = 0; i < parents.size(); ++i)
      std::copy_n(table(past) + parents[i] * stride, positions[i],
                  table(nextPast) + i * stride);
    std::swap(past, nextPast);
  }
  slots.swap(next);
  count = parents.size();
  endEmptyGroups();
}

void Slots::endEmptyGroups() {
  for (int32_t &owner : owners) {
    if (owner == none || groups[size_t(owner)].rows)
      continue;
    owner = none;
    ++freeSlots;
  }
  for (Group &group : groups)
    if (group.rows == 0)
      group.size = 0;
}

} // namespace encdec::runtime
