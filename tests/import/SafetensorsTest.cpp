// Malformed safetensors files: each is refused with the code for a bad model and one
// message that names file and place. Needs no MLIR.
#include "compiler/import/Safetensors.h"
#include "compiler/import/Halves.h"
#include "tests/import/TinyCheckpoint.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <gtest/gtest.h>

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
  EXPECT_EQ(files->find("s")->info->size, 4u);
  EXPECT_EQ(files->find("e")->info->size, 0u);
  // A known type without a reader; making a weight of it is refused.
  EXPECT_EQ(files->find("i")->info->dtype, DType::Other);
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

// A header beyond the limit is a limit error only if the file holds all of it.
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
  uint8_t bytes[sizeof(stored)];
  ASSERT_TRUE(entry->file->read(entry->info->offset, bytes).ok());
  float values[6];
  widen(entry->info->dtype, bytes, values);
  EXPECT_EQ(std::memcmp(values, expected, sizeof(expected)), 0);
}

TEST(SafetensorsFile, BytesOutsideTheFileAreRefused) {
  TempFolder folder;
  folder.write("model.safetensors", rawFile(good, 8));
  Result<SafetensorsFile> file = SafetensorsFile::open(
      folder.path() + "/model.safetensors", "model.safetensors");
  ASSERT_TRUE(file.ok());
  uint8_t bytes[8];
  EXPECT_FALSE(file->read(UINT64_MAX, bytes).ok());
  EXPECT_FALSE(file->read(file->size(), bytes).ok());
  EXPECT_FALSE(file->read(file->size() - 7, bytes).ok());
  EXPECT_TRUE(file->read(file->size() - 8, bytes).ok());
}

TEST(Halves, EveryF16BitPatternHasItsValue) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    float got = fromF16(uint16_t(bits));
    // Compared with the C++ compiler's own half type.
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

} // namespace
