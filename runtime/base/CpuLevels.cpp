//===- CpuLevels.cpp - the CPU levels: names, order, what they ask for ----===//
//
// The levels of x86-64 are the psABI's ("Microarchitecture levels"), each with and
// without instructions for dot products of bytes (VNNI). A feature counts only when the
// operating system also saves its registers: CPUID leaf 1 ECX bit 27 (OSXSAVE)
// says that XGETBV may be asked, and XCR0 has bits 1-2 for XMM and YMM, 5-7 for
// the AVX-512 state (Intel SDM, volume 1, chapter 13).

#include "runtime/base/CpuLevels.h"

#include "runtime/base/Utf8.h"

#include <elf.h>

#include <algorithm>
#include <iterator>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace encdec {

namespace {

using F = CpuFeature;
constexpr CpuFeature v3[] = {
    {"fma", 1, 0, F::Ecx, 12},     {"movbe", 1, 0, F::Ecx, 22},
    {"osxsave", 1, 0, F::Ecx, 27}, {"avx", 1, 0, F::Ecx, 28},
    {"f16c", 1, 0, F::Ecx, 29},    {"lzcnt", 0x80000001, 0, F::Ecx, 5},
    {"bmi", 7, 0, F::Ebx, 3},      {"avx2", 7, 0, F::Ebx, 5},
    {"bmi2", 7, 0, F::Ebx, 8}};
constexpr CpuFeature avxVnni[] = {{"avxvnni", 7, 1, F::Eax, 4}};
constexpr CpuFeature v4[] = {{"avx512f", 7, 0, F::Ebx, 16},
                             {"avx512dq", 7, 0, F::Ebx, 17},
                             {"avx512cd", 7, 0, F::Ebx, 28},
                             {"avx512bw", 7, 0, F::Ebx, 30},
                             {"avx512vl", 7, 0, F::Ebx, 31}};
constexpr CpuFeature avx512Vnni[] = {{"avx512vnni", 7, 0, F::Ecx, 11}};

constexpr CpuLevel levels[] = {
    {"v3", "x86-64", EM_X86_64, "x86-64 with AVX2, FMA, BMI and F16C", "", v3,
     0x6, false},
    {"v3-avxvnni", "x86-64", EM_X86_64,
     "x86-64 with AVX2, FMA, BMI, F16C and AVX-VNNI", "v3", avxVnni, 0, true},
    {"v4", "x86-64", EM_X86_64, "x86-64 with AVX-512 F, BW, CD, DQ and VL",
     "v3", v4, 0xe6, false},
    {"v4-vnni", "x86-64", EM_X86_64,
     "x86-64 with AVX-512 F, BW, CD, DQ, VL and VNNI", "v4", avx512Vnni, 0,
     true},
    // Advanced SIMD is part of every AArch64 Linux machine.
    {"neon", "aarch64", EM_AARCH64, "64-bit ARM", "", {}, 0, false},
};

const CpuLevel *find(std::string_view name) {
  const auto *found = std::ranges::find(levels, name, &CpuLevel::name);
  return found == std::end(levels) ? nullptr : found;
}

#if defined(__x86_64__)
bool isHere(const CpuFeature &feature) {
  uint32_t out[4];
  auto ask = [&](uint32_t subleaf) {
    return __get_cpuid_count(feature.leaf, subleaf, &out[0], &out[1], &out[2],
                             &out[3]);
  };
  // EAX of subleaf 0 is the greatest subleaf.
  if (feature.subleaf && (!ask(0) || out[F::Eax] < feature.subleaf))
    return false;
  return ask(feature.subleaf) && out[feature.in] >> feature.bit & 1;
}

bool areSaved(uint64_t states) {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return ((uint64_t(high) << 32 | low) & states) == states;
}
#else
bool isHere(const CpuFeature &) { return false; }
bool areSaved(uint64_t states) { return states == 0; }
#endif

} // namespace

std::string CpuLevel::missingHere() const {
  if (architecture != encdec::architecture())
    return "a CPU of " + std::string(architecture);
  std::string missing = below.empty() ? "" : find(below)->missingHere();
  for (const CpuFeature &feature : features)
    if (!isHere(feature))
      missing += (missing.empty() ? "" : ", ") + std::string(feature.name);
  // Where nothing is missing OSXSAVE, which v3 needs, allows XGETBV.
  if (missing.empty() && !areSaved(states))
    return "an operating system that saves its registers";
  return missing;
}

bool CpuLevel::runsHere() const {
  static const uint32_t here = [] {
    uint32_t bits = 0;
    for (const CpuLevel &level : levels)
      bits |= uint32_t(level.missingHere().empty()) << (&level - levels);
    return bits;
  }();
  const CpuLevel *known = find(name);
  return known && here >> (known - levels) & 1;
}

std::span<const CpuLevel> cpuLevels() { return levels; }

Result<const CpuLevel *> findCpuLevel(std::string_view name) {
  if (const CpuLevel *level = find(name))
    return level;
  std::string known;
  for (const CpuLevel &level : levels)
    known += (known.empty() ? "" : ", ") + std::string(level.name);
  return usageError("unknown CPU level " + quote(name, 40, '\'') +
                    "; known are: " + known);
}

const CpuLevel *bestCpuLevel(bool wholes) {
  for (size_t i = std::size(levels); i-- > 0;)
    if ((wholes || !levels[i].onlyForWholes) && levels[i].runsHere())
      return &levels[i];
  return nullptr;
}

std::string_view architecture() {
#if defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

} // namespace encdec
