//===- TeamTest.cpp - threads, barriers, exceptions, float mode -----------===//

#include "runtime/exec/FloatMode.h"
#include "runtime/exec/Team.h"

#include <gtest/gtest.h>

#include <cfenv>
#include <chrono>
#include <stdexcept>
#include <sys/wait.h>

using namespace encdec;
using namespace encdec::runtime;

namespace {

std::unique_ptr<Team> makeTeam(uint32_t workers) {
  auto team = Team::create(workers);
  EXPECT_TRUE(team.ok());
  return std::move(*team);
}

TEST(SpinBudget, HalvesWhenItWasOfNoUseAndDoublesWhenItWas) {
  SpinBudget spins;
  EXPECT_EQ(spins.now(), SpinBudget::most);
  spins.adapt(/*slept=*/false);
  EXPECT_EQ(spins.now(), SpinBudget::most);
  spins.adapt(/*slept=*/true);
  EXPECT_EQ(spins.now(), SpinBudget::most / 2);
  for (int i = 0; i < 20; ++i)
    spins.adapt(true);
  EXPECT_EQ(spins.now(), SpinBudget::least);
  spins.adapt(false);
  EXPECT_EQ(spins.now(), 2 * SpinBudget::least);
  for (int i = 0; i < 20; ++i)
    spins.adapt(false);
  EXPECT_EQ(spins.now(), SpinBudget::most);
}

class Teams : public testing::TestWithParam<uint32_t> {};
INSTANTIATE_TEST_SUITE_P(Workers, Teams, testing::Range(1u, 9u));

TEST_P(Teams, EveryWorkerRunsOnce) {
  auto team = makeTeam(GetParam());
  std::array<std::atomic<int>, 8> seen{};
  for (int run = 1; run <= 200; ++run) {
    ASSERT_TRUE(team->run(
                        [](void *data, uint32_t worker, uint32_t workers) {
                          auto &seen = *static_cast<std::array<std::atomic<int>, 8> *>(data);
                          if (workers <= 8 && worker < workers)
                            ++seen[worker];
                        },
                        &seen)
                    .ok());
    for (uint32_t w = 0; w < 8; ++w)
      ASSERT_EQ(seen[w], w < GetParam() ? run : 0) << "worker " << w;
  }
}

/// Plain integers, written before a barrier by one worker and read after it by
/// all: wrong sums (and ThreadSanitizer) show a barrier that lets through.
TEST_P(Teams, BarrierSeparates) {
  struct Shared {
    Team *team;
    int values[8] = {};
    std::atomic<int> wrong{0};
  } shared{makeTeam(GetParam()).release(), {}, {}};
  std::unique_ptr<Team> owner(shared.team);
  auto status = shared.team->run(
      [](void *data, uint32_t worker, uint32_t workers) {
        auto &shared = *static_cast<Shared *>(data);
        for (int round = 1; round <= 300; ++round) {
          shared.values[worker] = round;
          Team::barrier(shared.team, worker);
          for (uint32_t w = 0; w < workers; ++w)
            shared.wrong += shared.values[w] != round;
          Team::barrier(shared.team, worker);
        }
      },
      &shared);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(shared.wrong, 0);
}

TEST_P(Teams, ExceptionBecomesAStatus) {
  auto team = makeTeam(GetParam());
  for (uint32_t thrower = 0; thrower < GetParam(); ++thrower) {
    Status status = team->run(
        [](void *data, uint32_t worker, uint32_t) {
          if (worker == *static_cast<uint32_t *>(data))
            throw std::runtime_error("no luck");
        },
        &thrower);
    EXPECT_EQ(status.code(), Code::Failure);
    EXPECT_NE(status.message().find("no luck"), std::string::npos);
    // The exception is gone with the next run.
    EXPECT_TRUE(team->run([](void *, uint32_t, uint32_t) {}, nullptr).ok());
  }
  Status all = team->run([](void *, uint32_t, uint32_t) { throw 7; }, nullptr);
  EXPECT_EQ(all.code(), Code::Failure);
}

TEST(Team, SleepersWakeUp) {
  auto team = makeTeam(4);
  for (int i = 0; i < 5; ++i) {
    // Far longer than waiting threads spin.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    std::atomic<int> ran{0};
    ASSERT_TRUE(team->run([](void *data, uint32_t, uint32_t) {
                       ++*static_cast<std::atomic<int> *>(data);
                     }, &ran).ok());
    EXPECT_EQ(ran, 4);
  }
}

#if defined(__x86_64__)
TEST(Team, FloatModeIsDefaultInsideAndRestoredOutside) {
  auto team = makeTeam(3);
  const unsigned before = _mm_getcsr();
  const unsigned odd = 0x1f80 | 0x8040 | 0x6000; // flush, denormals as zero, truncate
  _mm_setcsr(odd);
  unsigned inside[3] = {};
  Status status = team->run([](void *data, uint32_t worker, uint32_t) {
    static_cast<unsigned *>(data)[worker] = _mm_getcsr();
  }, inside);
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(after, odd);
  for (unsigned mode : inside)
    EXPECT_EQ(mode, 0x1f80u);
}
#endif

TEST(Team, AfterForkIsAUsageError) {
  auto team = makeTeam(2);
  pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    Status status = team->run([](void *, uint32_t, uint32_t) {}, nullptr);
    int code = int(status.code());
    team.reset(); // must neither wait for the parent's threads nor end here
    _exit(code);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), int(Code::Usage));
}

} // namespace
