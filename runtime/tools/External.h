//===- External.h - subcommands that are programs of their own ------------===//
//
// `encdec NAME` runs a program `encdec-NAME`, as git does. The compiler's
// programs are found this way, so that encdec itself needs no LLVM.

#pragma once

#include <string>
#include <vector>

namespace encdec::tools {

/// Path of `encdec-NAME`: beside this program, in ../libexec/encdec from there,
/// or on PATH; "" when there is none.
std::string findExternal(const std::string &name);

/// Path of `program` on PATH, or "".
std::string findOnPath(const std::string &program);

/// Names of the compiler's programs, without "encdec-".
const std::vector<std::string> &compilerPrograms();

/// Becomes `encdec-NAME arguments...`. Throws Failure: code 1 when it is one of
/// the compiler's programs and missing, code 2 when nobody knows the name.
/// `builtins` are candidates for did-you-mean.
[[noreturn]] void runExternal(const std::string &name,
                              const std::vector<std::string> &arguments,
                              const std::vector<std::string> &builtins);

/// The sentence that says what is missing for `what`, and how to get it.
std::string missingCompiler(const std::string &what, const std::string &name);

} // namespace encdec::tools
