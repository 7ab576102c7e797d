//===- Cgroup.cpp ---------------------------------------------------------===//
//
// Source: Linux kernel, admin-guide/cgroup-v2 (cpu.max, memory.max) and cgroup-v1 with
// scheduler/sched-bwc (cpu.cfs_quota_us, cpu.cfs_period_us, memory.limit_in_bytes);
// cgroups(7) for /proc/self/cgroup.

#include "runtime/base/Cgroup.h"

#include "runtime/base/Number.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <string>

namespace encdec {

namespace {

/// Calls `visit` with the folder of this process's group under the controller, a slash
/// at its end, and with those of all groups around it.
void forEachGroup(const std::string &controller,
                  const std::function<void(const std::string &, bool v2)> &visit) {
  std::ifstream groups("/proc/self/cgroup");
  // Each line is "hierarchy:controllers:path"; that of cgroup v2 is "0::path".
  for (std::string line; std::getline(groups, line);) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos)
      continue;
    std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool v2 = names == ",,";
    if (!v2 && names.find("," + controller + ",") == names.npos)
      continue;
    std::string path = line.substr(second + 1);
    for (;; path.erase(path.find_last_of('/'))) {
      if (path == "/")
        path.clear();
      visit("/sys/fs/cgroup/" + (v2 ? "" : controller) + path + "/", v2);
      if (path.empty() || path.front() != '/')
        break;
    }
  }
}

std::string readLine(const std::string &path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// The number that `text` is; 0 where it is none.
template <typename T> T readNumber(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  return parseNumber<T>(text).value_or(0);
}

} // namespace

unsigned CpuQuota::processors() const {
  int64_t whole = micros / period + (micros % period != 0);
  return unsigned(std::min<int64_t>(whole, 1 << 16));
}

std::optional<CpuQuota> quotaFromCfs(std::string_view quota, std::string_view period) {
  CpuQuota found{readNumber<int64_t>(quota), readNumber<int64_t>(period)};
  if (found.micros <= 0 || found.period <= 0)
    return std::nullopt;
  return found;
}

std::optional<CpuQuota> quotaFromCpuMax(std::string_view cpuMax) {
  size_t space = cpuMax.find(' ');
  if (space == cpuMax.npos)
    return std::nullopt;
  return quotaFromCfs(cpuMax.substr(0, space), cpuMax.substr(space + 1));
}

std::vector<CpuQuota> cpuQuotas() {
  std::vector<CpuQuota> all;
  forEachGroup("cpu", [&](const std::string &folder, bool v2) {
    std::optional<CpuQuota> quota =
        v2 ? quotaFromCpuMax(readLine(folder + "cpu.max"))
           : quotaFromCfs(readLine(folder + "cpu.cfs_quota_us"),
                          readLine(folder + "cpu.cfs_period_us"));
    if (quota)
      all.push_back(*quota);
  });
  return all;
}

std::vector<uint64_t> ramLimits() {
  std::vector<uint64_t> all;
  forEachGroup("memory", [&](const std::string &folder, bool v2) {
    auto limit = readNumber<uint64_t>(
        readLine(folder + (v2 ? "memory.max" : "memory.limit_in_bytes")));
    if (limit > 0)
      all.push_back(limit);
  });
  return all;
}

} // namespace encdec
