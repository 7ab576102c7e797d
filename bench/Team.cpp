//===- Team.cpp - the cost of running and synchronizing threads -----------===//
//
// team/float_mode: setting the floating-point mode and putting it back, which each
// worker and each call of the API does.
// team/run: an empty call of all workers.
// team/barrier: one barrier of all workers.
// team/step: the shape of a decoder's step, segments of even work with a barrier
// after each, beside `busy` threads that never pause. Its counter `of_fair_share`
// is the time taken / the time that an even share of the cores would allow:
// c cores, w workers and b busy threads leave the workers min(w, c w / (w + b))
// cores. 1 is fair; the rest is waiting.

#include "runtime/exec/FloatMode.h"
#include "runtime/exec/Team.h"

#include <benchmark/benchmark.h>

#include <chrono>
#include <sched.h>
#include <thread>
#include <vector>

using namespace encdec::runtime;

namespace {

using Clock = std::chrono::steady_clock;

std::unique_ptr<Team> makeTeam(benchmark::State &state, uint32_t workers) {
  auto team = Team::create(workers);
  if (team.ok())
    return std::move(*team);
  state.SkipWithError(team.status().message().c_str());
  return nullptr;
}

unsigned cores() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/// Busy for about `units` tenths of a microsecond: a chain of multiplications,
/// which no neighbour of the core's caches can slow down.
void work(int64_t units) {
  uint64_t x = 1;
  for (int64_t i = 0; i < units * 80; ++i) {
    x = x * 6364136223846793005u + 1;
    benchmark::DoNotOptimize(x);
  }
}

void floatMode(benchmark::State &state) {
  for (auto _ : state) {
    FloatMode mode;
    benchmark::ClobberMemory();
  }
}

void run(benchmark::State &state) {
  auto team = makeTeam(state, uint32_t(state.range(0)));
  for (auto _ : state)
    benchmark::DoNotOptimize(
        team->run([](void *, uint32_t, uint32_t) {}, nullptr).ok());
}

void barrier(benchmark::State &state) {
  constexpr int meetings = 1000;
  auto team = makeTeam(state, uint32_t(state.range(0)));
  auto meet = [](void *data, uint32_t worker, uint32_t) {
    for (int i = 0; i < meetings; ++i)
      Team::barrier(data, worker);
  };
  while (state.KeepRunningBatch(meetings)) // times are of one barrier
    benchmark::DoNotOptimize(team->run(meet, team.get()).ok());
}

/// Threads that never pause.
class BusyThreads {
public:
  explicit BusyThreads(int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      threads.emplace_back([this] {
        while (!stopping.load(std::memory_order_relaxed))
          work(10);
      });
  }
  ~BusyThreads() {
    stopping = true;
    for (auto &thread : threads)
      thread.join();
  }

private:
  std::atomic<bool> stopping{false};
  std::vector<std::thread> threads;
};

/// A step of a small model: about 2 ms for one worker, 60 barriers.
struct Step {
  static constexpr int segments = 60;
  static constexpr int64_t units = 333; // of each segment
  Team *team;

  static void part(void *data, uint32_t worker, uint32_t workers) {
    for (int i = 0; i < segments; ++i) {
      work(units * (worker + 1) / workers - units * worker / workers);
      Team::barrier(static_cast<Step *>(data)->team, worker);
    }
  }
};

void step(benchmark::State &state) {
  const auto workers = state.range(0), busy = state.range(1);
  static const double alone = [] { // one worker's time for a step, the best
    double best = 1;
    for (int i = 0; i < 20; ++i) {
      auto start = Clock::now();
      work(Step::segments * Step::units);
      best = std::min(
          best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
  }();
  auto team = makeTeam(state, uint32_t(workers));
  Step data{team.get()};
  BusyThreads neighbours(busy);
  double taken = 0;
  for (auto _ : state) {
    auto start = Clock::now();
    benchmark::DoNotOptimize(team->run(Step::part, &data).ok());
    double time = std::chrono::duration<double>(Clock::now() - start).count();
    taken += time;
    state.SetIterationTime(time);
  }
  double share = std::min(double(workers), double(cores()) * double(workers) /
                                               double(workers + busy));
  state.counters["of_fair_share"] =
      taken / double(state.iterations()) / (alone / share);
}

// Workers beyond the cores are the point of the larger counts.
BENCHMARK(floatMode)->Name("team/float_mode");
BENCHMARK(run)
    ->Name("team/run")
    ->ArgName("workers")
    ->Arg(1)
    ->Arg(2)
    ->Arg(4)
    ->UseRealTime();
BENCHMARK(barrier)
    ->Name("team/barrier")
    ->ArgName("workers")
    ->Arg(1)
    ->Arg(2)
    ->Arg(4)
    ->Arg(8)
    ->UseRealTime();
BENCHMARK(step)
    ->Name("team/step")
    ->ArgNames({"workers", "busy"})
    ->ArgsProduct({{1, 2, 4}, {0, 1, 2}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
