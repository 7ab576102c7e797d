//===- External.cpp - finding and becoming encdec-NAME --------------------===//

#include "runtime/tools/External.h"
#include "runtime/base/Suggest.h"
#include "runtime/tools/Support.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <unistd.h>

namespace encdec::tools {
namespace {

bool isProgram(const std::filesystem::path &path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error) &&
         access(path.c_str(), X_OK) == 0;
}

/// The folder this program lies in, links followed.
std::filesystem::path ownFolder() {
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? std::filesystem::path() : self.parent_path();
}

} // namespace

const std::vector<std::string> &compilerPrograms() {
  static const std::vector<std::string> names = {"compile", "explain", "families", "import",
                                                 "lab",     "opt",     "run",      "synth", "tune"};
  return names;
}

std::string findOnPath(const std::string &program) {
  const char *path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  for (std::string folder; std::getline(folders, folder, ':');) {
    // An empty entry means the current folder. A program that lies there by
    // accident must not be run.
    if (!folder.empty() && isProgram(folder + "/" + program))
      return folder + "/" + program;
  }
  return "";
}

std::string findExternal(const std::string &name) {
  // A name with a slash could lead out of these folders.
  if (name.empty() || name.find('/') != std::string::npos)
    return "";
  std::string program = "encdec-" + name;
  if (auto folder = ownFolder(); !folder.empty())
    for (auto &candidate :
         {folder / program, folder.parent_path() / "libexec/encdec" / program})
      if (isProgram(candidate))
        return candidate;
  return findOnPath(program);
}

std::string missingCompiler(const std::string &what, const std::string &name) {
  if (!findExternal("compile").empty())
    return fmt::format(
        "{} needs the program encdec-{}, which is not there, while encdec-compile is: "
        "only a part of the compiler was built; `tests/setup.sh release`, or `ninja -C "
        "build encdec-{}`, builds it",
        what, name, name);
  return fmt::format(
      "{} needs the program encdec-{}, which is not beside encdec, nor in "
      "../libexec/encdec, nor on PATH: this is a runtime-only install; install "
      "encdec's compiler component, or build encdec with -DENCDEC_COMPILER=ON "
      "(it needs LLVM and MLIR 22)",
      what, name);
}

void runExternal(const std::string &name,
                 const std::vector<std::string> &arguments,
                 const std::vector<std::string> &builtins) {
  std::string path = findExternal(name);
  if (path.empty()) {
    auto known = compilerPrograms();
    if (std::find(known.begin(), known.end(), name) != known.end())
      throw Failure(ENCDEC_ERROR_FAILURE,
                    missingCompiler("`encdec " + name + "`", name));
    known.insert(known.end(), builtins.begin(), builtins.end());
    throw usageFailure(fmt::format(
        "there is no command '{}', and no program encdec-{} beside encdec, in "
        "../libexec/encdec or on PATH{}",
        name, name,
        didYouMean(name, known, "`encdec --help` lists the commands")));
  }
  std::vector<char *> argv = {path.data()};
  for (const std::string &argument : arguments)
    argv.push_back(const_cast<char *>(argument.c_str()));
  argv.push_back(nullptr);
  execv(path.c_str(), argv.data());
  throw Failure(ENCDEC_ERROR_FAILURE,
                fmt::format("cannot run {}: {}", path, std::strerror(errno)));
}

} // namespace encdec::tools
