//===- Machine.cpp - /proc and the control groups -------------------------===//
//
// Paths and formats: proc(5), the kernel's admin-guide/cgroup-v2 (cpu.max,
// memory.max) and cgroup-v1 (cpu.cfs_quota_us, memory.limit_in_bytes).

#include "runtime/tools/Machine.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <sched.h>
#include <sstream>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// The value after the first "key : value" line, or "".
std::string valueOf(const std::string &path, const std::string &key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key)) {
      size_t colon = line.find(':');
      size_t begin =
          colon == line.npos ? colon : line.find_first_not_of(" \t", colon + 1);
      return begin == line.npos ? "" : line.substr(begin);
    }
  return "";
}

std::vector<std::pair<std::string, bool>> readFeatures() {
#if defined(__x86_64__)
  constexpr const char *wanted[] = {"avx2",        "fma",      "f16c",
                                    "bmi2",        "avx_vnni", "avx512f",
                                    "avx512bw",    "avx512vl", "avx512_vnni",
                                    "avx512_bf16", "amx_int8", "amx_bf16"};
  std::string key = "flags";
#else
  constexpr const char *wanted[] = {"asimd", "asimddp", "i8mm", "bf16", "sve"};
  std::string key = "Features";
#endif
  std::istringstream words(valueOf("/proc/cpuinfo", key));
  std::vector<std::string> present;
  for (std::string word; words >> word;)
    present.push_back(word);
  std::vector<std::pair<std::string, bool>> features;
  for (const char *name : wanted)
    features.emplace_back(
        name, std::find(present.begin(), present.end(), name) != present.end());
  return features;
}

uint64_t kilobytes(const std::string &key) {
  return std::strtoull(valueOf("/proc/meminfo", key).c_str(), nullptr, 10) *
         1024;
}

/// Calls `visit` with the folder of this process's control group under each
/// controller, and with those of all groups around it up to the root: the limit
/// of any of them holds.
void forEachGroup(
    const std::string &controller,
    const std::function<void(const std::string &, bool v2)> &visit) {
  std::ifstream file("/proc/self/cgroup"); // hierarchy:controllers:path
  for (std::string line; std::getline(file, line);) {
    size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos)
      continue;
    std::string names = "," + line.substr(first + 1, second - first - 1) + ",";
    bool v2 = names == ",,";
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

template <typename T> void lower(std::optional<T> &least, T value) {
  least = least ? std::min(*least, value) : value;
}

std::optional<double> readQuota() {
  std::optional<double> least;
  forEachGroup("cpu", [&](const std::string &folder, bool v2) {
    double quota = 0, period = 0;
    if (v2)
      std::ifstream(folder + "cpu.max") >> quota >> period; // "max" reads as 0
    else {
      std::ifstream(folder + "cpu.cfs_quota_us") >> quota;
      std::ifstream(folder + "cpu.cfs_period_us") >> period;
    }
    if (quota > 0 && period > 0)
      lower(least, quota / period);
  });
  return least;
}

std::optional<uint64_t> readRamLimit(uint64_t ram) {
  std::optional<uint64_t> least;
  forEachGroup("memory", [&](const std::string &folder, bool v2) {
    uint64_t limit = 0;
    std::ifstream(folder + (v2 ? "memory.max" : "memory.limit_in_bytes")) >>
        limit;
    if (limit > 0 && limit < ram) // cgroup v1 writes a huge number for no limit
      lower(least, limit);
  });
  return least;
}

} // namespace

SystemInfo readSystem() {
  SystemInfo info;
  info.cpu = valueOf("/proc/cpuinfo", "model name");
  info.features = readFeatures();
  info.online = uint32_t(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN)));
  cpu_set_t set;
  info.affinity = sched_getaffinity(0, sizeof(set), &set) == 0 ? uint32_t(CPU_COUNT(&set))
                                                               : info.online;
  info.quota = readQuota();
  info.ram = kilobytes("MemTotal");
  info.availableRam = kilobytes("MemAvailable");
  info.ramLimit = readRamLimit(info.ram);
  return info;
}

} // namespace encdec::tools
