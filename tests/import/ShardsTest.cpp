// Checkpoints of several files and their indices: which are refused, which are read.
// Needs no MLIR.
#include "compiler/import/Safetensors.h"
#include "tests/import/TinyCheckpoint.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace encdec::checkpoint;
using encdec::Code;
using encdec::Result;
using encdec::testing::TempFolder;
using encdec::testing::TinyCheckpoint;

namespace {

constexpr const char *indexFile = "model.safetensors.index.json";

void writeShard(const TempFolder &folder, const char *name,
                const char *tensor) {
  folder.write(name, TinyCheckpoint::file({{tensor, {"F32", {2}}}}));
}

struct BadIndex {
  const char *what, *text, *message;
};
const BadIndex badIndices[] = {
    {"not_json", "{", "not valid JSON"},
    {"an_array", "[]", "expected an object, found an array"},
    {"no_map", "{\"metadata\": {}}", "key \"weight_map\": expected an object"},
    {"map_a_number", "{\"weight_map\": 3}", "weight_map"},
    {"shard_a_number", R"({"weight_map": {"a": 3}})", "expected a file name"},
    {"shard_above", R"({"weight_map": {"a": "../one.safetensors"}})",
     "not a plain file name"},
    {"shard_absolute", R"({"weight_map": {"a": "/etc/passwd"}})",
     "not a plain file name"},
    {"shard_in_folder", R"({"weight_map": {"a": "x/one.safetensors"}})",
     "not a plain file name"},
    {"shard_dots", R"({"weight_map": {"a": ".."}})", "not a plain file name"},
    {"shard_empty", R"({"weight_map": {"a": ""}})", "not a plain file name"},
    {"shard_missing", R"({"weight_map": {"a": "none.safetensors"}})",
     "missing from the folder"},
    {"duplicate",
     R"({"weight_map": {"a": "one.safetensors", "a": "two.safetensors"}})",
     "appears twice"},
    {"escaping_link", R"({"weight_map": {"a": "link.safetensors"}})",
     "leads out of the checkpoint folder"}};

class BadIndexFile : public ::testing::TestWithParam<BadIndex> {};

TEST_P(BadIndexFile, IsRefusedWithOneMessage) {
  TempFolder folder, outside;
  writeShard(folder, "one.safetensors", "a");
  writeShard(folder, "two.safetensors", "b");
  writeShard(outside, "one.safetensors", "a");
  ASSERT_EQ(::symlink((outside.path() + "/one.safetensors").c_str(),
                      (folder.path() + "/link.safetensors").c_str()),
            0);
  folder.write(indexFile, GetParam().text);
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().code(), Code::BadModel);
  EXPECT_NE(files.status().message().find(GetParam().message),
            std::string::npos)
      << files.status().message();
}

INSTANTIATE_TEST_SUITE_P(All, BadIndexFile, ::testing::ValuesIn(badIndices),
                         [](const ::testing::TestParamInfo<BadIndex> &info) {
                           return std::string(info.param.what);
                         });

TEST(Shards, TensorInTwoShardsMustBeTheSame) {
  TempFolder folder;
  auto open = [&](const char *dtype, uint64_t size) {
    folder.write("two.safetensors",
                 TinyCheckpoint::file({{"a", {dtype, {size}}}, {"b", {"F32", {2}}}}));
    return CheckpointFiles::open(folder.path());
  };
  writeShard(folder, "one.safetensors", "a"); // two values of F32
  folder.write(
      indexFile,
      R"({"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  Result<CheckpointFiles> same = open("F32", 2);
  ASSERT_TRUE(same.ok()) << same.status().message();
  EXPECT_EQ(same->find("a")->file->name(), "one.safetensors");
  Result<CheckpointFiles> other = open("F16", 4);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.status().code(), Code::BadModel);
  for (const char *part : {"\"a\"", "one.safetensors", "two.safetensors"})
    EXPECT_NE(other.status().message().find(part), std::string::npos)
        << other.status().message();
}

// An index says which files to open; their headers say which tensors they hold.
TEST(Shards, IndexMayOmitMisplaceAndInventTensors) {
  TempFolder folder;
  writeShard(folder, "one.safetensors", "a");
  writeShard(folder, "two.safetensors", "b");
  for (const char *map :
       {R"({"a": "two.safetensors", "b": "one.safetensors"})",
        R"({"ghost": "one.safetensors", "a": "two.safetensors"})"}) {
    folder.write(indexFile, fmt::format("{{\"weight_map\": {}}}", map));
    Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
    ASSERT_TRUE(files.ok()) << map << files.status().message();
    EXPECT_EQ(files->find("a")->file->name(), "one.safetensors") << map;
    EXPECT_EQ(files->find("b")->file->name(), "two.safetensors") << map;
    EXPECT_FALSE(files->find("ghost")) << map;
  }
}

TEST(Shards, GoodIndexFindsAllTensors) {
  TempFolder folder;
  writeShard(folder, "one.safetensors", "a");
  writeShard(folder, "two.safetensors", "b");
  folder.write(
      indexFile,
      R"({"metadata": {"total_size": 16, "more": [1, {}]},)"
      R"( "weight_map": {"a": "one.safetensors", "b": "two.safetensors"}})");
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_TRUE(files.ok()) << files.status().message();
  EXPECT_EQ(files->find("a")->file->name(), "one.safetensors");
  EXPECT_EQ(files->find("b")->file->name(), "two.safetensors");
  EXPECT_TRUE(*files->same(*files->find("a"), *files->find("b")));
}

TEST(Shards, PickleIsRefusedWithTheConversionCommand) {
  TempFolder folder;
  folder.write("pytorch_model.bin", "PK");
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().code(), Code::BadModel);
  EXPECT_NE(files.status().message().find("safe_serialization=True"),
            std::string::npos);
}

} // namespace
