// Shards.cpp: the tensors of a whole checkpoint folder, in one file or many.
#include "compiler/import/File.h"
#include "compiler/import/Safetensors.h"
#include "runtime/base/Json.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fmt/format.h>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

namespace encdec::checkpoint {

namespace {

constexpr const char *singleName = "model.safetensors";
constexpr const char *indexName = "model.safetensors.index.json";
constexpr uint64_t maxIndexBytes = maxHeaderBytes;
constexpr size_t maxShards = 4096;
// Transformers' base_model_prefix of most encoder-decoder families.
constexpr std::string_view basePrefix = "model.";

bool exists(const std::string &path) {
  return ::access(path.c_str(), F_OK) == 0;
}

/// Collects the shards that weight_map names. Each shard's own header says which tensors
/// it holds; other keys of the index are not needed.
class IndexReader : public JsonEvents {
public:
  std::string beginObject() override {
    ++depth;
    if (depth == 1 || arrays != 0)
      return {};
    if (depth == 2 && current == "weight_map")
      inMap = seenMap = true;
    else if (inMap)
      return "weight_map: expected file names, found an object";
    return {};
  }
  std::string endObject() override {
    if (--depth == 1)
      inMap = false;
    return {};
  }
  std::string key(std::string_view name) override {
    current = name;
    return {};
  }
  std::string beginArray() override {
    ++arrays;
    return inMap ? "an array where none was expected" : "";
  }
  std::string endArray() override {
    --arrays;
    return {};
  }
  std::string scalar(JsonValue value) override {
    if (!inMap)
      return {};
    if (value.kind != JsonValue::String)
      return "weight_map " + quote(current) + ": expected a file name";
    if (!isPlainName(value.text))
      return "weight_map " + quote(current) + ": shard " + quote(value.text) +
             " is not a plain file name inside the folder";
    shards.insert(std::move(value.text));
    return {};
  }
  std::set<std::string> shards;
  bool seenMap = false;

private:
  unsigned depth = 0, arrays = 0;
  bool inMap = false;
  std::string current;
};

} // namespace

bool isPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.front() != '.' &&
         std::ranges::none_of(name, [](unsigned char c) {
           return c == '/' || c == '\\' || c < 0x20 || c == 0x7f;
         });
}

Status CheckpointFiles::add(const std::string &folder,
                            const std::string &name) {
  std::string path = folder + "/" + name;
  if (!exists(path))
    return badModel(fmt::format("{}: missing from the folder, though {} names "
                                "it; download it again",
                                name, indexName));
  ENCDEC_RETURN_IF_ERROR(checkStaysInside(folder, name, name));
  ENCDEC_ASSIGN_OR_RETURN(SafetensorsFile opened,
                          SafetensorsFile::open(path, name));
  files.push_back(std::make_unique<SafetensorsFile>(std::move(opened)));
  const SafetensorsFile *file = files.back().get();
  for (const TensorInfo &info : file->tensors()) {
    auto [place, fresh] = byName.try_emplace(info.name, Entry{file, &info});
    if (fresh)
      continue;
    ENCDEC_ASSIGN_OR_RETURN(bool isSame, same(place->second, {file, &info}));
    if (!isSame)
      return badModel(fmt::format("{}: tensor {} is also in {}, with other bytes; "
                                  "leave the tensor in one shard only",
                                  name, quote(info.name),
                                  place->second.file->name()));
  }
  if (byName.size() > maxTensors)
    return overLimit(fmt::format("{}: more than {} tensors in the folder", name,
                                 maxTensors));
  return Status::success();
}

Status CheckpointFiles::readIndex(const std::string &folder) {
  ENCDEC_ASSIGN_OR_RETURN(std::string text,
                          readFileIn(folder, indexName, indexName, maxIndexBytes));
  IndexReader index;
  JsonLimits limits{.depth = 64, .values = 4 * maxTensors};
  ENCDEC_RETURN_IF_ERROR(scanJson(text, index, limits).withContext(indexName));
  if (!index.seenMap)
    return badModel(std::string(indexName) +
                    ": key \"weight_map\": expected an object, found nothing");
  if (index.shards.size() > maxShards)
    return overLimit(fmt::format("{}: {} shards, the limit is {}", indexName,
                                 index.shards.size(), maxShards));
  for (const std::string &shard : index.shards)
    ENCDEC_RETURN_IF_ERROR(add(folder, shard));
  return Status::success();
}

Result<CheckpointFiles> CheckpointFiles::open(const std::string &folder) {
  CheckpointFiles result;
  if (exists(folder + "/" + singleName)) {
    ENCDEC_RETURN_IF_ERROR(result.add(folder, singleName));
    return result;
  }
  if (exists(folder + "/" + indexName)) {
    ENCDEC_RETURN_IF_ERROR(result.readIndex(folder));
    return result;
  }
  for (const char *pickle :
       {"pytorch_model.bin", "pytorch_model.bin.index.json"})
    if (exists(folder + "/" + pickle))
      return badModel(fmt::format(
          "{}: pickle files can run code when read, so they are refused; "
          "convert the folder once, where you trust it, with\n  python3 -c "
          "\"import sys, transformers as t; t.AutoModelForSeq2SeqLM"
          ".from_pretrained(sys.argv[1]).save_pretrained(sys.argv[1], "
          "safe_serialization=True)\" FOLDER",
          pickle));
  return badModel(fmt::format("{}: not in the folder (nor {}); expected a "
                              "checkpoint folder with safetensors weights",
                              singleName, indexName));
}

const CheckpointFiles::Entry *
CheckpointFiles::find(std::string_view name) const {
  auto found = byName.find(name);
  // A base model saved alone has its tensors' names without the prefix. byName is
  // sorted, so names with the prefix would follow the prefix itself.
  auto prefixed = byName.lower_bound(basePrefix);
  bool isBase = prefixed == byName.end() || !prefixed->first.starts_with(basePrefix);
  if (found == byName.end() && isBase && name.starts_with(basePrefix))
    found = byName.find(name.substr(basePrefix.size()));
  return found == byName.end() ? nullptr : &found->second;
}

Result<bool> CheckpointFiles::same(const Entry &a, const Entry &b) const {
  if (a.info->dtypeName != b.info->dtypeName || a.info->shape != b.info->shape)
    return false;
  constexpr uint64_t piece = 1 << 20;
  std::vector<uint8_t> left(piece), right(piece);
  for (uint64_t done = 0; done < a.info->size; done += piece) {
    uint64_t size = std::min(piece, a.info->size - done);
    std::span<uint8_t> l(left.data(), size), r(right.data(), size);
    ENCDEC_RETURN_IF_ERROR(a.file->read(a.info->offset + done, l));
    ENCDEC_RETURN_IF_ERROR(b.file->read(b.info->offset + done, r));
    if (std::memcmp(l.data(), r.data(), size) != 0)
      return false;
  }
  return true;
}

} // namespace encdec::checkpoint
