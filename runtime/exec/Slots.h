//===- Slots.h - where in the cache each row's past lies ------------------===//
//
// Rows are renumbered after every step; their keys and values stay where they
// are. A row writes into a slot of its own, and reads its past from the slots
// of its ancestors. A reorder copies slot numbers and never keys or values.
//
// Slots belong to groups. The rows of a group are all at one position, so what lies behind
// that position in the group's slots is nobody's past, and a row of the group may write on
// in any of its slots that no other row writes to. Groups differ in position.

#pragma once

#include "runtime/base/Status.h"
#include "runtime/exec/Region.h"

#include <cstdint>
#include <span>
#include <vector>

namespace encdec::runtime {

/// The slot that each row writes to, and the slot of each position of its past.
/// Allocates at creation only.
class Slots {
public:
  /// Bytes that create reserves; for positions a multiple of 16.
  static uint64_t bytes(uint64_t rows, uint64_t tableRows, uint64_t positions);
  /// For `rows` rows, and calls of `tableRows` (at least `rows`) rows by placeAll.
  static Result<Slots> create(uint64_t rows, uint64_t tableRows, uint64_t positions);

  /// Frees all slots.
  void clear();
  /// Slots of no group.
  size_t free() const { return freeSlots; }
  /// Makes a group of `size` slots (at most free(), at least `rows`) and adds `rows` rows
  /// without a past to it, behind all others.
  void join(size_t rows, size_t size);
  /// Whether the row is its group's only one.
  bool isAlone(size_t row) { return groupOf(row).rows == 1; }

  /// The row's next position is `position`, which goes to the row's own slot.
  /// The entries up to the end of that block of 16 get the same slot, because
  /// kernels read whole blocks.
  void place(size_t row, uint64_t position);
  /// The next `positions` positions of the row, from `position` on, go to its own slot. Of
  /// the table of a call that has a row for each of them, and for others (at most tableRows in
  /// all), writes the rows from `at` on; returns the table.
  const int32_t *placeAll(size_t row, uint64_t position, size_t positions, size_t at = 0);

  /// Whether the slots of each parent's group suffice.
  bool fits(std::span<const uint32_t> parents);
  /// New row i goes on from old row parents[i] (each below rows(), and they fit), which has
  /// positions[i] positions. The first new row of a parent keeps the parent's slot; each
  /// further one gets a slot of the group that no row writes to. Groups without rows end.
  void reorder(std::span<const uint32_t> parents, std::span<const int32_t> positions);

  size_t rows() const { return count; }
  /// [rows][positions]: the slot of each position of each row's past.
  const int32_t *ancestors() const { return table(past); }

private:
  static constexpr int32_t none = -1;
  struct Group {
    uint32_t size = 0; ///< Its slots; 0: there is no such group.
    uint32_t rows = 0; ///< That write to its slots.
    uint32_t seen = 0; ///< Slots below this one were looked at by reorder().
  };
  int32_t *table(const Region &region) const {
    return reinterpret_cast<int32_t *>(region.data());
  }
  Group &groupOf(size_t row) { return groups[size_t(owners[size_t(slots[row])])]; }
  int32_t spareSlot(int32_t group);
  void endEmptyGroups();

  size_t count = 0, freeSlots = 0;
  uint64_t stride = 0;              ///< Positions of one row of the tables.
  std::vector<int32_t> slots, next; ///< [row]
  std::vector<int32_t> owners;      ///< [slot]: its group, or none.
  std::vector<Group> groups;
  std::vector<uint8_t> taken;       ///< [slot]
  Region past, nextPast;            ///< [tableRows][positions]
};

} // namespace encdec::runtime
