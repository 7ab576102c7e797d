// Child.h: programs that a lab runs, each measurement a fresh process. Free of MLIR.
#pragma once
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace encdec::lab {

struct ChildEnd {
  int code = -1;        ///< Its exit code; below 0: it did not run, or a signal ended it.
  std::string out, err; ///< What it wrote; `err` also says why it did not run.
  double seconds = 0;   ///< From its start to its end.
};

/// Runs `words`, the first of which is the path of a program, without standard input; one
/// that takes longer than `deadline` seconds is killed.
ChildEnd runChild(const std::vector<std::string> &words, unsigned deadline,
                  const std::string &input = "");

/// The same where only success will do: what it wrote to standard output. The error names
/// the command, has the child's code and repeats what it said. After a signal that the caller
/// holds (HeldSignals) nothing is run any more.
/// `warnings`, if given, gets what a successful one wrote to standard error.
Result<std::string> outputOf(const std::vector<std::string> &words, unsigned deadline,
                             const std::string &input = "", std::string *warnings = nullptr);

/// As a shell would read it again.
std::string shown(const std::vector<std::string> &words);

/// Splits "--weights int8 --set 'a b'" into words as a shell does, without expansions.
/// Errors: Usage for a quote that does not end.
Result<std::vector<std::string>> splitWords(const std::string &text);

/// The program encdec-NAME or encdec (NAME empty) in the folder of this one.
Result<std::string> siblingProgram(const std::string &name);

} // namespace encdec::lab
