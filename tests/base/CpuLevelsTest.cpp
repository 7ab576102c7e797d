//===- CpuLevelsTest.cpp - names and order of levels, and what runs here --===//

#include "runtime/base/CpuLevels.h"

#include <gtest/gtest.h>

#include <elf.h>

#include <map>

using namespace encdec;

namespace {

TEST(CpuLevels, NamesOrderAndMachines) {
  std::vector<std::pair<std::string_view, unsigned>> levels;
  for (const CpuLevel &level : cpuLevels())
    levels.emplace_back(level.name, level.elfMachine);
  const std::vector<std::pair<std::string_view, unsigned>> expected = {
      {"v3", EM_X86_64},
      {"v3-avxvnni", EM_X86_64},
      {"v4", EM_X86_64},
      {"v4-vnni", EM_X86_64},
      {"neon", EM_AARCH64}};
  EXPECT_EQ(levels, expected);
  EXPECT_EQ((*findCpuLevel("v4"))->name, "v4");
  Status unknown = findCpuLevel("v9\n").status();
  EXPECT_EQ(unknown.code(), Code::Usage);
  EXPECT_EQ(unknown.message(),
            "unknown CPU level 'v9\\x0A'; known are: v3, v3-avxvnni, "
            "v4, v4-vnni, neon");
}

/// A level runs where the one below it does; the best is the last that runs.
TEST(CpuLevels, WhatRunsHere) {
  const CpuLevel *best = nullptr;
  for (const CpuLevel &level : cpuLevels()) {
    EXPECT_EQ(level.runsHere(), level.missingHere().empty());
    if (!level.runsHere())
      continue;
    best = &level;
    EXPECT_EQ(level.architecture, architecture());
    if (!level.below.empty())
      EXPECT_TRUE((*findCpuLevel(level.below))->runsHere()) << level.name;
  }
  EXPECT_EQ(bestCpuLevel(), best);
  const CpuLevel *withoutWholes = bestCpuLevel(/*wholes=*/false);
  ASSERT_EQ(withoutWholes == nullptr, best == nullptr);
  if (best)
    EXPECT_EQ(withoutWholes->name, best->name.substr(0, best->name.find('-')));
  CpuLevel wider = cpuLevels().front();
  wider.name = "v9";
  EXPECT_FALSE(wider.runsHere());
  wider.architecture = "s390x";
  EXPECT_EQ(wider.missingHere(), "a CPU of s390x");
}

#if defined(__x86_64__)
TEST(CpuLevels, WhatIsMissingIsNamed) {
  // Bits that no CPU sets, and registers that no CPU has.
  const CpuFeature none[] = {{"one", 1, 0, CpuFeature::Eax, 31},
                             {"two", 7, 99, CpuFeature::Eax, 0},
                             {"three", 0x80ffffff, 0, CpuFeature::Eax, 0}};
  CpuLevel level = cpuLevels().front();
  level.below = level.name;
  level.features = none;
  std::string above = cpuLevels().front().missingHere();
  EXPECT_EQ(level.missingHere(), above + (above.empty() ? "" : ", ") + "one, two, three");
  level.features = {};
  level.states = uint64_t(1) << 62; // a bit of XCR0 that is never set
  if (above.empty())
    EXPECT_EQ(level.missingHere(), "an operating system that saves its registers");
}

/// Against the compiler's own detection.
TEST(CpuLevels, TheCompilersSecondOpinion) {
  __builtin_cpu_init();
#define HAS(feature) (__builtin_cpu_supports(feature) != 0)
  const bool v3 = HAS("avx2") && HAS("fma") && HAS("f16c") && HAS("bmi") &&
                  HAS("bmi2") && HAS("lzcnt") && HAS("movbe");
  const bool v4 = v3 && HAS("avx512f") && HAS("avx512bw") && HAS("avx512cd") &&
                  HAS("avx512dq") && HAS("avx512vl");
  const std::map<std::string_view, bool> expected = {
      {"v3", v3},
      {"v3-avxvnni", v3 && HAS("avxvnni")},
      {"v4", v4},
      {"v4-vnni", v4 && HAS("avx512vnni")},
      {"neon", false}};
#undef HAS
  for (const CpuLevel &level : cpuLevels())
    EXPECT_EQ(level.runsHere(), expected.at(level.name)) << level.name;
}
#endif

} // namespace
