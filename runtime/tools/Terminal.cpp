//===- Terminal.cpp -------------------------------------------------------===//

#include "runtime/tools/Terminal.h"
#include "runtime/base/Signals.h"
#include "runtime/base/Utf8.h"
#include "runtime/tools/Support.h"

#include <fmt/format.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace encdec::tools {
namespace {

bool takesColour(int descriptor) {
  const char *refused = std::getenv("NO_COLOR");
  const char *terminal = std::getenv("TERM");
  return isatty(descriptor) && !(refused && *refused) &&
         !(terminal && std::strcmp(terminal, "dumb") == 0);
}

[[noreturn]] void cannotWrite() {
  int reason = errno;
  if (reason == EPIPE)
    endBySignal(SIGPIPE);
  throw Failure(ENCDEC_ERROR_FAILURE,
                fmt::format("cannot write the results to standard output: {}",
                            std::strerror(reason)));
}

/// Writes to standard error. A failure to write is ignored, where fmt::print would
/// throw: the exit code still reports the error.
template <typename... Args>
void tell(fmt::format_string<Args...> format, Args &&...args) {
  std::string text = fmt::format(format, std::forward<Args>(args)...);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void message(std::string_view kind, int colour, std::string_view given) {
  std::string text = oneLine(given);
  std::fflush(stdout);
  if (takesColour(STDERR_FILENO))
    tell("encdec: \x1b[1;{}m{}:\x1b[0m {}\n", colour, kind, text);
  else
    tell("encdec: {}: {}\n", kind, text);
}

} // namespace

std::string bold(std::string_view text) {
  if (!takesColour(STDOUT_FILENO))
    return std::string(text);
  return fmt::format("\x1b[1m{}\x1b[0m", text);
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    cannotWrite();
}

void flushResults() {
  if (std::fflush(stdout) != 0)
    cannotWrite();
}

void printError(std::string_view text) { message("error", 31, text); }
void printWarning(std::string_view text) { message("warning", 33, text); }

void printHint(std::string_view text) {
  if (isatty(STDERR_FILENO))
    tell("{}\n", oneLine(text));
}

bool wantsProgress() {
  return isatty(STDERR_FILENO) &&
         !(isatty(STDOUT_FILENO) || isatty(STDIN_FILENO));
}

Progress::Progress(std::string noun)
    : noun(std::move(noun)), active(wantsProgress()),
      start(std::chrono::steady_clock::now()), drawn(start) {}

Progress::~Progress() {
  if (active && drawn != start)
    tell("\r\x1b[K");
}

void Progress::add(uint64_t count) {
  done += count;
  auto now = std::chrono::steady_clock::now();
  if (!active || now - drawn < std::chrono::milliseconds(100))
    return;
  drawn = now;
  double seconds = std::chrono::duration<double>(now - start).count();
  tell("\r{}, {:.0f} a second\x1b[K", counted(done, noun),
       double(done) / seconds);
  std::fflush(stderr);
}

} // namespace encdec::tools
