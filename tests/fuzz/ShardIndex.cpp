//===- ShardIndex.cpp - the index of a checkpoint in several files --------===//

#include "compiler/import/Safetensors.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/import/TinyCheckpoint.h"

using namespace encdec::checkpoint;

namespace encdec::fuzz {

static std::vector<std::string> seeds() {
  return {R"({"weight_map": {"a": "one.safetensors", "b": "one.safetensors",)"
          R"( "c": "two.safetensors"}})",
          R"({"metadata": {"total_size": 24, "more": [1, {}, "x"], "none": null},)"
          R"( "weight_map": {"c": "two.safetensors", "b": "one.safetensors",)"
          R"( "a": "one.safetensors"}, "after": -1.5e3})"};
}

/// A folder whose two shards hold a, b and c.
static const testing::TempFolder &shards() {
  using testing::TinyCheckpoint;
  struct Shards : testing::TempFolder {
    Shards() {
      write("one.safetensors",
            TinyCheckpoint::file({{"a", {"F32", {2}}}, {"b", {"F16", {2}}}}));
      write("two.safetensors", TinyCheckpoint::file({{"c", {"F32", {2}}}}));
    }
  };
  static const Shards shards;
  return shards;
}

static bool run(std::string_view index) {
  shards().write("model.safetensors.index.json", index);
  auto files = CheckpointFiles::open(shards().path());
  if (!files.ok()) {
    requireSentence(files.status().message());
    return false;
  }
  for (const auto &[name, entry] : files->entries())
    require(entry.file->name() == (name == "c" ? "two.safetensors" : "one.safetensors") &&
                entry.info->name == name,
            "each tensor in the shard that holds it");
  return true;
}

extern const Target shardIndex = {"shard_index", 1024, seeds, run};

} // namespace encdec::fuzz
