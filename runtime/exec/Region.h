//===- Region.h - pages set aside for a limit, touched when used ----------===//

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>

namespace encdec::runtime {

/// Zero-filled pages, set aside at once and given RAM by the system when
/// first written: room for the longest sentence costs nothing until one comes.
/// Owns the pages; page-aligned; moves, never copies.
class Region {
public:
  /// `size` may be 0: an empty region with a null pointer.
  static Result<Region> reserve(uint64_t size);

  Region() = default;
  Region(Region &&other) noexcept;
  Region &operator=(Region &&other) noexcept;
  ~Region();

  uint8_t *data() const { return base; }
  uint64_t size() const { return length; }

private:
  uint8_t *base = nullptr;
  uint64_t length = 0;
};

} // namespace encdec::runtime
