//===- Machine.cpp - how many threads and how much RAM we have ------------===//
//
// Source: Linux kernel, admin-guide/cgroup-v2 (cpu.max) and cgroup-v1 with
// scheduler/sched-bwc (cpu.cfs_quota_us, cpu.cfs_period_us); cgroups(7) for
// /proc/self/cgroup. The quota of an outer group also limits the groups inside
// it, so the quotas of all groups up to the root are read.

#include "runtime/exec/Machine.h"

#include "runtime/base/Number.h"

#include <algorithm>
#include <fstream>
#include <sched.h>
#include <string>
#include <unistd.h>

namespace encdec::runtime {

namespace {

/// 0 for what is no number.
int64_t readNumber(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  return parseNumber<int64_t>(text).value_or(0);
}

std::string readLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

unsigned least(unsigned a, unsigned b) { return a && b ? std::min(a, b) : a + b; }

/// The least quota of the group at `path` and all above it.
template <typename Ask> unsigned leastQuota(std::string path, Ask ask) {
  unsigned quota = 0;
  while (true) {
    quota = least(quota, ask(path));
    auto slash = path.rfind('/');
    if (slash == std::string::npos)
      return quota;
    path.resize(slash);
  }
}

unsigned cgroupQuota() {
  unsigned quota = 0;
  std::ifstream groups("/proc/self/cgroup");
  // Each line is "hierarchy:controllers:path"; that of cgroup v2 is "0::path".
  for (std::string line; std::getline(groups, line);) {
    auto first = line.find(':');
    auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos)
      continue;
    std::string controllers = "," + line.substr(first + 1, second - first - 1) +
                              ",";
    std::string path = line.substr(second + 1);
    if (path == "/")
      path.clear();
    if (controllers == ",,")
      quota = least(quota, leastQuota(path, [](const std::string &group) {
                      return quotaFromCpuMax(
                          readLine("/sys/fs/cgroup" + group + "/cpu.max"));
                    }));
    else if (controllers.find(",cpu,") != std::string::npos)
      quota = least(quota, leastQuota(path, [](const std::string &group) {
                      std::string folder = "/sys/fs/cgroup/cpu" + group;
                      return quotaFromCfs(
                          readLine(folder + "/cpu.cfs_quota_us"),
                          readLine(folder + "/cpu.cfs_period_us"));
                    }));
  }
  return quota;
}

unsigned affinity() {
  // A machine may have more CPUs than a cpu_set_t of this size has bits; the
  // kernel then answers EINVAL, and a larger set is tried.
  for (int cpus = 1024; cpus <= 1 << 16; cpus *= 2) {
    cpu_set_t *set = CPU_ALLOC(cpus);
    if (!set)
      return 0;
    size_t size = CPU_ALLOC_SIZE(cpus);
    int failed = sched_getaffinity(0, size, set);
    unsigned count = failed ? 0 : unsigned(CPU_COUNT_S(size, set));
    CPU_FREE(set);
    if (!failed)
      return count;
  }
  return 0;
}

} // namespace

unsigned quotaFromCfs(std::string_view quota, std::string_view period) {
  int64_t micros = readNumber(quota), each = readNumber(period);
  if (micros <= 0 || each <= 0)
    return 0;
  int64_t cpus = micros / each + (micros % each != 0);
  return unsigned(std::min<int64_t>(cpus, 1 << 16));
}

unsigned quotaFromCpuMax(std::string_view cpuMax) {
  auto space = cpuMax.find(' ');
  if (space == std::string_view::npos)
    return 0;
  return quotaFromCfs(cpuMax.substr(0, space), cpuMax.substr(space + 1));
}

unsigned defaultThreads() {
  unsigned threads = least(affinity(), cgroupQuota());
  return threads ? threads : 1;
}

uint64_t physicalRam() {
  long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
  return pages > 0 && size > 0 ? uint64_t(pages) * uint64_t(size)
                               : uint64_t(1) << 40;
}

} // namespace encdec::runtime
