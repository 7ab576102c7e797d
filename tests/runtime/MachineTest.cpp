//===- MachineTest.cpp - thread counts and RAM ----------------------------===//

#include "runtime/exec/Machine.h"

#include <gtest/gtest.h>

#include <sched.h>

using namespace encdec::runtime;

namespace {

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
