//===- Team.h - the threads that run one SPMD call together ---------------===//
//
// All workers run the same function and meet at barriers inside it. Waiting
// spins for a moment, because the next call or barrier is usually microseconds
// away, then sleeps, because spinning on a busy machine steals the time of the
// very worker one waits for.

#pragma once

#include "runtime/base/Status.h"

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <sys/types.h>
#include <thread>
#include <vector>

namespace encdec::runtime {

/// A counter that threads wait on until it differs from what they saw.
class Gate {
public:
  int32_t now() const { return value.load(std::memory_order_acquire); }
  /// Waits until now() != seen.
  void waitWhile(int32_t seen) const;
  void open();

private:
  std::atomic<int32_t> value{0};
};

/// A reusable barrier for a fixed number of workers.
class Barrier {
public:
  explicit Barrier(int32_t workers) : workers(workers) {}
  void arrive();

private:
  const int32_t workers;
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
  explicit Team(uint32_t workers) : count(workers), meeting(int32_t(workers)) {}
  void serve(uint32_t worker);
  void call(uint32_t worker) noexcept;

  const uint32_t count;
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
