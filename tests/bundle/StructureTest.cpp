//===- StructureTest.cpp - header, table and sections that disagree -------===//
//
// All checksums are made right, so that each edit is found by what it means.

#include "tests/bundle/Refusal.h"

#include "encdec/runtime.h"

#include <cstdio>
#include <filesystem>
#include <functional>
#include <sys/stat.h>

using namespace encdec;
using namespace encdec::tests;

namespace {

void expectHeaderRefused(const std::function<void(encdec_bundle_header &)> &edit,
                         const std::string &part) {
  std::string bytes = fakeBundle();
  auto header = headerOf(bytes);
  edit(header);
  setHeader(bytes, header);
  if (header.section_count <= 64)
    reseal(bytes);
  SCOPED_TRACE(part);
  expectRefused(readStatus(bytes), part);
}

void expectEntryRefused(size_t index,
                        const std::function<void(encdec_bundle_section &)> &edit,
                        const std::string &part) {
  std::string bytes = fakeBundle();
  auto entry = entryOf(bytes, index);
  edit(entry);
  setEntry(bytes, index, entry);
  reseal(bytes);
  SCOPED_TRACE(part);
  expectRefused(readStatus(bytes), part);
}

using Header = encdec_bundle_header;
using Entry = encdec_bundle_section;

TEST(Structure, Header) {
  expectHeaderRefused([](Header &h) { h.magic[0] = 'X'; }, "not a bundle");
  expectHeaderRefused([](Header &h) { h.version = 9; }, "version 9");
  expectHeaderRefused([](Header &h) { h.abi_version = 99; }, "ABI 99");
  expectHeaderRefused([](Header &h) { h.file_size -= 1; }, "the header says");
  expectHeaderRefused([](Header &h) { h.file_size = UINT64_MAX; }, "the header says");
  expectHeaderRefused([](Header &h) { h.section_count = 0; }, "0 sections");
  expectHeaderRefused([](Header &h) { h.section_count = 65; }, "65 sections");
  expectHeaderRefused([](Header &h) { h.section_count = UINT32_MAX; }, "sections");
  expectHeaderRefused([](Header &h) { h.section_count = 2; }, "not zero");
  expectHeaderRefused([](Header &h) { h.section_count = 4; }, "section 3");
  expectHeaderRefused([](Header &h) { h.reserved = 1; }, "reserved");
  expectHeaderRefused([](Header &h) { h.padding[15] = 1; }, "reserved");
}

TEST(Structure, VersionIsAMisfitNotDamage) {
  std::string bytes = fakeBundle();
  auto header = headerOf(bytes);
  header.abi_version = ENCDEC_ABI_VERSION + 1;
  setHeader(bytes, header);
  reseal(bytes);
  EXPECT_EQ(readStatus(bytes).code(), Code::DoesNotFit);
}

// Code made for another list of fields would find them at the wrong places.
TEST(Structure, VersionStandsForTheContext) {
#define ENCDEC_TEST_FIELD(type, name) #type " " #name ";"
  std::string fields = ENCDEC_ABI_CONTEXT(ENCDEC_TEST_FIELD);
#undef ENCDEC_TEST_FIELD
  EXPECT_EQ(XXH3_64bits(fields.data(), fields.size()), 7324882475880267970u)
      << "the context is another one: raise ENCDEC_ABI_VERSION, then set both here";
  EXPECT_EQ(ENCDEC_ABI_VERSION, 8);
}

TEST(Structure, Table) {
  expectEntryRefused(1, [](Entry &e) { e.kind = 0; }, "unknown kind 0");
  expectEntryRefused(1, [](Entry &e) { e.kind = 5; }, "unknown kind 5");
  expectEntryRefused(1, [](Entry &e) { e.reserved = 1; }, "reserved");
  expectEntryRefused(1, [](Entry &e) { memset(e.name, 'v', 24); }, "end in zeros");
  expectEntryRefused(1, [](Entry &e) { e.name[20] = 'x'; }, "end in zeros");
  expectEntryRefused(1, [](Entry &e) { e.name[0] = '/'; }, "plain file name");
  expectEntryRefused(1, [](Entry &e) { e.name[0] = '\n'; }, "plain file name");
  expectEntryRefused(1, [](Entry &e) { e.name[0] = '\xff'; }, "plain file name");
  expectEntryRefused(1, [](Entry &e) { memcpy(e.name, "..", 3); }, "plain file name");
  expectEntryRefused(1, [](Entry &e) { e.name[0] = e.name[1] = e.name[2] =
                                           e.name[3] = 0; }, "has no name");
  expectEntryRefused(1, [](Entry &e) { e.offset += 1; }, "starts at byte");
  expectEntryRefused(1, [](Entry &e) { e.offset += ENCDEC_BUNDLE_ALIGN; }, "starts at");
  expectEntryRefused(1, [](Entry &e) { e.offset = UINT64_MAX - 4095; }, "starts at");
  expectEntryRefused(1, [](Entry &e) { e.size = 0; }, "empty");
  expectEntryRefused(1, [](Entry &e) { e.size = UINT64_MAX; }, "beyond the file's");
  expectEntryRefused(1, [](Entry &e) { e.size = UINT64_MAX - e.offset + 1; }, "beyond");
  expectEntryRefused(0, [](Entry &e) { e.size += ENCDEC_BUNDLE_ALIGN; }, "section 1");
  expectEntryRefused(0, [](Entry &e) { e.size -= 1; }, "gap before section 1");
  expectEntryRefused(2, [](Entry &e) { e.size -= 1; }, "last section ends");
  expectEntryRefused(2, [](Entry &e) { e.size += 1; }, "beyond the file's");
}

TEST(Structure, ChecksumOfOneSection) {
  for (size_t index = 0; index < 3; ++index) {
    std::string bytes = fakeBundle();
    auto entry = entryOf(bytes, index);
    bytes[entry.offset + entry.size / 2] ^= 1;
    SCOPED_TRACE(index);
    expectRefused(readStatus(bytes), "section " + std::to_string(index));
  }
}

TEST(Structure, GapsMustBeZero) {
  std::string bytes = fakeBundle();
  bytes[entryOf(bytes, 1).offset - 1] = 1;
  expectRefused(readStatus(bytes), "gap before section 1");
}

std::vector<Part> parts() { return fakeParts(fakeManifest().dump(), fakeCode()); }

TEST(Structure, SwappedBytes) {
  // Two sections trade kind and name: each then holds the other's bytes.
  for (auto [a, b] : {std::pair(0, 1), std::pair(0, 2), std::pair(1, 2)}) {
    auto edited = parts();
    std::swap(edited[a].data, edited[b].data);
    SCOPED_TRACE(testing::Message() << a << " and " << b);
    expectRefused(readStatus(buildBundle(edited)));
  }
}

TEST(Structure, OrderOfSectionsIsFree) {
  auto edited = parts();
  std::reverse(edited.begin(), edited.end());
  EXPECT_TRUE(readStatus(buildBundle(edited)).ok());
}

TEST(Structure, MissingAndDoubled) {
  for (size_t index = 0; index < 3; ++index) {
    SCOPED_TRACE(index);
    auto without = parts();
    without.erase(without.begin() + int64_t(index));
    expectRefused(readStatus(buildBundle(without)), "expected 1, 1, at least 1");
    auto twice = parts();
    twice.push_back(twice[index]);
    expectRefused(readStatus(buildBundle(twice)), "are both");
    auto another = parts();
    another.push_back(another[index]);
    another.back().name = "other";
    expectRefused(readStatus(buildBundle(another)));
  }
}

TEST(Structure, CodeAndTokenizerAsTheManifestSays) {
  auto relabelled = parts();
  relabelled[1].name = "v9";
  expectRefused(readStatus(buildBundle(relabelled)), "the manifest lists");
  auto files = parts();
  files.push_back({ENCDEC_SECTION_TOKENIZER, "", "x"});
  expectRefused(readStatus(buildBundle(files)), "the manifest names none");
  files.push_back({ENCDEC_SECTION_TOKENIZER, "other", "x"});
  expectRefused(readStatus(buildBundle(files)), "2 tokenizer sections");
  Json manifest = fakeManifest();
  manifest["tokenizer"] = {{"kind", "marian"}};
  expectRefused(readStatus(buildBundle(fakeParts(manifest.dump(), fakeCode()))),
                "section is missing");
  auto shorter = parts();
  shorter[2].data.pop_back();
  expectRefused(readStatus(buildBundle(shorter)), "bytes of weights");
}

// --- Files, through the C API -----------------------------------------------

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "encdec-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string write(const std::string &name, const std::string &bytes) const {
    std::string at = path + "/" + name;
    std::ofstream(at, std::ios::binary) << bytes;
    return at;
  }
  std::string path;
};

/// Code and message of opening a path for inspection.
std::pair<int, std::string> openFile(const std::string &path) {
  encdec_bundle *bundle = reinterpret_cast<encdec_bundle *>(1);
  encdec_status *status = encdec_bundle_open(path.c_str(), &bundle);
  std::pair<int, std::string> result{encdec_status_code(status),
                                     encdec_status_message(status)};
  encdec_status_free(status);
  EXPECT_EQ(bundle == nullptr, result.first != ENCDEC_OK);
  encdec_bundle_close(bundle);
  return result;
}

TEST(BundleFile, NamesItsPath) {
  Folder folder;
  std::string path = folder.write("cut.encdec", fakeBundle().substr(0, 5000));
  auto [code, message] = openFile(path);
  EXPECT_EQ(code, ENCDEC_ERROR_BAD_MODEL);
  EXPECT_EQ(message.find(path), 0u) << message;
}

TEST(BundleFile, NotARegularFile) {
  Folder folder;
  EXPECT_EQ(openFile(folder.path + "/none").first, ENCDEC_ERROR_FAILURE);
  EXPECT_NE(openFile(folder.path).first, ENCDEC_OK);
  std::string pipe = folder.path + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_NE(openFile(pipe).first, ENCDEC_OK); // and does not wait for a writer
  EXPECT_EQ(openFile(folder.write("empty", "")).first, ENCDEC_ERROR_BAD_MODEL);
}

TEST(BundleFile, SectionsCanBeWalked) {
  Folder folder;
  std::string bytes = fakeBundle();
  std::string path = folder.write("good.encdec", bytes);
  encdec_bundle *bundle = nullptr;
  ASSERT_EQ(encdec_bundle_open(path.c_str(), &bundle), nullptr);
  ASSERT_EQ(encdec_bundle_section_count(bundle), 3u);
  for (uint64_t i = 0; i < 3; ++i) {
    auto entry = entryOf(bytes, i);
    encdec_bundle_section_info info = {};
    info.size = sizeof(info);
    ASSERT_EQ(encdec_bundle_get_section(bundle, i, &info), nullptr);
    EXPECT_EQ(info.kind, entry.kind);
    EXPECT_STREQ(info.name, entry.name);
    EXPECT_EQ(info.offset, entry.offset);
    EXPECT_EQ(std::string(reinterpret_cast<const char *>(info.data), info.data_size),
              bytes.substr(entry.offset, entry.size));
    char hex[33];
    for (int j = 0; j < 16; ++j)
      snprintf(hex + 2 * j, 3, "%02x", entry.checksum[j]);
    EXPECT_STREQ(info.checksum, hex);
  }
  encdec_bundle_section_info info = {};
  info.size = sizeof(info);
  encdec_status *beyond = encdec_bundle_get_section(bundle, 3, &info);
  EXPECT_EQ(encdec_status_code(beyond), ENCDEC_ERROR_USAGE);
  encdec_status_free(beyond);
  encdec_bundle_close(bundle);
}

} // namespace
