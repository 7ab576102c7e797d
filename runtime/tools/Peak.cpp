//===- Peak.cpp - chains of multiply-adds in registers --------------------===//
//
// Each worker runs twelve chains of multiply-adds, enough to hide the latency
// of two units and few enough for sixteen registers. Each result is the input
// of the next instruction of its chain, so that the compiler can remove none.
// Whole numbers use vpdpbusd where the CPU has it and vpmaddwd elsewhere (Intel
// 64 and IA-32 Architectures Software Developer's Manual, volume 2).

#include "runtime/tools/Peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace encdec::tools {
namespace {

constexpr int chains = 12;
constexpr int64_t rounds = 1 << 16; // about a quarter of a millisecond

/// Runs chains * rounds of `one`; the result depends on all of them.
template <typename Vector, typename One>
[[gnu::always_inline]] inline uint64_t chain(Vector factor, One one) {
  Vector sums[chains];
  for (Vector &sum : sums)
    sum = factor;
  for (int64_t i = 0; i < rounds; ++i)
    for (Vector &sum : sums)
      one(sum, factor);
  Vector total = sums[0];
  for (const Vector &sum : sums)
    total += sum;
  uint64_t first;
  std::memcpy(&first, &total, sizeof(first));
  return first;
}

template <int bytes>
[[gnu::always_inline]] inline uint64_t floats(uint32_t seed) {
  typedef float Vector __attribute__((vector_size(bytes)));
  // The compiler contracts this to one instruction where the CPU has it.
  return chain(Vector{} + float(seed) * 1e-9f,
               [](Vector &sum, Vector factor) __attribute__((always_inline)) {
                 sum = sum * factor + factor;
               });
}

struct Loop {
  uint64_t (*run)(uint32_t seed);
  double each; ///< Multiply-adds of one instruction.
};

uint64_t floatsPlain(uint32_t seed) { return floats<16>(seed); }

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] uint64_t floatsAvx2(uint32_t seed) {
  return floats<32>(seed);
}
[[gnu::target("avx512f")]] uint64_t floatsAvx512(uint32_t seed) {
  return floats<64>(seed);
}

// The loop of `chain` is written out: a lambda would not have the target attribute.
#define ENCDEC_WHOLES(name, target_, vector, set, step)                        \
  [[gnu::target(target_)]] uint64_t name(uint32_t seed) {                      \
    vector factor = set(int(seed)), sums[chains];                              \
    for (vector & sum : sums)                                                  \
      sum = factor;                                                            \
    for (int64_t i = 0; i < rounds; ++i)                                       \
      for (vector & sum : sums)                                                \
        sum = step;                                                            \
    vector total = sums[0];                                                    \
    for (const vector &sum : sums)                                             \
      total += sum;                                                            \
    return uint64_t(total[0]);                                                 \
  }
ENCDEC_WHOLES(pairsAvx2, "avx2", __m256i, _mm256_set1_epi32,
              _mm256_add_epi32(sum, _mm256_madd_epi16(sum, factor)))
ENCDEC_WHOLES(pairsAvx512, "avx512bw", __m512i, _mm512_set1_epi32,
              _mm512_add_epi32(sum, _mm512_madd_epi16(sum, factor)))
ENCDEC_WHOLES(dotsAvx512, "avx512f,avx512vnni", __m512i, _mm512_set1_epi32,
              _mm512_dpbusd_epi32(sum, factor, factor))
#undef ENCDEC_WHOLES
#endif

Loop floatLoop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    return {floatsAvx512, 16};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return {floatsAvx2, 8};
#endif
  return {floatsPlain, 4};
}

Loop wholeLoop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni"))
    return {dotsAvx512, 64};
  if (__builtin_cpu_supports("avx512bw"))
    return {pairsAvx512, 32};
  if (__builtin_cpu_supports("avx2"))
    return {pairsAvx2, 16};
#endif
  return floatLoop();
}

/// Multiply-adds a second of all workers.
double measure(encdec_state *state, uint32_t workers, Loop loop) {
  struct Job {
    Loop loop;
    std::atomic<uint64_t> total{0}; ///< so that no loop is optimized away
  } job{loop};
  double best = 0;
  for (uint32_t pass = 0; pass < 60; ++pass) {
    auto start = std::chrono::steady_clock::now();
    check(encdec_state_run(
        state,
        [](void *data, uint32_t worker, uint32_t) {
          auto &job = *static_cast<Job *>(data);
          job.total += job.loop.run(worker + 3);
        },
        &job));
    std::chrono::duration<double> seconds =
        std::chrono::steady_clock::now() - start;
    best = std::max(best, double(rounds) * chains * loop.each * workers /
                              seconds.count());
  }
  return best;
}

} // namespace

Peak measurePeak(encdec_state *state) {
  auto info = sized<encdec_state_info>();
  check(encdec_state_get_info(state, &info));
  return {measure(state, info.threads, floatLoop()),
          measure(state, info.threads, wholeLoop())};
}

} // namespace encdec::tools
