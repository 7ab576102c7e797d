//===- Machine.h - how many threads and how much RAM this process has -----===//

#pragma once

#include <cstdint>

namespace encdec::runtime {

/// Threads worth starting: the least of the affinity mask and the cgroup's CPU
/// quota (rounded up), at least 1. More threads would share these CPUs and wait
/// for each other at every barrier.
unsigned defaultThreads();

/// RAM of the machine, in bytes.
uint64_t physicalRam();

} // namespace encdec::runtime
