//===- Doctor.cpp - encdec doctor: what this machine can run --------------===//

#include "runtime/tools/External.h"
#include "runtime/tools/Support.h"
#include "runtime/tools/System.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// The linker as encdec-compile looks for it, or "".
std::string findLinker() {
  if (const char *chosen = std::getenv("ENCDEC_LLD"); chosen && *chosen)
    return access(chosen, X_OK) == 0 ? chosen : "";
  for (const char *name : {"ld.lld-22", "ld.lld"})
    if (std::string path = findOnPath(name); !path.empty())
      return path;
  std::string packaged = "/usr/lib/llvm-22/bin/ld.lld";
  return access(packaged.c_str(), X_OK) == 0 ? packaged : "";
}

struct Findings {
  encdec_machine_info machine;
  SystemInfo system;
  std::vector<std::pair<std::string, std::string>> programs; ///< name, path
  bool runs, compiles;
};

Findings look() {
  Findings found{machineInfo(), readSystem(), {}, false, true};
  found.runs = std::strcmp(found.machine.cpu_level, "none") != 0;
  for (const char *name : {"compile", "import"})
    found.programs.emplace_back(std::string("encdec-") + name,
                                findExternal(name));
  found.programs.emplace_back("ld.lld", findLinker());
  for (auto &[name, path] : found.programs)
    found.compiles &= !path.empty();
  return found;
}

void printJson(const Findings &found) {
  const SystemInfo &system = found.system;
  auto optional = [](const auto &value) {
    return value ? nlohmann::ordered_json(*value) : nullptr;
  };
  nlohmann::ordered_json all;
  all["version"] = encdec_version();
  all["abi"] = ENCDEC_ABI_VERSION;
  all["architecture"] = found.machine.architecture;
  all["cpu"] = system.cpu;
  all["cpu_level"] = found.machine.cpu_level;
  for (auto &[name, present] : system.features)
    all["features"][name] = present;
  all["threads"] = found.machine.threads;
  all["processors"] = {{"online", system.online},
                       {"affinity", system.affinity},
                       {"cgroup_quota", optional(system.quota)}};
  all["memory"] = {{"total", system.ram},
                   {"available", system.availableRam},
                   {"cgroup_limit", optional(system.ramLimit)}};
  for (auto &[name, path] : found.programs)
    all["programs"][name] =
        path.empty() ? nullptr : nlohmann::ordered_json(path);
  all["can_run"] = found.runs;
  all["can_compile"] = found.compiles;
  print(all.dump(2, ' ', false,
                 nlohmann::ordered_json::error_handler_t::replace) +
        "\n");
}

void printTable(const Findings &found) {
  const SystemInfo &system = found.system;
  auto line = [](const std::string &name, const std::string &value) {
    print(fmt::format("{:<12} {}\n", name, value));
  };
  std::string present, absent;
  for (auto &[name, is] : system.features)
    (is ? present : absent) += " " + name;
  line("encdec",
       fmt::format("{}, ABI {}", encdec_version(), ENCDEC_ABI_VERSION));
  line("cpu", fmt::format("{} ({})", system.cpu.empty() ? "unnamed" : system.cpu,
                          found.machine.architecture));
  line("level", found.runs ? bold(found.machine.cpu_level)
                           : "none: no code level fits this CPU");
  line("has", present.empty() ? "-" : present.substr(1));
  line("has not", absent.empty() ? "-" : absent.substr(1));
  line("threads",
       fmt::format("{} ({} online, affinity allows {}, cgroup quota {})",
                   found.machine.threads, system.online, system.affinity,
                   system.quota ? fmt::format("{:.2g}", *system.quota) : "none"));
  line("memory", fmt::format("{}, {} available, cgroup limit {}", humanBytes(system.ram),
                             humanBytes(system.availableRam),
                             system.ramLimit ? humanBytes(*system.ramLimit) : "none"));
  for (auto &[name, path] : found.programs)
    line(name, path.empty() ? "not found" : path);
  print("\n");
  line("run", found.runs ? "yes: bundles with this level's code or a lower one"
                         : "no: the least level is x86-64-v3 (AVX2, FMA)");
  line("compile",
       found.compiles
           ? "yes"
           : "no: install what is not found above (encdec's compiler "
             "component; on Debian `apt install lld-22`)");
}

constexpr const char *footer = R"(Examples:
  encdec doctor
  encdec doctor --json | jq .cpu_level

Exit code 4 when no compiled code can run on this machine.)";

} // namespace

void addDoctor(CLI::App &root, Action &action) {
  auto json = std::make_shared<bool>(false);
  CLI::App *command = root.add_subcommand(
      "doctor", "Say what this machine can run and compile");
  command->footer(footer);
  command->add_flag("--json", *json, "As one JSON object");
  command->callback([json, &action] {
    action = [json] {
      Findings found = look();
      *json ? printJson(found) : printTable(found);
      return found.runs ? 0 : int(ENCDEC_ERROR_DOES_NOT_FIT);
    };
  });
}

} // namespace encdec::tools
