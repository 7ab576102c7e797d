// Tests of each CPU level. A level that this machine does not run is skipped by name,
// with the reason.
#pragma once
#include "runtime/base/CpuLevels.h"
#include "tests/support/KernelJit.h"
#include <gtest/gtest.h>
#include <map>

namespace encdec::test {

/// The levels that this machine runs, lowest first.
inline std::vector<llvm::StringRef> hostLevels() {
  std::vector<llvm::StringRef> levels;
  for (const CpuLevel &level : cpuLevels())
    if (level.runsHere())
      levels.push_back(level.name);
  return levels;
}

/// All levels, for INSTANTIATE_TEST_SUITE_P.
inline auto everyLevel() {
  std::vector<std::string> names;
  for (const CpuLevel &level : cpuLevels())
    names.emplace_back(level.name);
  return testing::ValuesIn(names);
}

class EachLevel : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    std::string missing = (*findCpuLevel(GetParam()))->missingHere();
    if (!missing.empty())
      GTEST_SKIP() << "level " << GetParam() << " needs " << missing;
  }
};

/// The kernels that `build` asks for, of the running test's level; compiled once.
template <typename Build> KernelJit &levelJit(Build build) {
  static std::map<std::string, KernelJit> made;
  const std::string &level = EachLevel::GetParam();
  return made.try_emplace(level, build, level).first->second;
}

} // namespace encdec::test
