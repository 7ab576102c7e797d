// Synth.cpp: a random checkpoint from options to folder.
#include "compiler/synth/Synth.h"

#include "compiler/import/Families.h"
#include "compiler/synth/SynthFiles.h"
#include "runtime/base/Suggest.h"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <unistd.h>

using namespace encdec::checkpoint;
namespace fs = std::filesystem;

namespace encdec {

static Result<FamilyFile> familyCalled(const std::string &name) {
  ENCDEC_ASSIGN_OR_RETURN(std::vector<FamilyFile> families, builtInFamilies());
  std::vector<std::string> names;
  for (FamilyFile &family : families) {
    if (family.name == name)
      return std::move(family);
    names.push_back(family.name);
  }
  return usageError(fmt::format("--family: there is no family {}{}; `encdec families` lists "
                                "those that are built in",
                                quote(name), didYouMean(name, names)));
}

static Status checkVocabulary(const SideDescription &side) {
  if (side.vocabulary >= smallestVocabulary && side.vocabulary <= largestVocabulary)
    return Status::success();
  return usageError(fmt::format("vocabulary: expected {} to {} ids, since the tokenizer has a "
                                "piece for each, found {}",
                                smallestVocabulary, largestVocabulary, side.vocabulary));
}

static Status writeText(const fs::path &path, const std::string &text) {
  std::ofstream file(path, std::ios::binary);
  file << text << std::flush;
  if (file)
    return Status::success();
  return Status(Code::Failure, fmt::format("{}: cannot write it", quote(path.string(), 200)));
}

static Result<SynthReport> writeFolder(const SynthOptions &options, const fs::path &folder) {
  ENCDEC_ASSIGN_OR_RETURN(FamilyFile family, familyCalled(options.family));
  ENCDEC_ASSIGN_OR_RETURN(std::string config, configText(family, options));
  ConfigFiles files;
  ENCDEC_ASSIGN_OR_RETURN(files.config, parseJson(config).withContext("config.json"));
  std::vector<std::string> warnings;
  ENCDEC_ASSIGN_OR_RETURN(ModelDescription model, describeModel(family, files, 0, warnings));
  for (std::string warning : warnings) { // an unknown key is a slip of --set
    if (size_t at = warning.find(", ignored"); at != warning.npos)
      warning.erase(at, sizeof ", ignored" - 1);
    return usageError("--set: " + warning);
  }
  ENCDEC_RETURN_IF_ERROR(checkVocabulary(model.encoder));
  ENCDEC_RETURN_IF_ERROR(checkVocabulary(model.decoder));
  // Where the sides differ, the larger one's pieces serve both.
  const uint64_t pieces = std::max(model.encoder.vocabulary, model.decoder.vocabulary);
  const std::pair<const char *, std::string> texts[] = {
      {"config.json", config},
      {"generation_config.json", generationText(model.maxPositions)},
      {"tokenizer.json", tokenizerText(pieces)},
      {"tokenizer_config.json", tokenizerConfigText()}};
  std::error_code error;
  if (!fs::create_directories(folder, error))
    return Status(Code::Failure, fmt::format("{}: cannot make this folder: {}",
                                             quote(folder.string(), 200), error.message()));
  for (const auto &[name, text] : texts)
    ENCDEC_RETURN_IF_ERROR(writeText(folder / name, text));
  return writeSafetensors(folder / "model.safetensors", synthTensors(model), options);
}

Result<SynthReport> synthesize(const SynthOptions &options, const std::string &folder) {
  if (options.dtype != "f32" && options.dtype != "bf16")
    return usageError(
        fmt::format("--dtype: expected f32 or bf16, found {}", quote(options.dtype)));
  std::error_code error;
  const fs::path target = fs::path(folder).lexically_normal();
  if (fs::exists(target, error) && (!fs::is_directory(target, error) || !fs::is_empty(target, error)))
    return usageError(fmt::format("{}: expected a new or an empty folder, found {}; remove it, "
                                  "or choose another name",
                                  quote(folder, 200),
                                  fs::is_directory(target, error) ? "one with files" : "a file"));
  fs::path whole = target;
  if (!whole.has_filename()) // "build/random/"
    whole = whole.parent_path();
  const fs::path partial = fmt::format("{}.{}.part", whole.string(), ::getpid());
  Result<SynthReport> report = writeFolder(options, partial);
  if (report.ok()) {
    fs::rename(partial, whole, error); // replaces an empty folder
    if (error)
      report = Status(Code::Failure, fmt::format("{}: cannot make this folder: {}",
                                                 quote(folder, 200), error.message()));
  }
  fs::remove_all(partial, error);
  return report;
}

} // namespace encdec
