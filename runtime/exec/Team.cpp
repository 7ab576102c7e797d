//===- Team.cpp - the threads that run one SPMD call together -------------===//

#include "runtime/exec/Team.h"

#include "runtime/exec/FloatMode.h"

#include <fmt/format.h>

#include <system_error>
#include <unistd.h>
#include <utility>

namespace encdec::runtime {

namespace {

/// How often a waiting thread looks before it sleeps: some tens of
/// microseconds, longer than the gap between two steps of a busy decoder.
constexpr int spins = 2048;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

} // namespace

void Gate::waitWhile(int32_t seen) const {
  for (int i = 0; i < spins; ++i) {
    if (now() != seen)
      return;
    pause();
  }
  while (now() == seen)
    value.wait(seen, std::memory_order_acquire);
}

void Gate::open() {
  // Sequentially consistent, so that a sleeper either sees the new value or is
  // seen by notify_all.
  value.fetch_add(1, std::memory_order_seq_cst);
  value.notify_all();
}

void Barrier::arrive() {
  int32_t seen = gate.now();
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == workers) {
    // Reset before opening: nobody arrives again until the gate has opened.
    arrived.store(0, std::memory_order_relaxed);
    gate.open();
  } else {
    gate.waitWhile(seen);
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
  // After a fork the threads exist only in the parent: joining would wait
  // forever, destroying a joinable thread would end the process, so the child
  // leaves the objects behind.
  if (owner != getpid()) {
    new std::vector<std::thread>(std::move(threads));
    return;
  }
  stopping = true;
  start.open();
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
  // Unsigned, because the count may wrap around in a process that runs long.
  for (uint32_t seen = 0;; ++seen) {
    start.waitWhile(int32_t(seen));
    if (stopping)
      return;
    call(worker);
    if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1)
      finish.open();
  }
}

Status Team::run(Function work, void *with) {
  if (owner != getpid())
    return Status(Code::Usage, "this state was made before a fork, its threads "
                               "are in the parent process; make states after "
                               "forking");
  function = work;
  data = with;
  int32_t seen = finish.now();
  if (count > 1) {
    busy.store(int32_t(count) - 1, std::memory_order_relaxed);
    start.open();
  }
  call(0);
  if (count > 1)
    finish.waitWhile(seen);
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
