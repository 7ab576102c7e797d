//===- Machine.h - how many threads and how much RAM this process has -----===//

#pragma once

#include <cstdint>
#include <string_view>

namespace encdec::runtime {

/// Threads worth starting: the least of the affinity mask and the cgroup's CPU
/// quota (rounded up), at least 1. More threads would share these CPUs and wait
/// for each other at every barrier.
unsigned defaultThreads();

/// RAM of the machine, in bytes.
uint64_t physicalRam();

/// CPUs that a cgroup quota allows, rounded up; 0 where there is no quota or
/// the text is no quota. `cpuMax` is the content of cgroup v2's cpu.max: "max
/// 100000", "150000 100000".
unsigned quotaFromCpuMax(std::string_view cpuMax);

/// The same from cgroup v1's cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
unsigned quotaFromCfs(std::string_view quota, std::string_view period);

} // namespace encdec::runtime
