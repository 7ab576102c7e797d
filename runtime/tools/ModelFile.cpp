//===- ModelFile.cpp - bundles, and folders made into one -----------------===//

#include "runtime/tools/ModelFile.h"
#include "runtime/base/Signals.h"
#include "runtime/tools/External.h"
#include "runtime/tools/Terminal.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sys/wait.h>
#include <unistd.h>

namespace encdec::tools {
namespace {

/// A folder below TMPDIR, which is removed with this object. A signal that
/// would end the program takes effect after that.
class TemporaryFolder {
public:
  TemporaryFolder() {
    const char *base = std::getenv("TMPDIR");
    folder = std::string(base && *base ? base : "/tmp") + "/encdec-XXXXXX";
    if (!mkdtemp(folder.data()))
      throw Failure(ENCDEC_ERROR_FAILURE,
                    fmt::format("cannot make a temporary folder {} (set TMPDIR "
                                "to one that can be written): {}",
                                folder, std::strerror(errno)));
  }
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(folder, error);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;

  std::string file(const std::string &name) const {
    return folder + "/" + name;
  }

private:
  HeldSignals signals;
  std::string folder;
};

/// Runs the compiler. All its output goes to standard error.
void compile(const std::string &folder, const std::string &bundle,
             const std::string &weights, const std::vector<std::string> &further) {
  std::string program = findExternal("compile");
  if (program.empty())
    throw Failure(
        ENCDEC_ERROR_FAILURE,
        missingCompiler(folder + " is a checkpoint folder, and running it",
                        "compile"));
  // The word behind "--" is the folder, whatever it begins with.
  std::vector<std::string> arguments = {program, "--", folder, "-o", bundle};
  if (!weights.empty())
    arguments.insert(arguments.end(), {"--weights", weights});
  arguments.insert(arguments.end(), further.begin(), further.end());
  std::vector<char *> argv;
  for (std::string &argument : arguments)
    argv.push_back(argument.data());
  argv.push_back(nullptr);

  printHint(
      fmt::format("compiling {} into a temporary bundle (`encdec compile` "
                  "makes one to keep)",
                  folder));
  pid_t child = fork();
  if (child < 0)
    throw Failure(
        ENCDEC_ERROR_FAILURE,
        fmt::format("cannot start {}: {}", program, std::strerror(errno)));
  if (child == 0) {
    HeldSignals::release();
    dup2(STDERR_FILENO, STDOUT_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  HeldSignals::passTo(child);
  int outcome = 0;
  while (waitpid(child, &outcome, 0) < 0 && errno == EINTR)
    ;
  HeldSignals::passTo(0);
  if (HeldSignals::pending())
    throw Failure(ENCDEC_ERROR_FAILURE,
                  "interrupted"); // ~HeldSignals ends the program
  if (WIFSIGNALED(outcome))
    throw Failure(ENCDEC_ERROR_FAILURE,
                  fmt::format("{} was ended by signal {} ({})", program,
                              WTERMSIG(outcome), strsignal(WTERMSIG(outcome))));
  if (int code = WEXITSTATUS(outcome))
    throw Failure(
        code > ENCDEC_ERROR_LIMIT ? ENCDEC_ERROR_FAILURE : code,
        fmt::format("compiling {} failed (its message is above)", folder));
}

Model openBundle(const std::string &path) {
  encdec_model *model = nullptr;
  check(encdec_model_open(path.c_str(), nullptr, &model));
  return Model(model);
}

} // namespace

void requireModel(const std::string &path) {
  if (path.empty())
    throw usageFailure("the name of the model is empty");
  std::error_code error;
  if (!std::filesystem::exists(path, error) &&
      (!error || error == std::errc::not_a_directory))
    throw Failure(ENCDEC_ERROR_BAD_MODEL,
                  fmt::format("{}: there is no such file or folder", path));
}

void keepModel(const std::string &model, const std::string &path,
               const std::string &option) {
  std::error_code error;
  auto refuse = [&](const std::filesystem::path &file) {
    if (std::filesystem::equivalent(file, path, error))
      throw usageFailure(fmt::format(
          "{} {} would replace the model's file {}; name another file", option,
          path, file.string()));
  };
  if (!std::filesystem::is_directory(model, error))
    return refuse(model);
  for (const auto &entry : std::filesystem::directory_iterator(model, error))
    refuse(entry.path());
}

Model openModel(const std::string &path, const std::string &weights,
                const std::vector<std::string> &arguments) {
  requireModel(path);
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) {
    Model model = openBundle(path);
    const char *held = modelInfo(model.get()).weight_type;
    if (!weights.empty() && weights != held)
      throw usageFailure(fmt::format(
          "{}: --weights {} was asked for, but this bundle holds {} weights; "
          "compile the checkpoint with `encdec compile --weights {}`",
          path, weights, held, weights));
    return model;
  }
  // An open model keeps the mapped file, so the folder may go after opening.
  TemporaryFolder folder;
  std::string bundle = folder.file("model.encdec");
  compile(path, bundle, weights, arguments);
  try {
    return openBundle(bundle);
  } catch (const Failure &failure) {
    // The user knows the folder and not the temporary bundle.
    std::string message = failure.what();
    for (size_t at; (at = message.find(bundle)) != message.npos;)
      message.replace(at, bundle.size(), path);
    throw Failure(failure.code, message);
  }
}

} // namespace encdec::tools
