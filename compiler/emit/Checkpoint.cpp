// Files are read piece by piece, never mapped: a file that is cut short meanwhile gives
// an error, not a signal.
#include "compiler/emit/Checkpoint.h"
#include "compiler/emit/Hash.h"
#include "compiler/import/Fields.h"
#include "compiler/tokenizer/Table.h"
#include "dialect/Ops.h"
#include "llvm/Support/FileSystem.h"
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>

using llvm::StringRef;

namespace encdec {
namespace {

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
                                          const tokenizer::Options &options,
                                          std::vector<std::string> &warnings) {
  ENCDEC_ASSIGN_OR_RETURN(
      auto described,
      tokenizer::describeTokenizer(tokenizer::folderAt(folder), options)
          .withContext(folder));
  CheckpointTokenizer result;
  result.files = std::move(described.files);
  if (!described.description) {
    const std::string why =
        !described.refused.empty()  ? described.refused
        : described.missing.empty() ? "no files of one"
                                    : checkpoint::listNames(described.missing) + " missing";
    warnings.push_back("no tokenizer (" + why +
                       "): the model takes and gives token ids only");
    return result;
  }
  result.kind = described.description->kind;
  ENCDEC_ASSIGN_OR_RETURN(
      result.bytes,
      tokenizer::writeTable(*described.description).withContext(folder));
  return result;
}

Result<std::string> hashCheckpoint(const std::string &folder,
                                   mlir::ModuleOp module,
                                   llvm::ArrayRef<std::string> tokenizerFiles) {
  std::set<std::string> files = {"config.json", "generation_config.json"}; // sorted
  files.insert(tokenizerFiles.begin(), tokenizerFiles.end());
  for (WeightOp weight : module.getOps<WeightOp>())
    if (auto file = mlir::dyn_cast<FileAttr>(weight.getOrigin()))
      files.insert(file.getFile().str());
  Xxh3 hash;
  for (const std::string &name : files)
    if (exists(folder, name))
      ENCDEC_RETURN_IF_ERROR(hashFile(folder, name, hash));
  return hash.hex();
}

} // namespace encdec
