// CompileFlags.h: the options of encdec-compile that say how a bundle is made, for the program,
// the C API (compiler/api) and the lab.
#pragma once
#include "compiler/emit/Compile.h"

namespace CLI {
class App;
}

namespace encdec::tools {

struct CompileArguments {
  CompileOptions options;
  unsigned deadline = 900; // seconds
  bool quiet = false;
};

/// All of them; values are checked while they are parsed, but for checkLevels. Warnings go to
/// `warnings`, or to standard error without it.
void describeCompile(CLI::App &app, CompileArguments &arguments,
                     std::vector<std::string> *warnings = nullptr);

/// Whether there is code for the levels asked for. Error: Usage.
Status checkLevels(const CompileOptions &options);

/// What words of the command line say, none of them an operand. Error: Usage, with the first
/// word that is no option or has a wrong value.
Result<CompileArguments> compileArgumentsOf(const std::vector<std::string> &words,
                                            std::vector<std::string> &warnings);

} // namespace encdec::tools
