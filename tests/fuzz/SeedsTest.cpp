//===- SeedsTest.cpp - the fuzzers' targets in every build ----------------===//
//
// Keeps targets compiling and useful: a reader accepts all seeds, and neither the seeds
// nor simple damage of them are a finding.

#include "tests/fuzz/Fuzz.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace encdec::fuzz;

namespace {

class Fuzz : public testing::TestWithParam<const Target *> {};

TEST_P(Fuzz, ReaderTakesTheSeeds) {
  const std::vector<std::string> seeds = GetParam()->seeds();
  EXPECT_FALSE(seeds.empty());
  for (size_t i = 0; i < seeds.size(); ++i) {
    EXPECT_TRUE(GetParam()->run(seeds[i])) << "seed " << i;
    EXPECT_LE(seeds[i].size(), GetParam()->longest) << "seed " << i;
  }
}

TEST_P(Fuzz, DamageIsNoFinding) {
  std::mt19937 random(7);
  for (const std::string &seed : GetParam()->seeds())
    for (size_t i = 0; i < std::min<size_t>(GetParam()->longest, 200); ++i) {
      std::string bytes = seed;
      for (size_t edits = 1 + random() % 3; edits > 0 && !bytes.empty(); --edits) {
        const size_t at = random() % bytes.size();
        switch (random() % 4) {
        case 0:
          bytes.resize(at);
          break;
        case 1:
          bytes.insert(at, bytes.substr(at / 2, random() % 16));
          break;
        case 2:
          bytes.erase(at, random() % 16);
          break;
        default:
          bytes[at] = char(bytes[at] ^ 1 << random() % 8);
        }
      }
      GetParam()->run(bytes);
    }
}

INSTANTIATE_TEST_SUITE_P(All, Fuzz,
                         testing::ValuesIn(allTargets().begin(), allTargets().end()),
                         [](const auto &info) { return std::string(info.param->name); });

} // namespace
