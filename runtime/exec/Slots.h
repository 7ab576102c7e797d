//===- Slots.h - where in the cache each row's past lies ------------------===//
//
// Rows are renumbered after every step; their keys and values stay where they
// are. A row writes into a slot of its own, and reads its past from the slots
// of its ancestors. A reorder copies slot numbers and never keys or values.

#pragma once

#include "runtime/base/Status.h"
#include "runtime/exec/Region.h"

#include <cstdint>
#include <span>
#include <vector>

namespace encdec::runtime {

/// The slot that each row writes to, and the slot of each position of its past,
/// for up to `rows` rows that are all at one position. Allocates at creation
/// only.
class Slots {
public:
  /// Bytes that create reserves; for positions a multiple of 16.
  static uint64_t bytes(uint64_t rows, uint64_t positions);
  static Result<Slots> create(uint64_t rows, uint64_t positions);

  /// Rows 0 ... rows - 1 in slots of the same number, without a past.
  void start(size_t rows);

  /// The row's next position is `position`, which goes to the row's own slot.
  /// The entries up to the end of that block of 16 get the same slot, because
  /// kernels read whole blocks.
  void place(size_t row, uint64_t position);

  /// New row i goes on from old row parents[i] (each below rows(), at most
  /// `rows` of them), which has `positions` positions. The first new row of a
  /// parent keeps the parent's slot; each further one gets a slot that no row
  /// writes to.
  void reorder(std::span<const uint32_t> parents, uint64_t positions);

  size_t rows() const { return count; }
  /// [rows][positions]: the slot of each position of each row's past.
  const int32_t *ancestors() const { return table(past); }

private:
  int32_t *table(const Region &region) const {
    return reinterpret_cast<int32_t *>(region.data());
  }

  size_t count = 0;
  uint64_t stride = 0; ///< Positions of one row of the tables.
  std::vector<int32_t> slots, next;
  std::vector<uint8_t> taken;
  Region past, nextPast; ///< [rows][positions]
};

} // namespace encdec::runtime
