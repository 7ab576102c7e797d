// PDLL to the pdl dialect by the program mlir-pdll. Its messages become our diagnostics, at the
// places that they name.
#include "compiler/Program.h"
#include "compiler/fuse/PatternFile.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include <cstdlib>
#include <dlfcn.h>

using namespace mlir;
namespace fs = llvm::sys::fs;
namespace path = llvm::sys::path;

namespace encdec {
namespace {

constexpr unsigned deadline = 60;     // seconds; a file takes a tenth of one
constexpr unsigned megabytes = 4096;  // of memory; a file takes fifty
constexpr StringLiteral llvmFolder = "/usr/lib/llvm-22";

InFlightDiagnostic noTool(MLIRContext *context) {
  return emitError(UnknownLoc::get(context)) << "apply-patterns [no-tool]: ";
}

FailureOr<std::string> findTool(MLIRContext *context) {
  if (const char *chosen = std::getenv("ENCDEC_PDLL"); chosen && *chosen) {
    if (fs::can_execute(chosen))
      return std::string(chosen);
    return noTool(context) << "ENCDEC_PDLL names '" << chosen
                           << "', which is no program; set it to the path of mlir-pdll 22 "
                              "or unset it";
  }
  if (auto found = llvm::sys::findProgramByName("mlir-pdll-22"))
    return *found;
  if (auto found = llvm::sys::findProgramByName("mlir-pdll", {(llvmFolder + "/bin").str()}))
    return *found;
  return noTool(context) << "the program mlir-pdll-22, which reads PDLL, was not found; install "
                            "it (Debian: apt install mlir-22-tools), or set ENCDEC_PDLL to its "
                            "path";
}

/// The folder `below`, if it has `file`, from the folder of a program or library on.
std::optional<std::string> folderWith(StringRef from, const Twine &below, const Twine &file) {
  SmallString<128> folder(from), whole;
  path::append(folder, below);
  whole = folder;
  path::append(whole, file);
  return fs::exists(whole) ? std::optional(std::string(folder)) : std::nullopt;
}

/// Where encdec's own .td and .pdll files lie: beside this library, built or installed.
std::optional<std::string> ownIncludes() {
  Dl_info library;
  if (!dladdr(reinterpret_cast<const void *>(&readPatternFile), &library))
    return std::nullopt;
  SmallString<128> file;
  if (fs::real_path(library.dli_fname, file))
    return std::nullopt;
  return folderWith(path::parent_path(file), ENCDEC_INCLUDE_FROM_LIB, "encdec/fusion.pdll");
}

/// Where LLVM's own .td files lie: beside the program's bin, or in LLVM 22's folder.
std::optional<std::string> llvmIncludes(StringRef tool) {
  SmallString<128> file;
  if (!fs::real_path(tool, file))
    if (auto found = folderWith(path::parent_path(path::parent_path(file)), "include",
                                "mlir/IR/OpBase.td"))
      return found;
  return folderWith(llvmFolder, "include", "mlir/IR/OpBase.td");
}

/// The place of `text` in a file, both as the program prints them.
std::pair<unsigned, unsigned> placeOf(StringRef file, StringRef text) {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  size_t at = buffer ? (*buffer)->getBuffer().find(text) : StringRef::npos;
  if (at == StringRef::npos)
    return {1, 1};
  StringRef before = (*buffer)->getBuffer().take_front(at);
  return {unsigned(before.count('\n') + 1), unsigned(at - (before.rfind('\n') + 1) + 1)};
}

/// What to do about a literal that is none of MLIR's own.
std::string remedyFor(StringRef literal) {
  SmallVector<StringRef> parts;
  if (llvm::Regex("^(-?[0-9]+)([eE].*)$").match(literal, &parts))
    return "write " + parts[1].str() + ".0" + parts[2].str() + ", as MLIR's numbers need a point";
  bool isType = literal.starts_with("tensor<") || literal.starts_with("!");
  return std::string("one of encdec is given as a text: ") + (isType ? "ParsedType" : "Parsed") +
         "(attr<\"\\\"…\\\"\">) in a rewrite, " + (isType ? "IsType(t" : "Equals(a") +
         ", attr<\"\\\"…\\\"\">) in a match";
}

/// Emits what the program `said`. Some of its errors leave its exit code 0: whether there was
/// one is read here.
bool emitMessages(StringRef file, StringRef said, MLIRContext *context) {
  llvm::Regex place("^(.*):([0-9]+):([0-9]+): (error|note|warning): (.*)$");
  // Of the program's last stage: a place in the file; or a literal in place of the file's name.
  llvm::Regex late("loc\\(\"(.*)\":([0-9]+):([0-9]+)\\): error: (.*)$");
  SmallVector<StringRef> lines, words;
  said.split(lines, '\n');
  std::optional<InFlightDiagnostic> error;
  bool any = false;
  auto at = [&] {
    unsigned row = 0, column = 0;
    words[2].getAsInteger(10, row);
    words[3].getAsInteger(10, column);
    return FileLineColLoc::get(context, words[1], row, column);
  };
  auto begin = [&](Location location) {
    any = true;
    error.reset();
    error.emplace(emitError(location));
  };
  for (StringRef line : lines) {
    if (late.match(line, &words) && fs::exists(words[1])) {
      begin(at());
      *error << "apply-patterns [bad-pdll]: " << words[4] << explanationOfPdl(words[4]);
    } else if (late.match(line, &words)) {
      // An attribute or type of a dialect that the program does not know. It goes on without.
      auto [row, column] = placeOf(file, words[1]);
      begin(FileLineColLoc::get(context, file, row, column));
      *error << "apply-patterns [bad-literal]: expected an attribute or a type of MLIR's own but "
                "got '"
             << words[1] << "', which PDLL cannot read; " << remedyFor(words[1]);
    } else if (!place.match(line, &words)) {
      continue;
    } else if (words[4] == "error") {
      begin(at());
      *error << "apply-patterns [bad-pdll]: " << words[5] << explanationOfPdl(words[5]);
    } else if (words[4] == "note" && error) {
      error->attachNote(at()) << words[5];
    }
  }
  return any;
}

} // namespace

StringRef explanationOfPdl(StringRef message) {
  static constexpr std::pair<StringLiteral, StringLiteral> known[] = {
      {"expected a bindable user",
       "; a pattern sees the op that it rewrites and those that make its operands, and this op is "
       "neither: rewrite the op that reads the others (rewrite … with { erase …; };), or leave "
       "this one out"},
      {"invalid number of result groups", "; the types of several outputs are TypeList2(a, b)"},
      {"inferable or constrained result types",
       "; give the types of its results, several outputs' as TypeList2(a, b)"},
      {"invalid member access",
       "; further outputs of an op that the pattern makes are Output(op, attr<\"1 : i64\">)"}};
  for (const auto &[said, explanation] : known)
    if (message.contains(said))
      return explanation;
  return "";
}

FailureOr<std::string> translatePdll(StringRef file, MLIRContext *context) {
  FailureOr<std::string> tool = findTool(context);
  if (failed(tool))
    return failure();
  std::optional<std::string> own = ownIncludes(), llvm = llvmIncludes(*tool);
  if (!own || !llvm)
    return noTool(context) << (own ? "mlir/IR/OpBase.td, which files of PDLL include, was not "
                                     "found beside " + *tool +
                                         "; install it (Debian: apt install libmlir-22-dev)"
                                   : "encdec/fusion.pdll was not found beside the compiler's "
                                     "library; install encdec's compiler whole");
  std::string beside = path::parent_path(file).str();
  if (beside.empty())
    beside = ".";
  ProgramEnd end = runProgram({*tool, "-x=mlir", "-I", beside, "-I", *own, "-I", *llvm, "--", file},
                              deadline, Output::kept, megabytes);
  if (emitMessages(file, end.said, context))
    return failure();
  if (end.code != 0)
    return emitError(FileLineColLoc::get(context, file, 1, 1))
           << "apply-patterns [tool-failed]: " << *tool << " failed (" << end.code
           << "): " << end.said;
  return std::move(end.wrote);
}

} // namespace encdec
