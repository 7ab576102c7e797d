//===- Team.h - the threads that run one SPMD call together ---------------===//
//
// All workers run the same function and meet at barriers inside it. A worker
// that waits spins at first, because the next call or barrier is usually
// microseconds away. Then it sleeps, because spinning on a busy machine takes
// time from the worker that it waits for. It does not yield instead: a thread
// that wakes up goes to an idle core, while one that yields stays on a core
// that two of them share, as new threads do at first. How long it spins depends
// on whether the spins before were of use.

#pragma once

#include "runtime/base/Status.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace encdec::runtime {

/// How long a wait spins before it sleeps. The workers of a team share one
/// budget: a wait that had to sleep halves it, a wait that did not doubles it.
class SpinBudget {
public:
  using Time = std::chrono::nanoseconds;
  /// A sleeping core of a virtual machine is given to other machines and comes
  /// back late, on a busy host by hundreds of microseconds, and the other
  /// workers then wait longer in turn. So the spins may be this long.
  static constexpr Time most = std::chrono::milliseconds(1);
  static constexpr Time least = std::chrono::microseconds(1);

  Time now() const { return Time(nanoseconds.load(std::memory_order_relaxed)); }
  void adapt(bool slept);

private:
  std::atomic<int32_t> nanoseconds{int32_t(most.count())};
};

/// A counter that only grows; a thread waits until it differs from what the
/// thread saw before.
class EventCount {
public:
  int32_t count() const { return value.load(std::memory_order_acquire); }
  /// Waits until count() != seen, first spinning for about `spin`. Returns
  /// whether the thread slept.
  bool waitWhile(int32_t seen, SpinBudget::Time spin);
  /// Adds one and wakes the sleepers.
  void notifyAll();

private:
  std::atomic<int32_t> value{0};
  /// Threads that sleep; while there are none, notifyAll() needs no system
  /// call.
  std::atomic<int32_t> sleepers{0};
};

/// A reusable barrier for a fixed number of workers.
class Barrier {
public:
  Barrier(int32_t workers, SpinBudget &spins)
      : workers(workers), spins(spins) {}
  void arrive();

private:
  const int32_t workers;
  SpinBudget &spins;
  alignas(64) std::atomic<int32_t> arrived{0};
  alignas(64) EventCount released;
};

/// A fixed set of workers, the calling thread being worker 0. One run at a
/// time. Threads inherit the creator's affinity.
class Team {
public:
  using Function = void (*)(void *data, uint32_t worker, uint32_t workers);

  /// Starts workers - 1 threads. Errors: Failure if the system has no more.
  static Result<std::unique_ptr<Team>> create(uint32_t workers);
  ~Team();

  uint32_t workers() const { return count; }

  /// Runs the function on all workers in the default floating-point mode and
  /// returns when all are done. An exception in a worker becomes a Failure (a
  /// function with barriers must not throw: the others would wait forever).
  /// Allocates nothing unless that happens.
  Status run(Function function, void *data);

  /// abi.h's barrier callback; its data is the Team.
  static void barrier(void *team, int64_t worker);

private:
  explicit Team(uint32_t workers)
      : count(workers), meeting(int32_t(workers), spins) {}
  void serve(uint32_t worker);
  void call(uint32_t worker) noexcept;

  const uint32_t count;
  alignas(64) SpinBudget spins;
  Barrier meeting;
  Function function = nullptr;
  void *data = nullptr;
  pid_t owner = 0;
  bool stopping = false;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::exception_ptr failure;
  alignas(64) EventCount start;
  alignas(64) std::atomic<int32_t> busy{0};
  alignas(64) EventCount finish;
  std::vector<std::thread> threads;
};

} // namespace encdec::runtime
