// Malformed safetensors files and indices: each refused with the code for a bad
// model and one message that names file and place. Needs no MLIR.
#include "compiler/import/Safetensors.h"
#include "compiler/import/Halves.h"
#include "tests/import/TinyCheckpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace encdec::checkpoint;
using encdec::Code;
using encdec::Result;
using encdec::testing::rawFile;
using encdec::testing::TempFolder;
using encdec::testing::TinyCheckpoint;

namespace {

constexpr const char *good =
    R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

struct Malformed {
  const char *what;
  std::string bytes;
  std::string message; // must be part of the error
};

std::string entry(const char *text, size_t bytes) {
  return rawFile(fmt::format("{{\"a\":{}}}", text), bytes);
}

std::vector<Malformed> malformedHeaders() {
  std::string huge(8, '\xff');
  std::string deep(200, '[');
  return {
      {"empty", "", "too short for the 8-byte header length"},
      {"seven-bytes", "1234567", "too short"},
      {"huge-length", huge + "{}", "but only 2 bytes follow"},
      {"length-beyond-file", rawFile(good, 8).substr(0, 20), "cut short"},
      {"no-header", rawFile("", 0), "must begin with '{'"},
      {"leading-space", rawFile(std::string(" ") + good, 8), "byte 8"},
      {"an-array", rawFile("[]", 0), "must begin with '{'"},
      {"not-json", rawFile("{\"a\":", 0), "not valid JSON"},
      {"trailing-text", rawFile(std::string(good) + "x", 8), "not valid JSON"},
      {"zero-byte", rawFile(std::string(good) + std::string("\0x", 2), 8), "not valid JSON"},
      {"bad-utf8", rawFile("{\"\xff\":1}", 0), "not valid JSON"},
      {"deep", rawFile("{\"a\":" + deep, 0), "array where none"},
      {"metadata-number", rawFile(R"({"__metadata__":{"a":1}})", 0),
       "expected a string"}};
}

std::vector<Malformed> malformedEntries() {
  return {
      {"duplicate-tensor",
       rawFile(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
               8),
       "key \"a\" appears twice"},
      {"duplicate-field",
       entry(
           R"({"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]})",
           8),
       "key \"dtype\" appears twice"},
      {"unknown-field",
       entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})", 8),
       "unknown key \"x\""},
      {"missing-shape", entry(R"({"dtype":"F32","data_offsets":[0,8]})", 8),
       "expected dtype, shape and data_offsets"},
      {"missing-dtype", entry(R"({"shape":[2],"data_offsets":[0,8]})", 8),
       "expected dtype, shape and data_offsets"},
      {"entry-a-number", entry("3", 8), "expected an object"},
      {"unknown-dtype",
       entry(R"({"dtype":"F33","shape":[2],"data_offsets":[0,8]})", 8),
       "unknown dtype \"F33\""}};
}

std::vector<Malformed> malformedShapes() {
  return {
      {"negative-dimension",
       entry(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})", 8),
       "whole numbers"},
      {"fractional-dimension",
       entry(R"({"dtype":"F32","shape":[2.0],"data_offsets":[0,8]})", 8),
       "whole numbers"},
      {"dimension-beyond-64-bits",
       entry(
           R"({"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,8]})",
           8),
       "whole numbers"},
      {"nested-shape",
       entry(R"({"dtype":"F32","shape":[[2]],"data_offsets":[0,8]})", 8),
       "array where none"},
      {"rank-nine",
       entry(
           R"({"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]})",
           8),
       "more than 8"},
      {"product-overflows",
       entry(
           R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]})",
           8),
       "more elements than 64 bits count"},
      {"product-wraps-to-the-span", // 2^62 + 2 elements of 4 bytes wrap to 8
       entry(
           R"({"dtype":"F32","shape":[4611686018427387906],"data_offsets":[0,8]})",
           8),
       "more elements than 64 bits count"},
      {"span-too-short",
       entry(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})", 8),
       "needs 12 bytes, data_offsets span 8"},
      {"half-a-byte",
       entry(R"({"dtype":"F4","shape":[1],"data_offsets":[0,0]})", 0), "F4"}};
}

std::vector<Malformed> malformedOffsets() {
  return {
      {"one-offset",
       entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8]})", 8),
       "1 numbers, expected 2"},
      {"three-offsets",
       entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8,8]})", 8),
       "more than 2 numbers"},
      {"offsets-backwards",
       entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})", 8),
       "before their begin"},
      {"beyond-the-data",
       entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 7),
       "file has 7 bytes of data"},
      {"begin-not-zero",
       entry(R"({"dtype":"F32","shape":[2],"data_offsets":[4,12]})", 12),
       "a hole before it"},
      {"hole",
       rawFile(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
               R"("b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})",
               12),
       "tensor \"b\": data_offsets begin at 8, expected 4"},
      {"overlap",
       rawFile(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
               R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
               12),
       "it overlaps another tensor"},
      {"data-left-over", rawFile(good, 9), "tensors cover 8 bytes"}};
}

std::vector<Malformed> malformed() {
  std::vector<Malformed> all;
  for (auto part :
       {malformedHeaders, malformedEntries, malformedShapes, malformedOffsets})
    std::ranges::move(part(), std::back_inserter(all));
  return all;
}

class MalformedFile : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedFile, IsRefusedWithOneMessage) {
  const Malformed &test = GetParam();
  TempFolder folder;
  folder.write("model.safetensors", test.bytes);
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().code(), Code::BadModel);
  EXPECT_NE(files.status().message().find(test.message), std::string::npos)
      << files.status().message();
  EXPECT_EQ(files.status().message().rfind("model.safetensors: ", 0), 0u)
      << files.status().message();
  // One line, whatever bytes the file holds; here all names are ASCII.
  EXPECT_TRUE(std::ranges::all_of(files.status().message(),
                                  [](char c) { return c >= ' ' && c < 0x7f; }))
      << files.status().message();
}

INSTANTIATE_TEST_SUITE_P(All, MalformedFile, ::testing::ValuesIn(malformed()),
                         [](const ::testing::TestParamInfo<Malformed> &info) {
                           std::string name = info.param.what;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

// Every length short of the whole is refused, wherever the cut falls.
TEST(SafetensorsFile, EveryTruncationIsRefused) {
  std::string whole = TinyCheckpoint::file(TinyCheckpoint().tensors);
  for (size_t length = 0; length < whole.size();
       length += length < 64 ? 1 : 13) {
    TempFolder folder;
    folder.write("model.safetensors", whole.substr(0, length));
    Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
    ASSERT_FALSE(files.ok()) << length;
    EXPECT_EQ(files.status().code(), Code::BadModel) << length;
  }
}

TEST(SafetensorsFile, ScalarsEmptyTensorsAndPaddingAreLegal) {
  TempFolder folder;
  folder.write(
      "model.safetensors",
      rawFile(R"({"__metadata__":{"format":"pt"},)"
              R"("s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
              R"("e":{"dtype":"F16","shape":[0,5],"data_offsets":[4,4]},)"
              R"("i":{"dtype":"I64","shape":[1],"data_offsets":[4,12]}}   )",
              12));
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_TRUE(files.ok()) << files.status().message();
  EXPECT_EQ(files->find("s")->info->elements(), 1u);
  EXPECT_EQ(files->find("e")->info->elements(), 0u);
  // Known types that cannot be read are refused when asked for.
  const auto *other = files->find("i");
  EXPECT_FALSE(
      other->file->values(other->info->offset, 1, other->info->dtype).ok());
}

TEST(SafetensorsFile, MetadataMayBeNull) {
  TempFolder folder;
  folder.write("model.safetensors",
               rawFile(R"({"__metadata__":null,)"
                       R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                       8));
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_TRUE(files.ok()) << files.status().message();
  EXPECT_TRUE(files->find("a"));
}

// Only a file that does hold so long a header is beyond our limit.
TEST(SafetensorsFile, HeaderBeyondTheLimitIsALimit) {
  TempFolder folder;
  uint64_t length = maxHeaderBytes + 1;
  std::string start(8, '\0');
  std::memcpy(start.data(), &length, 8);
  folder.write("model.safetensors", start);
  std::filesystem::resize_file(folder.path() + "/model.safetensors", 8 + length);
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_FALSE(files.ok());
  EXPECT_EQ(files.status().code(), Code::Limit) << files.status().message();
}

TEST(SafetensorsFile, DoublesAreRoundedToTheNearestFloat) {
  const double stored[] = {0.1, -1e-50, 1 + 0x1p-24, 1 + 0x3p-24, 1e300, -INFINITY};
  const float expected[] = {0.1f, -0.0f, 1, 1 + 0x1p-22f, INFINITY, -INFINITY};
  std::string file = rawFile(
      R"({"a":{"dtype":"F64","shape":[6],"data_offsets":[0,48]}})", 48);
  std::memcpy(file.data() + file.size() - sizeof(stored), stored, sizeof(stored));
  TempFolder folder;
  folder.write("model.safetensors", file);
  Result<CheckpointFiles> files = CheckpointFiles::open(folder.path());
  ASSERT_TRUE(files.ok()) << files.status().message();
  const CheckpointFiles::Entry *entry = files->find("a");
  Result<std::vector<float>> values =
      entry->file->values(entry->info->offset, 6, entry->info->dtype);
  ASSERT_TRUE(values.ok()) << values.status().message();
  EXPECT_EQ(std::memcmp(values->data(), expected, sizeof(expected)), 0);
}

TEST(SafetensorsFile, ValuesOutsideTheFileAreRefused) {
  TempFolder folder;
  folder.write("model.safetensors", rawFile(good, 8));
  Result<SafetensorsFile> file = SafetensorsFile::open(
      folder.path() + "/model.safetensors", "model.safetensors");
  ASSERT_TRUE(file.ok());
  EXPECT_FALSE(file->values(0, uint64_t(1) << 62, DType::F32).ok());
  EXPECT_FALSE(file->values(file->size(), 1, DType::F16).ok());
  EXPECT_TRUE(file->values(file->size() - 8, 2, DType::F32).ok());
}

TEST(Halves, EveryF16BitPatternHasItsValue) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float got = fromF16(uint16_t(bits));
    // The compiler's own half type is the second opinion.
    float expected = float(std::bit_cast<_Float16>(uint16_t(bits)));
    if (std::isnan(expected))
      ASSERT_TRUE(std::isnan(got)) << bits;
    else
      ASSERT_EQ(std::bit_cast<uint32_t>(got), std::bit_cast<uint32_t>(expected))
          << bits;
  }
}

TEST(Halves, Bf16IsTheUpperHalfOfAFloat) {
  EXPECT_EQ(fromBf16(0x3f80), 1.0f);
  EXPECT_EQ(fromBf16(0xc040), -3.0f);
}

//===-- Shards ------------------------------------------------------------===//

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

// An index says which files to open; what lies in them they say themselves.
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
