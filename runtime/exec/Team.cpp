//===- Team.cpp - the threads that run one SPMD call together -------------===//

#include "runtime/exec/Team.h"

#include "runtime/exec/FloatMode.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace encdec::runtime {

namespace {

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// Sleeps until `word` differs from `seen`, or less. std::atomic::wait would
/// not do: it yields several times before it sleeps (see Team.h).
void sleepWhile(const std::atomic<int32_t> &word, int32_t seen) {
  static_assert(sizeof(word) == sizeof(int32_t));
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, seen, nullptr, nullptr, 0);
}

void wakeAll(const std::atomic<int32_t> &word) {
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

} // namespace

void SpinBudget::adapt(bool slept) {
  // Where two threads adapt at once, one of the stores is lost. That is
  // harmless: both saw the same load of the machine.
  auto time = now();
  auto next = slept ? std::max(time / 2, least) : std::min(time * 2, most);
  if (next != time)
    nanoseconds.store(int32_t(next.count()), std::memory_order_relaxed);
}

bool EventCount::waitWhile(int32_t seen, SpinBudget::Time spin) {
  using Clock = std::chrono::steady_clock;
  // A pause takes 5 ns on one machine and 150 on another, so the budget is a
  // time. Reading the clock costs more than a pause: a wait of a few pauses
  // does without.
  constexpr int pauses = 8;
  for (Clock::time_point end{};;) {
    for (int i = 0; i < pauses; ++i) {
      if (count() != seen)
        return false;
      pause();
    }
    auto time = Clock::now();
    if (end == Clock::time_point())
      end = time + spin;
    else if (time >= end)
      break;
  }
  // These accesses and those of notifyAll() are sequentially consistent, so
  // either this thread sees the new value, or notifyAll() sees this thread
  // among the sleepers.
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  while (value.load(std::memory_order_seq_cst) == seen)
    sleepWhile(value, seen);
  sleepers.fetch_sub(1, std::memory_order_relaxed);
  return true;
}

void EventCount::notifyAll() {
  value.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) > 0)
    wakeAll(value);
}

void Barrier::arrive() {
  int32_t seen = released.count();
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == workers) {
    // The counter is reset before the others are released, since none of them
    // can arrive again earlier.
    arrived.store(0, std::memory_order_relaxed);
    released.notifyAll();
  } else {
    spins.adapt(released.waitWhile(seen, spins.now()));
  }
}

Result<std::unique_ptr<Team>> Team::create(uint32_t workers) {
  std::unique_ptr<Team> team(new Team(workers));
  team->owner = getpid();
  team->threads.reserve(workers - 1);
  for (uint32_t i = 1; i < workers; ++i) {
    try {
      team->threads.emplace_back([&team = *team, i] { team.serve(i); });
    } catch (const std::system_error &error) {
      return Status(Code::Failure,
                    fmt::format("cannot start thread {} of {}: {}; use fewer "
                                "threads",
                                i + 1, workers, error.what()));
    }
  }
  return team;
}

Team::~Team() {
  // After a fork the threads exist only in the parent. In the child, joining
  // them would wait forever and destroying them would end the process, so the
  // child leaks the std::thread objects.
  if (owner != getpid()) {
    new std::vector<std::thread>(std::move(threads));
    return;
  }
  stopping = true;
  start.notifyAll();
  for (auto &thread : threads)
    thread.join();
}

void Team::call(uint32_t worker) noexcept {
  FloatMode mode;
  try {
    function(data, worker, count);
  } catch (...) {
    if (!failed.test_and_set())
      failure = std::current_exception();
  }
}

void Team::serve(uint32_t worker) {
  // `seen` is unsigned, because the count wraps around in a process that runs
  // long.
  for (uint32_t seen = 0;; ++seen) {
    start.waitWhile(int32_t(seen), spins.now());
    if (stopping)
      return;
    call(worker);
    if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1)
      finish.notifyAll();
  }
}

Status Team::run(Function work, void *with) {
  if (owner != getpid())
    return Status(Code::Usage, "this state was made before a fork, its threads "
                               "are in the parent process; make states after "
                               "forking");
  function = work;
  data = with;
  int32_t seen = finish.count();
  if (count > 1) {
    busy.store(int32_t(count) - 1, std::memory_order_relaxed);
    start.notifyAll();
  }
  call(0);
  if (count > 1)
    spins.adapt(finish.waitWhile(seen, spins.now()));
  if (!failed.test(std::memory_order_acquire))
    return Status::success();
  failed.clear();
  std::exception_ptr caught = std::exchange(failure, nullptr);
  try {
    std::rethrow_exception(caught);
  } catch (const std::exception &error) {
    return Status(Code::Failure,
                  fmt::format("a worker thread failed: {}", error.what()));
  } catch (...) {
    return Status(Code::Failure, "a worker thread failed");
  }
}

void Team::barrier(void *team, int64_t) {
  static_cast<Team *>(team)->meeting.arrive();
}

} // namespace encdec::runtime
