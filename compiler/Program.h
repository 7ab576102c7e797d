// Other programs that a compilation runs, as child processes.
#pragma once
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace encdec {

struct ProgramEnd {
  int code;         // its exit code; below 0: it did not run, or a signal ended it
  std::string said; // what it wrote to standard error, or why it did not run
  std::string wrote = {}; // what it wrote to standard output, if that was asked for
};

enum class Output { dropped, kept };

/// Runs `words`, the first of which is the path of a program, without standard input and
/// with no shell between. A program that takes longer than `deadline` seconds (0: any time)
/// is killed; one that needs more than `megabytes` (0: any number) gets no more.
ProgramEnd runProgram(llvm::ArrayRef<llvm::StringRef> words, unsigned deadline,
                      Output output = Output::dropped, unsigned megabytes = 0);

} // namespace encdec
