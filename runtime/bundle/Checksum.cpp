//===- Checksum.cpp - checksums of sections, by several threads -----------===//
//
// One XXH3 is sequential: one thread reads one stream, at less than half of the
// bandwidth of RAM. Hence the checksum of a large section is that of its chunks'
// checksums (abi.h), and threads take chunks from a shared counter.

#include "runtime/bundle/Checksum.h"

#include "encdec/abi.h"

#if defined(ENCDEC_XXHASH_DISPATCH)
#include <xxh_x86dispatch.h> // XXH3 by the widest registers there are
#else
#include <xxhash.h>
#endif

#include <cstring>
#include <exception>
#include <sys/mman.h>
#include <unistd.h>

namespace encdec::runtime {

Checksum checksumOf(std::span<const uint8_t> data) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, XXH3_128bits(data.data(), data.size()));
  Checksum sum;
  static_assert(sizeof(sum) == sizeof(canonical));
  memcpy(&sum, &canonical, sizeof(sum));
  return sum;
}

/// Fills in the page table for `data` in one call instead of a fault for every
/// few pages. A hint: where the kernel (before Linux 5.14) or the memory (not a
/// mapping) has no use for it, reading does the same, slower.
static void populate(std::span<const uint8_t> data) {
#if defined(MADV_POPULATE_READ)
  static const auto page = uintptr_t(sysconf(_SC_PAGESIZE));
  auto begin = reinterpret_cast<uintptr_t>(data.data()) & ~(page - 1);
  auto end = reinterpret_cast<uintptr_t>(data.data()) + data.size();
  madvise(reinterpret_cast<void *>(begin), end - begin, MADV_POPULATE_READ);
#else
  (void)data;
#endif
}

SectionChecksum::SectionChecksum(std::span<const uint8_t> data,
                                 unsigned helpers)
    : data(data),
      chunks((data.size() + ENCDEC_BUNDLE_CHUNK - 1) / ENCDEC_BUNDLE_CHUNK) {
  // A thread costs as much as summing some hundred kilobytes.
  helpers = unsigned(std::min<uint64_t>(helpers, chunks.size() / 2));
  stripes = helpers + 1;
  stripe = (chunks.size() + stripes - 1) / stripes;
  threads.reserve(helpers);
  try {
    while (threads.size() < helpers)
      threads.emplace_back([this] { work(); });
  } catch (const std::exception &) {
    // The threads that have started and the caller share the work.
  }
}

SectionChecksum::~SectionChecksum() {
  next = stripes * stripe;
  join();
}

void SectionChecksum::join() {
  for (std::thread &thread : threads)
    thread.join();
  threads.clear();
}

void SectionChecksum::work() {
  // One chunk of each stripe in turn: neighbouring chunks share a page of the page table,
  // and threads that fill one page wait for each other.
  for (uint64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) <
                   stripes * stripe;) {
    uint64_t chunk = i % stripes * stripe + i / stripes;
    if (chunk >= chunks.size()) // the last stripe is shorter
      continue;
    uint64_t begin = chunk * ENCDEC_BUNDLE_CHUNK;
    auto bytes = data.subspan(
        begin, std::min<uint64_t>(ENCDEC_BUNDLE_CHUNK, data.size() - begin));
    populate(bytes);
    chunks[chunk] = checksumOf(bytes);
  }
}

Checksum SectionChecksum::finish() {
  work();
  join();
  if (chunks.size() == 1)
    return chunks[0];
  return checksumOf({reinterpret_cast<const uint8_t *>(chunks.data()),
                     chunks.size() * sizeof(Checksum)});
}

} // namespace encdec::runtime
