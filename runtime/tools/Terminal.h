//===- Terminal.h - results on stdout, everything else on stderr ----------===//
//
// Colours and progress appear on terminals only, and colours not with NO_COLOR
// (https://no-color.org) or TERM=dumb.

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace encdec::tools {

/// Text around `text` that makes it bold on standard output, when that is a
/// terminal that takes colours.
std::string bold(std::string_view text);

/// Appends to the results. Throws a Failure (code 1) when they cannot be
/// written; where the reader of a pipe has gone, the program ends as by
/// SIGPIPE.
void print(std::string_view text);
/// Writes the results out that are still buffered.
void flushResults();

/// "encdec: error: ..." and "encdec: warning: ..." on standard error.
void printError(std::string_view message);
void printWarning(std::string_view message);
/// A plain line on standard error, only when that is a terminal.
void printHint(std::string_view message);

/// Whether standard error is a terminal, and standard output or input is not:
/// only then is progress of use.
bool wantsProgress();

/// One line on standard error that says how many items are done and how fast;
/// redrawn at most ten times a second, wiped in the end. Silent when
/// wantsProgress() is false.
class Progress {
public:
  explicit Progress(std::string noun);
  ~Progress();
  void add(uint64_t count);

private:
  std::string noun;
  bool active;
  uint64_t done = 0;
  std::chrono::steady_clock::time_point start, drawn;
};

} // namespace encdec::tools
