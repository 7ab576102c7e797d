//===- CgroupTest.cpp - CPU quotas ----------------------------------------===//

#include "runtime/base/Cgroup.h"

#include <gtest/gtest.h>

using namespace encdec;

namespace {

/// 0: no quota.
unsigned processors(std::optional<CpuQuota> quota) {
  return quota ? quota->processors() : 0;
}

TEST(Cgroup, QuotaOfVersion2) {
  EXPECT_EQ(processors(quotaFromCpuMax("max 100000")), 0u);
  EXPECT_EQ(processors(quotaFromCpuMax("max 100000\n")), 0u);
  EXPECT_EQ(processors(quotaFromCpuMax("100000 100000")), 1u);
  EXPECT_EQ(processors(quotaFromCpuMax("150000 100000\n")), 2u);
  EXPECT_EQ(processors(quotaFromCpuMax("200000 100000")), 2u);
  EXPECT_EQ(processors(quotaFromCpuMax("200001 100000")), 3u);
  EXPECT_EQ(processors(quotaFromCpuMax("1000 100000")), 1u);
  for (const char *text : {"", " ", "100000", "a b", "1 2 3", "-5 100000", "5 0",
                           "0 100000", "99999999999999999999 1", "1e5 100000"})
    EXPECT_EQ(processors(quotaFromCpuMax(text)), 0u) << text;
  EXPECT_EQ(processors(quotaFromCpuMax("9223372036854775807 1")), 1u << 16);
}

TEST(Cgroup, QuotaOfVersion1) {
  EXPECT_EQ(processors(quotaFromCfs("-1", "100000")), 0u);
  EXPECT_EQ(processors(quotaFromCfs("250000\n", "100000\n")), 3u);
  EXPECT_EQ(processors(quotaFromCfs("", "")), 0u);
}

} // namespace
