// Measuring loops: reading RAM, and multiplying in registers. Written in
// plain C++, independent of the kernels that are judged by them.
#include "bench/Limits.h"
#include <algorithm>
#include <benchmark/benchmark.h>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <sys/mman.h>

namespace encdec::bench {
namespace {

template <int bytes, typename Element> struct Wide {
  typedef Element Vector __attribute__((vector_size(bytes)));
};

/// Sum of [begin, begin + size) as 64-bit words, with eight loads in flight. `streams`
/// parts of the buffer are read side by side: the hardware prefetches each part for
/// itself, so one stream may not be the fastest way. size is a multiple of 4096.
template <int bytes, int streams>
[[gnu::always_inline]] inline uint64_t sum(const uint8_t *begin, size_t size) {
  using Vector = typename Wide<bytes, uint64_t>::Vector;
  constexpr size_t each = 8 / streams; // loads of a stream
  size_t count = size / bytes / streams;
  auto *vectors = reinterpret_cast<const Vector *>(begin);
  Vector totals[8] = {};
  for (size_t i = 0; i < count; i += each)
    for (size_t s = 0; s < streams; ++s)
      for (size_t j = 0; j < each; ++j)
        totals[s * each + j] += vectors[s * count + i + j];
  uint64_t total = 0;
  for (const Vector &vector : totals)
    for (size_t lane = 0; lane < bytes / 8; ++lane)
      total += vector[lane];
  return total;
}

constexpr int chains = 12; // hides the latency of two units, fits 16 registers

/// chains * `count` multiply-adds of whole registers.
template <int bytes>
[[gnu::always_inline]] inline float multiply(float x, int64_t count) {
  using Vector = typename Wide<bytes, float>::Vector;
  Vector factor = Vector{} + x, sums[chains];
  for (int j = 0; j < chains; ++j)
    sums[j] = factor + float(j);
  for (int64_t i = 0; i < count; ++i)
    for (int j = 0; j < chains; ++j)
      sums[j] = sums[j] * factor + factor; // contracted to one instruction
  float total = 0;
  for (const Vector &s : sums)
    total += s[0];
  return total;
}

#if defined(__x86_64__)
// The same of whole numbers: `DOT` of sum and factor on registers of `bytes`. Sums are
// the next factors, so that nothing can be taken out of the loop.
#define ENCDEC_WHOLE(name, bytes, features, DOT)                               \
  [[gnu::target(features)]] int32_t name(int32_t x, int64_t count) {           \
    using Words = Wide<bytes, int32_t>::Vector;                                \
    using Halves [[maybe_unused]] = Wide<bytes, short>::Vector;                \
    using Bytes [[maybe_unused]] = Wide<bytes, char>::Vector;                  \
    Words factor = Words{} + x, sums[chains];                                  \
    for (int j = 0; j < chains; ++j)                                           \
      sums[j] = factor + j;                                                    \
    for (int64_t i = 0; i < count; ++i)                                        \
      for (Words &sum : sums)                                                  \
        sum = (Words)DOT;                                                      \
    int32_t total = 0;                                                         \
    for (const Words &s : sums)                                                \
      total ^= s[0];                                                           \
    return total;                                                              \
  }
ENCDEC_WHOLE(pairs256, 32, "avx2",
             sum + (Words)__builtin_ia32_pmaddwd256((Halves)sum, (Halves)factor))
ENCDEC_WHOLE(pairs512, 64, "avx512bw",
             sum + (Words)__builtin_ia32_pmaddwd512((Halves)sum, (Halves)factor))
ENCDEC_WHOLE(quads256, 32, "avxvnni",
             __builtin_ia32_vpdpbusd256(sum, (Bytes)sum, (Bytes)factor))
ENCDEC_WHOLE(quads512, 64, "avx512vnni",
             __builtin_ia32_vpdpbusd512(sum, (Bytes)sum, (Bytes)factor))
#undef ENCDEC_WHOLE
#endif

using Sum = uint64_t (*)(const uint8_t *, size_t);
using Multiply = float (*)(float, int64_t);
struct Loops {
  Sum sums[2];
  Multiply multiply;
  int lanes;
};

// The loops for one width, compiled for `target`, named by the bits.
#define ENCDEC_LOOPS(bits, target)                                             \
  target uint64_t sum##bits##x1(const uint8_t *begin, size_t size) {           \
    return sum<bits / 8, 1>(begin, size);                                      \
  }                                                                            \
  target uint64_t sum##bits##x4(const uint8_t *begin, size_t size) {           \
    return sum<bits / 8, 4>(begin, size);                                      \
  }                                                                            \
  target float multiply##bits(float x, int64_t count) {                        \
    return multiply<bits / 8>(x, count);                                       \
  }                                                                            \
  constexpr Loops loops##bits{                                                 \
      {sum##bits##x1, sum##bits##x4}, multiply##bits, bits / 32};

ENCDEC_LOOPS(128, )
#if defined(__x86_64__)
ENCDEC_LOOPS(256, [[gnu::target("avx2,fma")]])
ENCDEC_LOOPS(512, [[gnu::target("avx512f")]])
#endif
#undef ENCDEC_LOOPS

/// The widest loops this machine runs.
Loops loops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return loops512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return loops256;
#endif
  return loops128;
}

template <typename Work> double bestSeconds(int passes, Work work) {
  double best = 1e9;
  for (int i = 0; i < passes; ++i) {
    double start = threadSeconds();
    work();
    best = std::min(best, threadSeconds() - start);
  }
  return best;
}

/// Reads `size` bytes of the pool so often that a pass takes a millisecond; the
/// fastest loop counts.
double readBandwidth(size_t size, int passes) {
  const uint8_t *begin = pool().bytes();
  size_t times = std::max<size_t>(1, (size_t(64) << 20) / size);
  double best = 0;
  for (Sum sum : loops().sums) {
    double seconds = bestSeconds(passes, [&] {
      for (size_t i = 0; i < times; ++i)
        benchmark::DoNotOptimize(sum(begin, size));
    });
    best = std::max(best, double(size) * times / seconds);
  }
  return best;
}

} // namespace

Allocation::Allocation(size_t bytes) : length((bytes + 4095) / 4096 * 4096) {
  void *mapped = mmap(nullptr, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    std::fprintf(stderr, "cannot get %zu MB of memory to measure with\n",
                 length >> 20);
    std::exit(1);
  }
  start = static_cast<uint8_t *>(mapped);
#if defined(MADV_HUGEPAGE)
  madvise(start, length, MADV_HUGEPAGE); // the system may refuse
#endif
}

Allocation::~Allocation() { munmap(start, length); }

size_t cacheBytes(int level) {
  constexpr size_t usual[] = {32 << 10, 512 << 10, 32 << 20};
  for (const auto &cache : benchmark::CPUInfo::Get().caches)
    if (cache.level == level && cache.type != "Instruction")
      return cache.size;
  return usual[level - 1];
}

const char *placeOf(size_t bytes) {
  constexpr const char *names[] = {"L1", "L2", "L3"};
  for (int level : {1, 2, 3})
    if (bytes <= cacheBytes(level) / 2)
      return names[level - 1];
  return "memory";
}

double nearBandwidth(size_t bytes) {
  static std::map<size_t, double> measured;
  size_t size = std::min((bytes + 4095) / 4096 * 4096, pool().size());
  double &value = measured[size];
  return value = std::max(value, readBandwidth(size, 4));
}

double ramBandwidth() { return readBandwidth(pool().size(), 3); }

double multiplyAdds() {
  static const double measured = [] {
    Loops loop = loops();
    constexpr int64_t count = 1 << 20;
    double seconds = bestSeconds(10, [&] {
      float one = 1;
      benchmark::DoNotOptimize(one);
      benchmark::DoNotOptimize(loop.multiply(one, count));
    });
    return double(count) * chains * loop.lanes / seconds;
  }();
  return measured;
}

double wholeMultiplyAdds() {
#if defined(__x86_64__)
  static const double measured = [] {
    double best = 0;
    auto attempt = [&](bool runs, int32_t (*loop)(int32_t, int64_t), double macs) {
      if (!runs)
        return;
      constexpr int64_t count = 1 << 20;
      double seconds = bestSeconds(10, [&] {
        int32_t one = 1;
        benchmark::DoNotOptimize(one);
        benchmark::DoNotOptimize(loop(one, count));
      });
      best = std::max(best, double(count) * chains * macs / seconds);
    };
    attempt(__builtin_cpu_supports("avx2"), pairs256, 16);
    attempt(__builtin_cpu_supports("avx512bw"), pairs512, 32);
    attempt(__builtin_cpu_supports("avxvnni"), quads256, 32);
    attempt(__builtin_cpu_supports("avx512vnni"), quads512, 64);
    return best ? best : multiplyAdds();
  }();
  return measured;
#else
  return multiplyAdds();
#endif
}

double threadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return double(now.tv_sec) + double(now.tv_nsec) * 1e-9;
}

const Allocation &pool() {
  // Four times the last cache, so that reading the pool from end to end finds none of it
  // in the cache; and enough for the largest weight in f32.
  static const Allocation filled(std::max<size_t>(4 * cacheBytes(3), size_t(160) << 20));
  static const bool once = [] {
    uint32_t state = 1;
    for (size_t i = 0; i < filled.size() / 4; ++i) {
      state = state * 1664525 + 1013904223; // Numerical Recipes' generator
      filled.floats()[i] = float(int32_t(state)) * 0x1p-31f;
    }
    return true;
  }();
  (void)once;
  return filled;
}

} // namespace encdec::bench
