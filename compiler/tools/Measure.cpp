// Children do the work, so that the compiler links no runtime.
#include "compiler/tools/Measure.h"
#include "compiler/Program.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

namespace fs = llvm::sys::fs;

namespace encdec::tools {
namespace {

constexpr unsigned deadline = 900; // seconds, of each program

/// The program `name` beside this one.
Result<std::string> sibling(const char *name) {
  llvm::SmallString<128> path(fs::getMainExecutable(nullptr, nullptr));
  llvm::sys::path::remove_filename(path);
  llvm::sys::path::append(path, name);
  if (!fs::can_execute(path))
    return Status(Code::Failure, std::string("measuring needs the program ") + name +
                                     ", which is not beside encdec-explain; build or install it");
  return path.str().str();
}

/// An empty temporary file, which a signal removes.
Result<std::string> temporaryFile(const char *suffix) {
  llvm::SmallString<128> path;
  if (auto error = fs::createTemporaryFile("encdec-explain", suffix, path))
    return Status(Code::Failure, "cannot make a temporary file (TMPDIR): " + error.message());
  llvm::sys::RemoveFileOnSignal(path);
  return path.str().str();
}

void removeTemporary(const std::string &path) {
  fs::remove(path);
  llvm::sys::DontRemoveFileOnSignal(path);
}

Status runAll(const std::vector<std::string> &words, std::string *output) {
  llvm::SmallVector<llvm::StringRef> refs(words.begin(), words.end());
  ProgramEnd end = runProgram(refs, deadline, output ? Output::kept : Output::dropped);
  if (output)
    *output = std::move(end.wrote);
  if (end.code == 0)
    return Status::success();
  bool known = end.code > 0 && end.code <= int(Code::Limit);
  return Status(known ? Code(end.code) : Code::Failure, end.said);
}

} // namespace

Result<std::unique_ptr<TemporaryBundle>>
TemporaryBundle::make(const std::string &checkpoint, const std::vector<std::string> &options) {
  std::unique_ptr<TemporaryBundle> bundle(new TemporaryBundle());
  ENCDEC_ASSIGN_OR_RETURN(bundle->encdec, sibling("encdec"));
  ENCDEC_ASSIGN_OR_RETURN(std::string compiler, sibling("encdec-compile"));
  ENCDEC_ASSIGN_OR_RETURN(bundle->path, temporaryFile("encdec"));
  // encdec-compile replaces only bundles; an empty file is none.
  fs::remove(bundle->path);
  std::vector<std::string> words{compiler, "-o", bundle->path, "--quiet"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"--", checkpoint});
  ENCDEC_RETURN_IF_ERROR(runAll(words, nullptr));
  return bundle;
}

TemporaryBundle::~TemporaryBundle() {
  if (!path.empty())
    removeTemporary(path);
}

Status TemporaryBundle::run(std::vector<std::string> words, std::string &output) const {
  words.insert(words.begin(), encdec);
  return runAll(words, &output);
}

Status TemporaryBundle::measure(explain::Report &report, explain::View &view) const {
  std::string output;
  ENCDEC_RETURN_IF_ERROR(run({"bench", path, "--profile", "--json", "--source-length",
                              std::to_string(view.sizes.sourceLength), "--new-tokens",
                              std::to_string(view.sizes.newTokens), "--batch",
                              std::to_string(view.sizes.batch), "--threads",
                              std::to_string(view.sizes.threads)},
                             output));
  auto parsed = llvm::json::parse(output);
  if (!parsed)
    return Status(Code::Failure, "encdec bench: " + llvm::toString(parsed.takeError()));
  const llvm::json::Object *all = parsed->getAsObject();
  const llvm::json::Object *profile = all ? all->getObject("profile") : nullptr;
  if (!profile)
    return Status(Code::Failure, "encdec bench gave no profile");
  auto limit = [&](double &known, const char *key) { // GB/s, GMAC/s
    if (known <= 0)
      known = profile->getNumber(key).value_or(0) * 1e9;
  };
  limit(view.limits.bandwidth, "read_bandwidth");
  limit(view.limits.floats, "peak_f32");
  limit(view.limits.wholes, "peak_int8");
  std::map<std::string, size_t> next; // segment of each entry
  for (explain::Phase &phase : report.phases) {
    const llvm::json::Object *entry = profile->getObject(phase.entry);
    const llvm::json::Array *segments = entry ? entry->getArray("segments") : nullptr;
    size_t i = next[phase.entry]++;
    if (!segments || i >= segments->size())
      continue; // not measured
    const llvm::json::Object *segment = (*segments)[i].getAsObject();
    if (auto ms = segment ? segment->getNumber("ms") : std::nullopt)
      phase.measured = *ms * 1e-3;
  }
  return Status::success();
}

Status TemporaryBundle::align(const std::string &text, int64_t layers,
                              explain::View &view) const {
  for (int64_t layer = 1; layer <= layers; ++layer) {
    ENCDEC_ASSIGN_OR_RETURN(std::string picture, temporaryFile("svg"));
    std::string output;
    Status status = run({"generate", path, "--beams", "1", "--alignments", picture,
                         "--alignment-layer", std::to_string(layer), "--text", text},
                        output);
    auto svg = llvm::MemoryBuffer::getFile(picture);
    removeTemporary(picture);
    ENCDEC_RETURN_IF_ERROR(status);
    if (!svg)
      return Status(Code::Failure, "encdec generate drew no alignments");
    view.alignments.push_back((*svg)->getBuffer().str());
  }
  return Status::success();
}

} // namespace encdec::tools
