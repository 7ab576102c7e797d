//===- DamageTest.cpp - cut and flipped bundles are refused ---------------===//

#include "tests/bundle/Refusal.h"

#include <algorithm>
#include <random>
#include <utility>

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
      // The cut file as it is, and with length and checksums made to fit.
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
    // Half of the flips hit header and table, which random places would rarely hit.
    size_t range = i % 2 ? bytes.size() : sizeof(encdec_bundle_header) * 4;
    size_t bit = random() % (range * 8);
    SCOPED_TRACE(bit);
    std::string flipped = bytes;
    flipped[bit / 8] = char(flipped[bit / 8] ^ (1 << bit % 8));
    expectRefused(readStatus(flipped));
  }
}

/// Weights of several chunks, the last one short: every chunk counts, and its
/// place, however many threads sum them.
TEST(Damage, ChunksOfLargeWeights) {
  const size_t chunk = ENCDEC_BUNDLE_CHUNK, size = 5 * chunk + 77;
  auto manifest = fakeManifest();
  manifest["weights"]["bytes"] = size;
  auto parts = fakeParts(manifest.dump(), fakeCode());
  parts[2].data.resize(size);
  for (size_t i = 0; i < size; ++i)
    parts[2].data[i] = char(i * 7 + i / chunk);
  const std::string bytes = buildBundle(parts);
  const uint64_t begin = entryOf(bytes, 2).offset;
  int meanwhile = 0;
  auto read = [&](const std::string &file, unsigned threads) {
    auto contents = runtime::readBundle(
        {reinterpret_cast<const uint8_t *>(file.data()), file.size()}, threads,
        [&](const runtime::BundleContents &verified) {
          EXPECT_EQ(verified.manifest.weightsBytes, size);
          ++meanwhile;
        });
    return contents.ok() ? Status() : std::move(contents).status();
  };
  for (unsigned threads = 1; threads <= 4; ++threads) {
    SCOPED_TRACE(threads);
    Status sound = read(bytes, threads);
    EXPECT_TRUE(sound.ok()) << sound.message();
    EXPECT_EQ(std::exchange(meanwhile, 0), 1);
    for (size_t at = 0; at < size; at += chunk / 2) {
      std::string flipped = bytes;
      flipped[begin + at] = char(flipped[begin + at] ^ 16);
      expectRefused(read(flipped, threads), "checksum of section 2 (weights");
    }
    std::string swapped = bytes;
    std::swap_ranges(swapped.begin() + begin, swapped.begin() + begin + chunk,
                     swapped.begin() + begin + chunk);
    expectRefused(read(swapped, threads), "checksum of section 2 (weights");
    // Damage is named before meaning, and nothing is made of a damaged manifest.
    meanwhile = 0;
    std::string both = bytes;
    both[begin] ^= 1;
    both[entryOf(bytes, 0).offset] ^= 1;
    expectRefused(read(both, threads), "checksum of section");
    EXPECT_EQ(meanwhile, 0);
  }
}

/// Behind the checksums a flipped bit gives a refusal or a sound bundle, never a crash.
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
