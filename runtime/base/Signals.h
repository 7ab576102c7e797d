//===- Signals.h - temporary files go even where a signal ends a program --===//

#pragma once

#include <atomic>
#include <csignal>
#include <sys/types.h>
#include <unistd.h>

namespace encdec {

/// Ends the program as the signal does; a shell sees 128 + signal.
[[noreturn]] inline void endBySignal(int signal) {
  std::signal(signal, SIG_DFL);
  raise(signal);
  _exit(128 + signal); // reached where signals end no process, as in process 1
}

/// While this object lives, a signal that would end the program is remembered
/// and passed on to a child process; the program ends by it when the object
/// goes. Declare it before whatever removes temporary files, and have one at a
/// time. Faults of the program itself (SIGSEGV and the like) are not held.
class HeldSignals {
public:
  HeldSignals() { replace(SIG_DFL, note); }
  ~HeldSignals() {
    release();
    if (int signal = pending())
      endBySignal(signal);
  }
  HeldSignals(const HeldSignals &) = delete;

  /// The signal that came last; 0: none has.
  static int pending() { return came; }

  /// Passes signals to `process` from now on, and one that came before; 0: to no
  /// process.
  static void passTo(pid_t process) {
    child = process;
    if (int signal = pending(); signal && process)
      kill(process, signal);
  }

  /// Signals end the process again: for a child after fork.
  static void release() { replace(note, SIG_DFL); }

private:
  // All that the handler touches.
  static inline std::atomic<int> came{0};
  static inline std::atomic<pid_t> child{0};
  static_assert(std::atomic<int>::is_always_lock_free &&
                std::atomic<pid_t>::is_always_lock_free);

  static void note(int signal) {
    came = signal;
    if (pid_t process = child)
      kill(process, signal);
  }

  /// Leaves signals with any other handler alone: nohup has SIGHUP ignored.
  static void replace(void (*from)(int), void (*to)(int)) {
    for (int signal :
         {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2,
          SIGPOLL, SIGPROF, SIGVTALRM, SIGXCPU, SIGXFSZ})
      if (auto before = std::signal(signal, to); before != from)
        std::signal(signal, before);
  }
};

} // namespace encdec
