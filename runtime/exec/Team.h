//===- Team.h - the threads that run one SPMD call together ---------------===//
//
// All workers run the same function and meet at barriers inside it. Waiting
// spins for a moment, because the next call or barrier is usually microseconds
// away, then sleeps, because spinning on a busy machine steals the time of the
// very worker one waits for. Sleeping, not yielding: a thread that wakes goes to
// a core that is idle, one that yields stays where two of them share a core, as
// new threads do at first. How long the moment is follows from whether spinning
// has been of use.

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

/// How long waiting spins before it sleeps. Shared by those that wait at one
/// place: a wait that had to sleep makes the next ones shorter, one that did not
/// makes them longer.
class Patience {
public:
  using Time = std::chrono::nanoseconds;
  /// A virtual machine's core that sleeps is given to others and comes back late, on
  /// a busy host by hundreds of microseconds, which make the next waits longer in turn.
  static constexpr Time most = std::chrono::milliseconds(1);
  static constexpr Time least = std::chrono::microseconds(1);

  Time now() const { return Time(nanoseconds.load(std::memory_order_relaxed)); }
  void adapt(bool slept);

private:
  std::atomic<int32_t> nanoseconds{int32_t(most.count())};
};

/// A counter that threads wait on until it differs from what they saw.
class Gate {
public:
  int32_t now() const { return value.load(std::memory_order_acquire); }
  /// Waits until now() != seen, first spinning for about `spin`. Says whether it
  /// slept.
  bool waitWhile(int32_t seen, Patience::Time spin);
  void open();

private:
  std::atomic<int32_t> value{0};
  std::atomic<int32_t> sleepers{0}; ///< So that open() is no call of the system.
};

/// A reusable barrier for a fixed number of workers.
class Barrier {
public:
  Barrier(int32_t workers, Patience &patience)
      : workers(workers), patience(patience) {}
  void arrive();

private:
  const int32_t workers;
  Patience &patience;
  alignas(64) std::atomic<int32_t> arrived{0};
  alignas(64) Gate gate;
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
      : count(workers), meeting(int32_t(workers), patience) {}
  void serve(uint32_t worker);
  void call(uint32_t worker) noexcept;

  const uint32_t count;
  alignas(64) Patience patience;
  Barrier meeting;
  Function function = nullptr;
  void *data = nullptr;
  pid_t owner = 0;
  bool stopping = false;
  std::atomic_flag failed = ATOMIC_FLAG_INIT;
  std::exception_ptr failure;
  alignas(64) Gate start;
  alignas(64) std::atomic<int32_t> busy{0};
  alignas(64) Gate finish;
  std::vector<std::thread> threads;
};

} // namespace encdec::runtime
