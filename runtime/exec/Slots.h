//===- Slots.h - which cache slot each row lives in -----------------------===//
//
// Rows are renumbered after every step; their keys and values stay where they
// are. A slot is copied only when two rows go on from one.

#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace encdec::runtime {

/// A row that needs its own copy of a slot.
struct SlotCopy {
  int32_t from, to;
};

/// Row -> slot for up to `capacity` rows. Allocates at construction only.
class Slots {
public:
  explicit Slots(size_t capacity);

  /// Rows 0 ... rows - 1 in slots of the same number.
  void start(size_t rows);

  /// New row i goes on from old row parents[i] (each below rows(), at most
  /// `capacity` of them). The first to name a parent keeps its slot; the copies
  /// that the others need are returned, valid until the next call.
  std::span<const SlotCopy> reorder(std::span<const uint32_t> parents);

  size_t rows() const { return count; }
  const int32_t *data() const { return slots.data(); }

private:
  size_t count = 0;
  std::vector<int32_t> slots, next;
  std::vector<uint8_t> taken;
  std::vector<SlotCopy> copies;
};

} // namespace encdec::runtime
