// Files are read piece by piece, never mapped: a file that is cut short meanwhile gives
// an error, not a signal.
#include "compiler/emit/Checkpoint.h"
#include "compiler/emit/Hash.h"
#include "compiler/import/File.h"
#include "compiler/tokenizer/Marian.h"
#include "compiler/tokenizer/Table.h"
#include "dialect/Ops.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <set>

using llvm::StringRef;

namespace encdec {
namespace {

constexpr uint64_t maxTokenizerBytes = 256u << 20;

constexpr const char *neededFiles[] = {"source.spm", "target.spm",
                                       "vocab.json"};
constexpr const char *optionalFiles[] = {"target_vocab.json",
                                         "tokenizer_config.json"};

bool exists(const std::string &folder, const std::string &name) {
  return llvm::sys::fs::is_regular_file(folder + "/" + name);
}

Status hashFile(const std::string &folder, const std::string &name,
                Xxh3 &hash) {
  struct Close {
    void operator()(FILE *file) const { std::fclose(file); }
  };
  std::unique_ptr<FILE, Close> file(
      std::fopen((folder + "/" + name).c_str(), "rb"));
  auto failed = [&] {
    return badModel(name + ": cannot read: " + std::strerror(errno));
  };
  if (!file)
    return failed();
  std::vector<uint8_t> buffer(1 << 20);
  uint64_t size = 0;
  hash.update(name);
  while (size_t count =
             std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    hash.update({buffer.data(), count});
    size += count;
  }
  if (std::ferror(file.get()))
    return failed();
  // The size follows the bytes, so that the hash tells where a file ends.
  uint8_t end[8];
  for (int i = 0; i < 8; ++i)
    end[i] = uint8_t(size >> (8 * i));
  hash.update(end);
  return Status::success();
}

} // namespace

Result<CheckpointTokenizer> readTokenizer(const std::string &folder,
                                     std::vector<std::string> &warnings) {
  std::string missing;
  for (const char *name : neededFiles)
    if (!exists(folder, name))
      missing += (missing.empty() ? "" : ", ") + std::string(name);
  if (!missing.empty()) {
    warnings.push_back("no tokenizer (" + missing +
                       " missing): the model takes and gives token ids only");
    return CheckpointTokenizer();
  }
  std::map<std::string, std::string> files;
  for (const auto &names : {llvm::ArrayRef(neededFiles), llvm::ArrayRef(optionalFiles)})
    for (const char *name : names)
      if (exists(folder, name)) {
        ENCDEC_ASSIGN_OR_RETURN(
            files[name],
            checkpoint::readFile(folder + "/" + name, name, maxTokenizerBytes));
      }
  ENCDEC_ASSIGN_OR_RETURN(
      auto description,
      tokenizer::readMarian({files["source.spm"], files["target.spm"],
                             files["vocab.json"], files["target_vocab.json"],
                             files["tokenizer_config.json"]})
          .withContext(folder));
  ENCDEC_ASSIGN_OR_RETURN(auto bytes,
                          tokenizer::writeTable(description).withContext(folder));
  return CheckpointTokenizer{description.kind, std::move(bytes)};
}

Result<std::string> hashCheckpoint(const std::string &folder,
                                   mlir::ModuleOp module) {
  std::set<std::string> weightFiles; // sorted
  for (WeightOp weight : module.getOps<WeightOp>())
    if (auto file = mlir::dyn_cast<FileAttr>(weight.getOrigin()))
      weightFiles.insert(file.getFile().str());
  std::vector<std::string> names = {"config.json", "generation_config.json"};
  names.insert(names.end(), weightFiles.begin(), weightFiles.end());
  names.insert(names.end(), std::begin(neededFiles), std::end(neededFiles));
  names.insert(names.end(), std::begin(optionalFiles), std::end(optionalFiles));
  Xxh3 hash;
  for (const std::string &name : names)
    if (exists(folder, name))
      ENCDEC_RETURN_IF_ERROR(hashFile(folder, name, hash));
  return hash.hex();
}

} // namespace encdec
