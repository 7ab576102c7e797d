//===- Checksum.h - checksums of sections, by several threads -------------===//

#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

namespace encdec::runtime {

/// XXH3-128 of `data` in canonical form.
struct Checksum {
  uint8_t bytes[16];
};
Checksum checksumOf(std::span<const uint8_t> data);

/// The checksum of a section, as abi.h defines it: of a large one, its chunks
/// are summed by several threads, which also bring its pages into the page
/// table. Threads start with the object and end with it, at the latest.
class SectionChecksum {
public:
  /// `data` must outlive the object. Starts `helpers` threads, or as many as the
  /// system gives.
  SectionChecksum(std::span<const uint8_t> data, unsigned helpers);
  ~SectionChecksum();
  SectionChecksum(const SectionChecksum &) = delete;
  SectionChecksum &operator=(const SectionChecksum &) = delete;

  /// Takes part in the work, waits for the helpers and gives the checksum.
  Checksum finish();

private:
  void work();
  void join();

  std::span<const uint8_t> data;
  std::vector<Checksum> chunks;
  uint64_t stripes, stripe; ///< One stripe a thread; chunks of a stripe.
  std::atomic<uint64_t> next{0};
  std::vector<std::thread> threads;
};

} // namespace encdec::runtime
