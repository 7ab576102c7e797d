//===- System.h - what the system says about itself -----------------------===//

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace encdec::tools {

struct SystemInfo {
  std::string cpu; ///< as /proc/cpuinfo names it
  /// Instruction sets that matter to compiled code, and whether they are there.
  std::vector<std::pair<std::string, bool>> features;
  uint32_t online = 1;         ///< processors
  uint32_t affinity = 1;       ///< processors this process may run on
  std::optional<double> quota; ///< processors' worth of time by cgroup
  uint64_t ram = 0, availableRam = 0; ///< bytes
  std::optional<uint64_t> ramLimit;   ///< bytes, by cgroup
};

SystemInfo readSystem();

} // namespace encdec::tools
