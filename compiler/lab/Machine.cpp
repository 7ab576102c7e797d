// Machine.cpp: what /proc and /sys say.
#include "compiler/lab/Machine.h"

#include "llvm/Config/llvm-config.h"
#include <fmt/format.h>
#include <fstream>
#include <sstream>
#include <vector>

namespace encdec::lab {

/// The values of one key of /proc/cpuinfo, a CPU each.
static std::vector<std::string> cpuValues(const std::string &key) {
  std::ifstream file("/proc/cpuinfo");
  std::vector<std::string> values;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key) && line.find(": ") != line.npos)
      values.push_back(line.substr(line.find(": ") + 2));
  return values;
}

std::string cpuName() {
  const std::vector<std::string> names = cpuValues("model name");
  return names.empty() ? "unknown" : names.front();
}

llvm::json::Object machineNow() {
  llvm::json::Object now{{"load", nullptr}, {"mhz", nullptr}, {"governor", nullptr}};
  if (double load; std::ifstream("/proc/loadavg") >> load)
    now["load"] = load;
  double sum = 0;
  const std::vector<std::string> clocks = cpuValues("cpu MHz");
  for (const std::string &clock : clocks) {
    double mhz = 0;
    std::istringstream(clock) >> mhz;
    sum += mhz;
  }
  if (!clocks.empty())
    now["mhz"] = sum / double(clocks.size());
  if (std::string governor;
      std::ifstream("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") >> governor)
    now["governor"] = governor;
  return now;
}

std::string producerHere() { return "encdec " ENCDEC_VERSION ", LLVM " LLVM_VERSION_STRING; }

Status checkRecord(const llvm::json::Object &record) {
  const std::pair<const char *, std::string> here[] = {{"cpu", cpuName()},
                                                       {"producer", producerHere()}};
  for (const auto &[key, value] : here)
    if (auto found = record.getString(key); !found || *found != value)
      return Status(Code::DoesNotFit,
                    fmt::format("the record was made elsewhere: {}: expected \"{}\", found "
                                "\"{}\"; times of another machine or version tell nothing "
                                "here, so measure anew",
                                key, value, found ? found->str() : "nothing"));
  return Status::success();
}

} // namespace encdec::lab
