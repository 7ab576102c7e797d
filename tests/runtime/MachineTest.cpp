//===- MachineTest.cpp - CPU quotas and thread counts ---------------------===//

#include "runtime/exec/Machine.h"

#include <gtest/gtest.h>

#include <sched.h>

using namespace encdec::runtime;

namespace {

TEST(Machine, QuotaOfCgroupV2) {
  EXPECT_EQ(quotaFromCpuMax("max 100000"), 0u);
  EXPECT_EQ(quotaFromCpuMax("max 100000\n"), 0u);
  EXPECT_EQ(quotaFromCpuMax("100000 100000"), 1u);
  EXPECT_EQ(quotaFromCpuMax("150000 100000\n"), 2u);
  EXPECT_EQ(quotaFromCpuMax("200000 100000"), 2u);
  EXPECT_EQ(quotaFromCpuMax("200001 100000"), 3u);
  EXPECT_EQ(quotaFromCpuMax("1000 100000"), 1u);
  for (const char *text : {"", " ", "100000", "a b", "1 2 3", "-5 100000", "5 0",
                           "0 100000", "99999999999999999999 1", "1e5 100000"})
    EXPECT_EQ(quotaFromCpuMax(text), 0u) << text;
  EXPECT_EQ(quotaFromCpuMax("9223372036854775807 1"), 1u << 16);
}

TEST(Machine, QuotaOfCgroupV1) {
  EXPECT_EQ(quotaFromCfs("-1", "100000"), 0u);
  EXPECT_EQ(quotaFromCfs("250000\n", "100000\n"), 3u);
  EXPECT_EQ(quotaFromCfs("", ""), 0u);
}

TEST(Machine, ThreadsFollowTheAffinityMask) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(defaultThreads(), 1u);
  EXPECT_LE(defaultThreads(), unsigned(CPU_COUNT(&before)));
  int cpu = 0;
  while (!CPU_ISSET(cpu, &before))
    ++cpu;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(defaultThreads(), 1u);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
}

TEST(Machine, Ram) { EXPECT_GT(physicalRam(), uint64_t(64) << 20); }

} // namespace
