//===- Cpu.cpp - which compiled code this machine can run -----------------===//
//
// Levels are those of the x86-64 psABI ("Microarchitecture levels"), with and
// without instructions for products of bytes. A feature
// counts only when the operating system also saves its registers: CPUID leaf 1
// ECX bit 27 (OSXSAVE) says that XGETBV may be asked, and XCR0 has bits 1-2 for
// XMM and YMM, 5-7 for the AVX-512 state (Intel SDM, volume 1, chapter 13).

#include "runtime/bundle/Cpu.h"

#include <cstdint>
#include <elf.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace encdec::runtime {

namespace {

struct Level {
  std::string_view name, needs;
  unsigned machine; // e_machine
};

constexpr Level known[] = {
    {"v3", "x86-64 with AVX2, FMA, BMI and F16C", EM_X86_64},
    {"v3-avxvnni", "x86-64 with AVX2, FMA, BMI, F16C and AVX-VNNI", EM_X86_64},
    {"v4", "x86-64 with AVX-512 F, BW, CD, DQ and VL", EM_X86_64},
    {"v4-vnni", "x86-64 with AVX-512 F, BW, CD, DQ, VL and VNNI", EM_X86_64},
    {"neon", "64-bit ARM", EM_AARCH64},
};

const Level *find(std::string_view name) {
  for (const Level &level : known)
    if (level.name == name)
      return &level;
  return nullptr;
}

#if defined(__x86_64__)

constexpr std::string_view preference[] = {"v4-vnni", "v4", "v3-avxvnni", "v3",
                                           {}};

uint64_t enabledStates() {
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

/// The levels this machine runs, as bits in the order of `preference`.
unsigned detect() {
  constexpr unsigned v4Vnni = 1, v4 = 2, v3Vnni = 4, v3 = 8;
  unsigned eax, ebx, ecx, edx;
  if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
    return 0;
  constexpr unsigned v3Leaf1 =
      1u << 12 /*FMA*/ | 1u << 22 /*MOVBE*/ | 1u << 27 /*OSXSAVE*/ |
      1u << 28 /*AVX*/ | 1u << 29 /*F16C*/;
  if ((ecx & v3Leaf1) != v3Leaf1)
    return 0;
  uint64_t states = enabledStates();
  if ((states & 0x6) != 0x6)
    return 0;
  unsigned features = 0;
  if (!__get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) ||
      !(ecx & 1u << 5 /*LZCNT*/))
    return 0;
  if (!__get_cpuid_count(7, 0, &eax, &features, &ecx, &edx))
    return 0;
  bool hasAvx512Vnni = ecx & 1u << 11;
  constexpr unsigned v3Leaf7 =
      1u << 3 /*BMI1*/ | 1u << 5 /*AVX2*/ | 1u << 8 /*BMI2*/;
  if ((features & v3Leaf7) != v3Leaf7)
    return 0;
  bool hasAvxVnni = eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) &&
                    (eax & 1u << 4);
  unsigned levels = v3 | (hasAvxVnni ? v3Vnni : 0);
  constexpr unsigned v4Leaf7 = 1u << 16 /*F*/ | 1u << 17 /*DQ*/ |
                               1u << 28 /*CD*/ | 1u << 30 /*BW*/ |
                               1u << 31 /*VL*/;
  if ((features & v4Leaf7) == v4Leaf7 && (states & 0xe6) == 0xe6)
    levels |= v4 | (hasAvx512Vnni ? v4Vnni : 0);
  return levels;
}

#elif defined(__aarch64__)

constexpr std::string_view preference[] = {"neon", {}};

// Advanced SIMD is part of every AArch64 Linux machine.
unsigned detect() { return 1; }

#else

constexpr std::string_view preference[] = {{}};
unsigned detect() { return 0; }

#endif

} // namespace

std::string_view architecture() {
#if defined(__x86_64__)
  return "x86-64";
#elif defined(__aarch64__)
  return "aarch64";
#else
  return "unknown";
#endif
}

bool runsLevel(std::string_view level) {
  static const unsigned levels = detect();
  for (unsigned i = 0; !preference[i].empty(); ++i)
    if (preference[i] == level)
      return levels >> i & 1;
  return false;
}

std::string_view bestLevel() {
  for (std::string_view level : preference)
    if (!level.empty() && runsLevel(level))
      return level;
  return "none";
}

const std::string_view *levelsByPreference() { return preference; }

std::string_view levelNeeds(std::string_view name) {
  const Level *level = find(name);
  return level ? level->needs : "an unknown CPU";
}

unsigned levelMachine(std::string_view name) {
  const Level *level = find(name);
  return level ? level->machine : 0;
}

std::string knownLevels() {
  std::string names;
  for (const Level &level : known)
    names += (names.empty() ? "" : ", ") + std::string(level.name);
  return names;
}

} // namespace encdec::runtime
