//===- System.cpp - /proc and the control groups: proc(5) -----------------===//

#include "runtime/tools/System.h"
#include "runtime/base/Cgroup.h"

#include <algorithm>
#include <fstream>
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

template <typename T> void lower(std::optional<T> &least, T value) {
  least = least ? std::min(*least, value) : value;
}

/// Processors' worth of time.
std::optional<double> readQuota() {
  std::optional<double> least;
  for (CpuQuota quota : cpuQuotas())
    lower(least, double(quota.micros) / double(quota.period));
  return least;
}

std::optional<uint64_t> readRamLimit(uint64_t ram) {
  std::optional<uint64_t> least;
  for (uint64_t limit : ramLimits())
    if (limit < ram)
      lower(least, limit);
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
