//===- CountAllocations.h - how often any thread asked for memory ---------===//

#pragma once

#include <cstdint>

namespace encdec::tests {

/// Calls of operator new since the program began, and of malloc, calloc and
/// realloc too where no sanitizer owns those.
uint64_t allocations();

} // namespace encdec::tests
