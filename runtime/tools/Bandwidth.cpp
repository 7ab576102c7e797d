//===- Bandwidth.cpp - a read-only streaming sum --------------------------===//
//
// Each worker sums its own contiguous part with the widest vectors that the
// machine has and writes nothing. It reads four streams in turn, because one
// stream alone stalls whenever its prefetcher does, and keeps eight loads in
// flight. The buffer is backed by huge pages where the system gives them, so
// that RAM is measured and not address translation.

#include "runtime/tools/Bandwidth.h"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sys/mman.h>

namespace encdec::tools {
namespace {

template <int bytes> struct Wide {
  typedef uint64_t Vector __attribute__((vector_size(bytes)));
};

/// Sum of [begin, begin + size) as 64-bit words; size is a multiple of 4096.
template <int bytes>
[[gnu::always_inline]] inline uint64_t sum(const uint8_t *begin,
                                           uint64_t size) {
  using Vector = typename Wide<bytes>::Vector;
  auto *vectors = reinterpret_cast<const Vector *>(begin);
  constexpr uint64_t streams = 4, each = 2; // loads of a stream in a row
  const uint64_t length = size / bytes / streams;
  Vector totals[streams * each] = {};
  for (uint64_t i = 0; i < length; i += each)
    for (uint64_t s = 0; s < streams; ++s)
      for (uint64_t j = 0; j < each; ++j)
        totals[s * each + j] += vectors[s * length + i + j];
  uint64_t total = 0;
  for (const Vector &vector : totals)
    for (size_t lane = 0; lane < bytes / 8; ++lane)
      total += vector[lane];
  return total;
}

uint64_t sumPlain(const uint8_t *begin, uint64_t size) {
  return sum<16>(begin, size);
}
#if defined(__x86_64__)
[[gnu::target("avx2")]] uint64_t sumAvx2(const uint8_t *begin, uint64_t size) {
  return sum<32>(begin, size);
}
[[gnu::target("avx512f")]] uint64_t sumAvx512(const uint8_t *begin,
                                              uint64_t size) {
  return sum<64>(begin, size);
}
#endif

using SumFunction = uint64_t (*)(const uint8_t *, uint64_t);

SumFunction widestSum() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return sumAvx512;
  if (__builtin_cpu_supports("avx2"))
    return sumAvx2;
#endif
  return sumPlain;
}

struct Job {
  uint8_t *buffer;
  SumFunction sum;
  std::atomic<uint64_t> total{0}; ///< so that no sum is optimized away
};

constexpr uint64_t page = 4096;

/// The part of the buffer that belongs to one worker.
std::pair<uint8_t *, uint64_t> part(uint8_t *buffer, uint32_t worker,
                                    uint32_t workers) {
  uint64_t pages = BandwidthMeter::bufferBytes / page;
  uint64_t begin = pages * worker / workers,
           end = pages * (worker + 1) / workers;
  return {buffer + begin * page, (end - begin) * page};
}

} // namespace

BandwidthMeter::BandwidthMeter(encdec_state *state) : state(state) {
  void *mapped = mmap(nullptr, bufferBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED)
    throw Failure(ENCDEC_ERROR_FAILURE,
                  fmt::format("cannot get {} to measure the read bandwidth: {}",
                              humanBytes(bufferBytes), std::strerror(errno)));
  buffer = static_cast<uint8_t *>(mapped);
  madvise(buffer, bufferBytes, MADV_HUGEPAGE); // the system may refuse; no harm
  // Every page is written, since the system maps all unwritten ones to a single
  // page of zeros.
  check(encdec_state_run(
      state,
      [](void *data, uint32_t worker, uint32_t workers) {
        auto [begin, size] =
            part(static_cast<uint8_t *>(data), worker, workers);
        std::memset(begin, int(worker) + 1, size);
      },
      buffer));
}

BandwidthMeter::~BandwidthMeter() { munmap(buffer, bufferBytes); }

double BandwidthMeter::pass() {
  Job job{buffer, widestSum()};
  auto start = std::chrono::steady_clock::now();
  check(encdec_state_run(
      state,
      [](void *data, uint32_t worker, uint32_t workers) {
        auto &job = *static_cast<Job *>(data);
        auto [begin, size] = part(job.buffer, worker, workers);
        job.total += job.sum(begin, size);
      },
      &job));
  std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  return double(bufferBytes) / seconds.count();
}

} // namespace encdec::tools
