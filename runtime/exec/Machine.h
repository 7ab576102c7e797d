//===- Machine.h - how many threads and how much RAM this process has -----===//

#pragma once

#include <cstdint>

namespace encdec::runtime {

/// Threads worth starting: the CPUs of the affinity mask or the least CPU quota of the
/// control groups (rounded up), whichever is less; at least 1. More threads would share
/// these CPUs and wait for each other at every barrier.
unsigned defaultThreads();

/// RAM of the machine, in bytes.
uint64_t physicalRam();

} // namespace encdec::runtime
