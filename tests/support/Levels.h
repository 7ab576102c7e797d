// Tests of each CPU level. A level that this machine does not run is skipped by name, with
// the reason.
#pragma once
#include "compiler/emit/Object.h"
#include "tests/support/KernelJit.h"
#include <gtest/gtest.h>
#include <map>

namespace encdec::test {

/// The levels that this machine runs, lowest first.
inline std::vector<llvm::StringRef> hostLevels() {
  std::vector<llvm::StringRef> levels;
  for (const ObjectTarget &target : objectTargets())
    if (missingHere(target).empty())
      levels.push_back(target.name);
  return levels;
}

/// All levels, for INSTANTIATE_TEST_SUITE_P.
inline auto everyLevel() {
  std::vector<std::string> names;
  for (const ObjectTarget &target : objectTargets())
    names.push_back(target.name.str());
  return testing::ValuesIn(names);
}

class EachLevel : public testing::TestWithParam<std::string> {
protected:
  void SetUp() override {
    std::string missing = missingHere(**findObjectTarget(GetParam()));
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
