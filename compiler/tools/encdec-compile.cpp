// encdec-compile: a checkpoint folder becomes a bundle. A child process does the work:
// where LLVM crashes or never ends, this process reports an error, and an older bundle
// is still whole.
#include "compiler/emit/BundleWriter.h"
#include "compiler/emit/Compile.h"
#include "compiler/Program.h"
#include "compiler/Register.h"
#include "compiler/tools/CommandLine.h"
#include "compiler/tools/CompileFlags.h"
#include "compiler/tools/PipelineFlags.h"
#include "compiler/tools/Streams.h"
#include "encdec/abi.h"
#include "runtime/base/Signals.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int overDeadline = 5;
constexpr rlim_t addressSpaceLimit = rlim_t(32) << 30;

using Clock = std::chrono::steady_clock;

struct Arguments : encdec::tools::CompileArguments {
  std::string checkpoint, output;
};

/// What the child was doing last, seen by both processes.
char *sharedStage() {
  void *page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE,
                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return page == MAP_FAILED ? nullptr : static_cast<char *>(page);
}

void limitChild(unsigned deadline) {
  prctl(PR_SET_PDEATHSIG, SIGKILL); // without the parent nobody waits for the result
  auto limit = [](auto resource, rlim_t value) {
    rlimit now;
    if (getrlimit(resource, &now) == 0 && value < now.rlim_cur) {
      now.rlim_cur = value;
      setrlimit(resource, &now);
    }
  };
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, deadline);
#if !defined(__SANITIZE_ADDRESS__)
  limit(RLIMIT_AS, addressSpaceLimit); // sanitizers reserve far more than they use
#endif
  encdec::HeldSignals::release();
  // A full quota is an error of write(), not a signal.
  std::signal(SIGXFSZ, SIG_IGN);
}

/// Runs `encdec verify`, if that is installed beside this program: it opens the bundle as
/// users will, tokenizer included.
encdec::Status verify(const std::string &checkpoint,
                      const std::string &bundle) {
  namespace fs = llvm::sys::fs;
  using encdec::Code, encdec::Status;
  std::error_code error;
  auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  std::string program = self.parent_path() / "encdec";
  if (error || !fs::can_execute(program))
    return Status::success();
  auto [code, message, _] = encdec::runProgram({program, "verify", bundle}, 0);
  if (code == 0)
    return Status::success();
  // The message names the temporary bundle; the user knows the checkpoint.
  std::string name = llvm::sys::path::filename(bundle).str() + ": ";
  if (size_t at = message.find(name); at != message.npos)
    message.erase(0, at + name.size());
  bool judged = code >= int(Code::BadModel) && code <= int(Code::Limit);
  return Status(judged ? Code(code) : Code::Failure,
                checkpoint + ": " + message +
                    " (`encdec verify` refuses its bundle)");
}

/// Runs in the child; returns its exit code.
int compile(const Arguments &arguments, char *stage) {
  bool showProgress = !arguments.quiet && isatty(STDERR_FILENO);
  encdec::CompileOptions options = arguments.options;
  options.progress = [&](const std::string &name) {
    if (stage)
      std::snprintf(stage, 4096, "%s", name.c_str());
    if (showProgress)
      std::cerr << "\r\033[K" << name << " …" << std::flush;
  };
  options.check = [&](const std::string &bundle) {
    return verify(arguments.checkpoint, bundle);
  };
  std::vector<std::string> warnings;
  encdec::registerAllPasses(); // --pass-pipeline names them
  encdec::Status status = encdec::compileToBundle(
      arguments.checkpoint, arguments.output, options, warnings);
  if (showProgress)
    std::cerr << "\r\033[K";
  if (!arguments.quiet)
    for (const std::string &warning : warnings)
      std::cerr << "encdec-compile: warning: " << warning << "\n";
  if (!status.ok())
    std::cerr << "encdec-compile: error: " << status.message() << "\n";
  return int(status.code());
}

/// Waits for `child`; its exit code, or ours when it was ended by a signal.
int await(pid_t child, unsigned deadline, const char *stage) {
  int status = 0;
  bool late = false;
  auto end = Clock::now() + std::chrono::seconds(deadline);
  for (unsigned polls = 0; waitpid(child, &status, WNOHANG) == 0; ++polls) {
    late = Clock::now() > end;
    if (encdec::HeldSignals::pending() || late) {
      kill(child, SIGKILL);
      waitpid(child, &status, 0);
      break;
    }
    usleep(polls < 400 ? 5000 : 50000);
  }
  if (int signal = encdec::HeldSignals::pending())
    return 128 + signal;
  if (WIFEXITED(status))
    return WEXITSTATUS(status);
  const char *during = stage && *stage ? stage : "starting";
  if (late || WTERMSIG(status) == SIGXCPU) {
    std::cerr << "encdec-compile: error: not done after " << deadline
              << " seconds (" << during << "); --deadline allows more\n";
    return overDeadline;
  }
  std::cerr << "encdec-compile: error: the compiler was ended by signal "
            << WTERMSIG(status) << " (" << strsignal(WTERMSIG(status))
            << ") while " << during
            << "; please report this with the command line and the "
            << "checkpoint's config.json\n";
  return 1;
}

int run(Arguments arguments) {
  auto output = encdec::outputFile(arguments.checkpoint, arguments.output, arguments.options);
  if (!output.ok()) {
    std::cerr << "encdec-compile: error: " << output.status().message() << "\n";
    return int(output.status().code());
  }
  arguments.output = *output;
  encdec::HeldSignals signals;
  // The linker's temporary files go to a folder that this process removes, whatever ends
  // the child.
  llvm::SmallString<128> temporary;
  if (auto error =
          llvm::sys::fs::createUniqueDirectory("encdec-compile", temporary)) {
    std::cerr
        << "encdec-compile: error: cannot make a temporary folder (TMPDIR): "
        << error.message() << "\n";
    return 1;
  }
  char *stage = sharedStage();
  pid_t child = fork();
  if (child == 0) {
    setenv("TMPDIR", temporary.c_str(), 1);
    limitChild(arguments.deadline);
    int code = compile(arguments, stage);
    std::cerr.flush();
    _exit(code); // nothing to unwind: the process's pages go at once
  }
  int code = 1;
  if (child < 0)
    std::cerr << "encdec-compile: error: cannot start a process: "
              << std::strerror(errno) << "\n";
  else
    code = await(child, arguments.deadline, stage);
  if (child > 0 && code != 0)
    unlink(
        encdec::BundleWriter::temporaryPath(arguments.output, child).c_str());
  llvm::sys::fs::remove_directories(temporary);
  return code;
}

std::string version() {
  return "encdec-compile " ENCDEC_VERSION " (ABI " +
         std::to_string(ENCDEC_ABI_VERSION) + ", LLVM " LLVM_VERSION_STRING ")";
}

void describe(CLI::App &app, Arguments &arguments) {
  app.add_option("CHECKPOINT,--checkpoint", arguments.checkpoint,
                 "folder with config.json and model.safetensors")
      ->required();
  app.add_option("-o,--output", arguments.output, "bundle to write")
      ->required();
  encdec::tools::describeCompile(app, arguments);
  app.add_option("--kernel", arguments.options.kernel,
                 "for timing: code that calls this kernel alone (\"linear\", or "
                 "\"linear_512_f32x512\") and computes nothing; encdec bench --kernel runs it")
      ->check(encdec::tools::notEmpty);
  app.set_version_flag("--version", version, "version, ABI and LLVM's version");
  app.footer(
      "examples:\n"
      "  encdec-compile models/opus-mt-en-fr -o en-fr.encdec\n"
      "  encdec-compile models/opus-mt-en-fr -o en-fr.encdec --weights int8 "
      "--cpu v3\n"
      "  encdec-compile models/opus-mt-en-fr -o en-fr.encdec --patterns mine.pdll "
      "--at fuse:before\n"
      "  encdec-compile --ir mine.mlir --checkpoint models/opus-mt-en-fr -o en-fr.encdec\n\n"
      "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model, 4 does not fit, "
      "5 limit or deadline");
}

} // namespace

int main(int argc, char **argv) {
  encdec::holdStandardStreams();
  Arguments arguments;
  CLI::App app("Compiles a Hugging Face checkpoint folder to one bundle file.",
               "encdec-compile");
  describe(app, arguments);
  if (auto code = encdec::parseWords(app, argc, argv))
    return *code;
  if (encdec::Status status = encdec::tools::checkLevels(arguments.options); !status.ok()) {
    std::cerr << "encdec-compile: error: " << status.message() << "\n";
    return int(status.code());
  }
  return run(arguments);
}
