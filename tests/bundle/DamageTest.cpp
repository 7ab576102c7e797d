//===- DamageTest.cpp - cut and flipped bundles are refused ---------------===//

#include "tests/bundle/Refusal.h"

#include <random>

using namespace encdec;
using namespace encdec::tests;

namespace {

TEST(Damage, SoundBundleOpens) {
  std::string bytes = fakeBundle();
  Status status = readStatus(bytes);
  EXPECT_TRUE(status.ok()) << status.message();
}

TEST(Damage, CutAtEverySectionEdge) {
  const std::string bytes = fakeBundle();
  std::vector<uint64_t> edges{0, sizeof(encdec_bundle_header), bytes.size()};
  for (uint32_t i = 0; i < headerOf(bytes).section_count; ++i) {
    auto entry = entryOf(bytes, i);
    edges.push_back(sizeof(encdec_bundle_header) + i * sizeof(entry));
    edges.push_back(sizeof(encdec_bundle_header) + (i + 1) * sizeof(entry));
    edges.push_back(entry.offset);
    edges.push_back(entry.offset + entry.size);
  }
  int cuts = 0;
  for (uint64_t edge : edges)
    for (int64_t by : {-1, 0, 1}) {
      uint64_t size = edge + uint64_t(by);
      if (size >= bytes.size()) // below zero, or not cut at all
        continue;
      SCOPED_TRACE(size);
      // As it is, and by someone who made length and checksums fit.
      std::string cut = bytes.substr(0, size);
      expectRefused(readStatus(cut));
      if (size < sizeof(encdec_bundle_header))
        continue;
      auto header = headerOf(cut);
      header.file_size = size;
      setHeader(cut, header);
      reseal(cut);
      expectRefused(readStatus(cut));
      ++cuts;
    }
  EXPECT_GT(cuts, 20);
  expectRefused(readStatus(bytes + '\0'), "the file has");
}

TEST(Damage, CutAtRandomLengths) {
  const std::string bytes = fakeBundle();
  std::mt19937 random(1);
  for (int i = 0; i < 200; ++i) {
    size_t size = random() % bytes.size();
    SCOPED_TRACE(size);
    expectRefused(readStatus(bytes.substr(0, size)));
  }
}

/// Every bit is under a checksum or must be zero, so none may flip unseen.
TEST(Damage, FlippedBits) {
  const std::string bytes = fakeBundle();
  std::mt19937 random(2);
  for (int i = 0; i < 2000; ++i) {
    // Half of them in header and table, which random places would hardly meet.
    size_t range = i % 2 ? bytes.size() : sizeof(encdec_bundle_header) * 4;
    size_t bit = random() % (range * 8);
    SCOPED_TRACE(bit);
    std::string flipped = bytes;
    flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << bit % 8));
    expectRefused(readStatus(flipped));
  }
}

/// Behind the checksums: whatever the flip means, it is a refusal or a sound
/// bundle, never a crash.
TEST(Damage, FlippedBitsWithRightChecksums) {
  const std::string bytes = fakeBundle();
  std::mt19937 random(3);
  int refused = 0;
  const size_t end = entryOf(bytes, 2).offset; // the weights may be anything
  for (int i = 0; i < 4000; ++i) {
    size_t bit = random() % (end * 8);
    SCOPED_TRACE(bit);
    std::string flipped = bytes;
    flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << bit % 8));
    reseal(flipped);
    Status status = readStatus(flipped);
    if (status.ok())
      continue;
    expectRefused(status);
    ++refused;
  }
  EXPECT_GT(refused, 1000);
}

/// Random bytes over random places of the code, checksums right.
TEST(Damage, ScribbledCode) {
  const std::string bytes = fakeBundle();
  const auto code = entryOf(bytes, 1);
  std::mt19937 random(4);
  for (int i = 0; i < 2000; ++i) {
    SCOPED_TRACE(i);
    std::string edited = bytes;
    for (int j = 0; j < 4; ++j) {
      // Mostly the first kilobyte: headers, tables, symbols.
      size_t at = random() % (j ? 1024 : code.size);
      edited[code.offset + at] = char(random() % 3 ? random() : 0xff);
    }
    reseal(edited);
    Status status = readStatus(edited);
    if (!status.ok())
      expectRefused(status);
  }
}

} // namespace
