// The C API: options become words of encdec-compile's command line, which the program gets
// for a bundle, and which this process reads for a model of its own.
#include "encdec/compiler.h"
#include "compiler/Program.h"
#include "compiler/Register.h"
#include "compiler/emit/Jit.h"
#include "compiler/tools/CompileFlags.h"
#include "runtime/base/Utf8.h"

#include <dlfcn.h>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <mutex>
#include <new>

using namespace encdec;
using llvm::StringRef;

struct encdec_compile_report {
  int code = ENCDEC_OK;
  std::string message;
  std::vector<std::string> warnings;
};

struct encdec_compile_options {
  std::vector<std::string> words; // "--weights=int8"
};

struct encdec_jit_model {
  std::unique_ptr<JitModel> model;
};

namespace {

/// The one report that needs no memory; freeing leaves it alone.
encdec_compile_report *outOfMemory() {
  static encdec_compile_report report{ENCDEC_ERROR_FAILURE, "out of memory", {}};
  return &report;
}

/// Runs `body`, which returns a Status and may add warnings, and gives its code and report.
template <typename Body>
int reported(encdec_compile_report **out, Body &&body) noexcept {
  try {
    auto report = std::make_unique<encdec_compile_report>();
    Status status;
    try {
      status = body(report->warnings);
    } catch (const std::bad_alloc &) {
      throw;
    } catch (const std::exception &error) {
      status = Status(Code::Failure, std::string("internal error: ") + error.what());
    }
    report->code = int(status.code());
    report->message = oneLine(status.message());
    for (std::string &warning : report->warnings)
      warning = oneLine(warning);
    int code = report->code;
    if (out)
      *out = report.release();
    return code;
  } catch (...) {
    if (out)
      *out = outOfMemory();
    return ENCDEC_ERROR_FAILURE;
  }
}

/// Refuses the first argument that is NULL.
Status checkGiven(std::initializer_list<std::pair<const char *, const void *>> arguments) {
  for (auto [name, pointer] : arguments)
    if (!pointer)
      return usageError(std::string(name) + " is NULL");
  return Status::success();
}

/// The program encdec-compile of this library's installation.
Result<std::string> compileProgram() {
  Dl_info self;
  std::error_code error;
  std::filesystem::path library;
  if (dladdr(reinterpret_cast<const void *>(&encdec_compile), &self) && self.dli_fname)
    library = std::filesystem::canonical(self.dli_fname, error);
  if (error || library.empty())
    return Status(Code::Failure, "cannot find out where the library encdec_compiler_c lies, beside "
                                 "which encdec-compile is expected");
  // Also where the libraries lie one folder further down, as in lib/x86_64-linux-gnu.
  for (const char *bin : {"../bin", "../../bin"}) {
    auto program = (library.parent_path() / bin / "encdec-compile").lexically_normal();
    if (std::filesystem::exists(program, error))
      return program.string();
  }
  return Status(Code::Failure, "expected the program encdec-compile in ../bin of " +
                                   library.parent_path().string() + ", where the library "
                                   "encdec_compiler_c lies; install both together");
}

/// What encdec-compile has said, line by line.
Status readEnd(const ProgramEnd &end, std::vector<std::string> &warnings) {
  std::string errors;
  llvm::SmallVector<StringRef> lines;
  StringRef(end.said).split(lines, '\n', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef line : lines)
    if (line.consume_front("encdec-compile: warning: "))
      warnings.push_back(line.str());
    else if (line.consume_front("encdec-compile: error: ") || end.code != 0)
      errors += (errors.empty() ? "" : "; ") + line.str();
  if (end.code == 0)
    return Status::success();
  bool isCode = end.code > 0 && end.code <= int(Code::Limit);
  if (errors.empty())
    errors = "encdec-compile ended with code " + std::to_string(end.code);
  return Status(isCode ? Code(end.code) : Code::Failure, errors);
}

std::vector<std::string> wordsOf(const encdec_compile_options *options) {
  return options ? options->words : std::vector<std::string>();
}

} // namespace

extern "C" {

const char *encdec_compiler_version(void) { return ENCDEC_VERSION; }

int encdec_compile_report_code(const encdec_compile_report *report) {
  return report ? report->code : ENCDEC_OK;
}

const char *encdec_compile_report_message(const encdec_compile_report *report) {
  return report ? report->message.c_str() : "";
}

uint64_t encdec_compile_report_warning_count(const encdec_compile_report *report) {
  return report ? report->warnings.size() : 0;
}

const char *encdec_compile_report_warning(const encdec_compile_report *report,
                                          uint64_t index) {
  return report && index < report->warnings.size() ? report->warnings[index].c_str() : "";
}

void encdec_compile_report_free(encdec_compile_report *report) {
  if (report != outOfMemory())
    delete report;
}

encdec_compile_options *encdec_compile_options_create(void) {
  return new (std::nothrow) encdec_compile_options;
}

int encdec_compile_options_set(encdec_compile_options *options, const char *name,
                               const char *value, encdec_compile_report **out_report) {
  return reported(out_report, [&](std::vector<std::string> &warnings) -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"options", options}, {"name", name}}));
    if (StringRef(name).empty() || StringRef(name).starts_with("-") ||
        StringRef(name).contains('='))
      return usageError("expected the name of an option without dashes and value, such as "
                        "weights, got '" + std::string(name) + "'");
    std::vector<std::string> words = options->words;
    words.push_back("--" + std::string(name) + (value ? "=" + std::string(value) : ""));
    ENCDEC_RETURN_IF_ERROR(tools::compileArgumentsOf(words, warnings).status());
    options->words = std::move(words);
    return Status::success();
  });
}

void encdec_compile_options_free(encdec_compile_options *options) { delete options; }

int encdec_compile(const char *checkpoint, const encdec_compile_options *options,
                   const char *output, encdec_compile_report **out_report) {
  return reported(out_report, [&](std::vector<std::string> &warnings) -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"checkpoint", checkpoint}, {"output", output}}));
    for (const auto &[name, path] : {std::pair("checkpoint", checkpoint), {"output", output}})
      if (!*path)
        return usageError(std::string(name) + " is empty; expected a path");
    ENCDEC_ASSIGN_OR_RETURN(std::string program, compileProgram());
    std::vector<std::string> words = wordsOf(options);
    words.insert(words.begin(), program);
    words.push_back("--output=" + std::string(output));
    words.push_back("--checkpoint=" + std::string(checkpoint));
    std::vector<StringRef> given(words.begin(), words.end());
    return readEnd(runProgram(given, /*deadline=*/0), warnings); // it has one of its own
  });
}

int encdec_jit(const char *checkpoint, const encdec_compile_options *options,
               encdec_jit_model **out_model, encdec_compile_report **out_report) {
  if (out_model)
    *out_model = nullptr;
  return reported(out_report, [&](std::vector<std::string> &warnings) -> Status {
    ENCDEC_RETURN_IF_ERROR(checkGiven({{"checkpoint", checkpoint}, {"out_model", out_model}}));
    if (!*checkpoint)
      return usageError("checkpoint is empty; expected a path");
    // Passes, plugins and LLVM's targets are registered for the whole process.
    static std::mutex one;
    std::lock_guard lock(one);
    static bool registered = (registerAllPasses(), true); // "pass-pipeline" names them
    (void)registered;
    ENCDEC_ASSIGN_OR_RETURN(auto arguments,
                            tools::compileArgumentsOf(wordsOf(options), warnings));
    ENCDEC_ASSIGN_OR_RETURN(auto model,
                            jitCheckpoint(checkpoint, arguments.options, warnings));
    *out_model = new encdec_jit_model{std::move(model)};
    return Status::success();
  });
}

const encdec_model_image *encdec_jit_image(const encdec_jit_model *model) {
  return model ? &model->model->image() : nullptr;
}

void encdec_jit_free(encdec_jit_model *model) { delete model; }

} // extern "C"
