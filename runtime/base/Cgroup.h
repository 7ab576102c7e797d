//===- Cgroup.h - what the control groups allow this process --------------===//
//
// The limit of a group also holds for the groups inside it: quotas and limits are those
// of this process's groups and of all groups around them, up to the root. The least
// holds.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace encdec {

/// `micros` of processor time in each `period`, both positive.
struct CpuQuota {
  int64_t micros, period;
  /// As processors, rounded up; at most 2^16.
  unsigned processors() const;
};

/// From cgroup v2's cpu.max: "150000 100000"; nothing for "max 100000", which is no
/// limit, and for text that is no quota.
std::optional<CpuQuota> quotaFromCpuMax(std::string_view cpuMax);

/// The same from cgroup v1's cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
std::optional<CpuQuota> quotaFromCfs(std::string_view quota, std::string_view period);

std::vector<CpuQuota> cpuQuotas();

/// Bytes of RAM. Cgroup v1 writes a huge number for no limit.
std::vector<uint64_t> ramLimits();

} // namespace encdec
