// The bundle file: layout, equal bytes, and an older file left whole whatever
// goes wrong.
#include "compiler/emit/BundleWriter.h"
#include "compiler/emit/Hash.h"
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace encdec;
using namespace llvm;
namespace fs = std::filesystem;

namespace {

std::string read(const fs::path &path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

ArrayRef<uint8_t> bytes(StringRef text) { return arrayRefFromStringRef(text); }

class Bundle : public testing::Test {
protected:
  void SetUp() override {
    folder = fs::path(testing::TempDir()) /
             ("encdec-bundle-" + std::to_string(getpid()));
    fs::create_directories(folder);
    path = folder / "m.encdec";
  }
  void TearDown() override { fs::remove_all(folder); }

  /// Two sections, the second of `size` bytes.
  Error writeTwo(const fs::path &to, size_t size) {
    auto writer = BundleWriter::create(to.string());
    if (!writer)
      return writer.takeError();
    if (Error error = (*writer)->announce(2))
      return error;
    if (Error error =
            (*writer)->add(ENCDEC_SECTION_MANIFEST, "manifest", bytes("{}")))
      return error;
    if (Error error = (*writer)->begin(ENCDEC_SECTION_WEIGHTS, "weights"))
      return error;
    if (Error error = (*writer)->append(bytes("weights!")))
      return error;
    if (Error error = (*writer)->appendZeros(size - 8))
      return error;
    return (*writer)->commit();
  }
  size_t filesInFolder() {
    return std::distance(fs::directory_iterator(folder),
                         fs::directory_iterator());
  }

  fs::path folder, path;
};

TEST_F(Bundle, LayoutIsThatOfTheHeader) {
  ASSERT_FALSE(bool(writeTwo(path, 5000)));
  std::string file = read(path);
  ASSERT_EQ(file.size(), 8192u + 5000u);
  encdec_bundle_header header;
  encdec_bundle_section table[2];
  std::memcpy(&header, file.data(), sizeof(header));
  std::memcpy(table, file.data() + sizeof(header), sizeof(table));
  EXPECT_EQ(std::memcmp(header.magic, ENCDEC_BUNDLE_MAGIC, 8), 0);
  EXPECT_EQ(header.file_size, file.size());
  EXPECT_EQ(header.section_count, 2u);
  EXPECT_EQ(table[0].offset, 4096u);
  EXPECT_EQ(table[0].size, 2u);
  EXPECT_EQ(table[1].offset, 8192u);
  EXPECT_EQ(table[1].size, 5000u);
  EXPECT_STREQ(table[1].name, "weights");
  EXPECT_EQ(file.substr(4096, 2), "{}");
  EXPECT_EQ(file.find_first_not_of('\0', 4098), 8192u) << "the gap is zero";
  // Checksums, by the library's one-shot function.
  auto sum = [](StringRef text, const uint8_t *expected) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical,
                             XXH3_128bits(text.data(), text.size()));
    return std::memcmp(canonical.digest, expected, 16) == 0;
  };
  EXPECT_TRUE(sum("{}", table[0].checksum));
  EXPECT_TRUE(sum(StringRef(file).substr(8192), table[1].checksum));
  std::string head = file.substr(0, sizeof(header) + sizeof(table));
  std::memset(head.data() + offsetof(encdec_bundle_header, checksum), 0, 16);
  EXPECT_TRUE(sum(head, header.checksum));
}

TEST_F(Bundle, LargeSectionsAreSummedByChunks) {
  auto sum = [](StringRef text) {
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical,
                             XXH3_128bits(text.data(), text.size()));
    return std::string(reinterpret_cast<char *>(canonical.digest), 16);
  };
  const size_t chunk = ENCDEC_BUNDLE_CHUNK;
  for (size_t size : {chunk - 1, chunk, chunk + 1, 2 * chunk, 2 * chunk + 5}) {
    ASSERT_FALSE(bool(writeTwo(path, size)));
    std::string file = read(path);
    encdec_bundle_section table[2];
    std::memcpy(table, file.data() + sizeof(encdec_bundle_header),
                sizeof(table));
    StringRef weights = StringRef(file).substr(table[1].offset);
    ASSERT_EQ(weights.size(), size);
    std::string expected = sum(weights);
    if (size > chunk) {
      std::string sums;
      for (; !weights.empty(); weights = weights.drop_front(
                                   std::min(chunk, weights.size())))
        sums += sum(weights.take_front(chunk));
      expected = sum(sums);
    }
    EXPECT_EQ(std::memcmp(expected.data(), table[1].checksum, 16), 0) << size;
  }
}

TEST_F(Bundle, SameSectionsGiveSameBytesUnderAnyName) {
  ASSERT_FALSE(bool(writeTwo(path, 100)));
  ASSERT_FALSE(bool(writeTwo(folder / "another", 100)));
  EXPECT_EQ(read(path), read(folder / "another"));
}

TEST_F(Bundle, MissingFolderIsNamed) {
  Error error = writeTwo(folder / "no" / "m.encdec", 100);
  ASSERT_TRUE(bool(error));
  EXPECT_NE(toString(std::move(error)).find("does not exist"), std::string::npos);
}

TEST_F(Bundle, UnfinishedWriteLeavesTheOldFileAndNoOther) {
  ASSERT_FALSE(bool(writeTwo(path, 100)));
  std::string old = read(path);
  {
    auto writer = BundleWriter::create(path.string());
    ASSERT_TRUE(bool(writer));
    ASSERT_FALSE(bool((*writer)->announce(2)));
    ASSERT_FALSE(
        bool((*writer)->add(ENCDEC_SECTION_MANIFEST, "m", bytes("x"))));
    Error error = (*writer)->commit();
    EXPECT_EQ(toString(std::move(error)),
              "bundle has 1 of the announced 2 sections");
  }
  EXPECT_EQ(read(path), old);
  EXPECT_EQ(filesInFolder(), 1u);
}

// A limit on the size of files stands for a full disk: the write fails with EFBIG.
TEST_F(Bundle, FullDiskLeavesTheOldFileAndNoOther) {
  ASSERT_FALSE(bool(writeTwo(path, 100)));
  std::string old = read(path);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit = {100000, 100000};
    setrlimit(RLIMIT_FSIZE, &limit);
    Error error = writeTwo(path, 1000000);
    std::string message = error ? toString(std::move(error)) : "";
    _exit(message.find("cannot write") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT_EQ(read(path), old);
  EXPECT_EQ(filesInFolder(), 1u);
}

// After kill -9 at 50 moments there is the old file or the new one, whole.
TEST_F(Bundle, KilledWriterLeavesOldOrNewWhole) {
  ASSERT_FALSE(bool(writeTwo(folder / "new", 300000)));
  std::string fresh = read(folder / "new");
  fs::remove(folder / "new");
  ASSERT_FALSE(bool(writeTwo(path, 100)));
  std::string old = read(path);
  for (int i = 0; i < 50; ++i) {
    pid_t child = fork();
    if (child == 0) {
      consumeError(writeTwo(path, 300000));
      _exit(0);
    }
    usleep(i * 20);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    std::string now = read(path);
    ASSERT_TRUE(now == old || now == fresh) << "after " << i * 20 << " µs";
    fs::remove(BundleWriter::temporaryPath(path.string(), child));
    EXPECT_EQ(filesInFolder(), 1u);
    ASSERT_FALSE(bool(writeTwo(path, 100)));
  }
}

TEST_F(Bundle, ALinkStaysALinkAndItsFileIsReplaced) {
  fs::path link = folder / "link", elsewhere = folder / "elsewhere";
  fs::create_directories(elsewhere);
  std::ofstream(elsewhere / "real") << "old";
  fs::create_symlink("elsewhere/real", link);
  ASSERT_FALSE(bool(writeTwo(link, 100)));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(read(elsewhere / "real").substr(0, 7), "ENCDECB");
  EXPECT_EQ(filesInFolder(), 2u);
}

TEST_F(Bundle, OnlyRegularFilesAreReplaced) {
  fs::path pipe = folder / "pipe", link = folder / "link",
           nowhere = folder / "nowhere";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  fs::create_symlink("pipe", link);
  fs::create_symlink("missing", nowhere);
  for (const auto &[to, why] :
       {std::pair<fs::path, const char *>{pipe, "pipe"},
        {link, "pipe"},
        {nowhere, "leads nowhere"},
        {folder, "is a folder"},
        {folder / "new/", "names a folder"},
        {"", "empty"}}) {
    std::string message = toString(writeTwo(to, 100));
    EXPECT_NE(message.find(why), std::string::npos) << to << ": " << message;
  }
  EXPECT_TRUE(fs::is_fifo(pipe));
  EXPECT_EQ(filesInFolder(), 3u);
}

TEST_F(Bundle, LongSectionNameIsRefused) {
  auto writer = BundleWriter::create(path.string());
  ASSERT_TRUE(bool(writer));
  ASSERT_FALSE(bool((*writer)->announce(1)));
  Error error = (*writer)->add(ENCDEC_SECTION_TOKENIZER,
                               "a-file-name-of-24-bytes!", bytes("x"));
  EXPECT_NE(toString(std::move(error)).find("24 bytes, at most 23"),
            std::string::npos);
}

} // namespace
