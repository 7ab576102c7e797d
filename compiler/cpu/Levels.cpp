// The CPU levels, and how weights are stored for all of them.
#include "compiler/cpu/Levels.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace encdec::cpu {
namespace {

// Few rows are bound by reading weights: several panels are several streams. Many
// rows are bound by multiplying: accumulators fill the registers but for a broadcast and
// the weights of a panel.
//
// AVX2: 16 registers of 8 lanes; 6 rows x 1 panel are 12 accumulators.
constexpr TileShape v3F32[] = {{6, 1}, {5, 1}, {4, 1}, {3, 2}, {2, 2}, {1, 4}};
constexpr TileShape v3Int8[] = {{6, 1}, {5, 1}, {4, 1}, {3, 1}, {2, 2}, {1, 4}};
// AVX-512: 32 registers of 16 lanes; 12 rows x 2 panels are 24 accumulators.
constexpr TileShape v4Any[] = {{12, 2}, {11, 2}, {10, 2}, {9, 2},
                               {8, 2},  {7, 2},  {6, 2},  {5, 2},
                               {4, 4},  {3, 4},  {2, 8},  {1, 8}};
// NEON: 32 registers of 4 lanes; 6 rows x 1 panel are 24 accumulators.
constexpr TileShape neonAny[] = {{6, 1}, {5, 1}, {4, 1}, {3, 1}, {2, 2}, {1, 4}};

constexpr CpuLevel levels[] = {
    {"v3", 8, v3F32, v3Int8, Dot::Pairs, "llvm.x86.avx2.pmadd.wd"},
    {"v3-avxvnni", 8, v3F32, v3Int8, Dot::Quads,
     "llvm.x86.avx512.vpdpbusd.256"}, // one name for the VEX and EVEX encodings
    {"v4", 16, v4Any, v4Any, Dot::Pairs, "llvm.x86.avx512.pmaddw.d.512"},
    {"v4-vnni", 16, v4Any, v4Any, Dot::Quads, "llvm.x86.avx512.vpdpbusd.512"},
    {"neon", 4, neonAny, neonAny, Dot::Pairs, ""},
};

} // namespace

// In the order of WeightKind: the format's name, and the kind's in kernel names.
static constexpr std::pair<StringLiteral, StringLiteral> kinds[] = {
    {"f32", "f32"}, {"bf16", "bf16"}, {"int8", "i8"}, {"int8-dynamic", "i8d"}};

StringRef nameOf(WeightKind kind) { return kinds[size_t(kind)].second; }

const WeightFormat &formatOf(WeightKind kind) {
  return *findWeightFormat(kinds[size_t(kind)].first);
}

std::optional<WeightKind> findWeightKind(StringRef format) {
  for (auto [i, names] : llvm::enumerate(kinds))
    if (names.first == format)
      return WeightKind(i);
  return std::nullopt;
}

StringRef nameOf(KeyKind kind) { return kind == KeyKind::f32 ? "" : "_bf16"; }

StringRef nameOf(Bias bias) {
  return bias == Bias::none ? "" : bias == Bias::causal ? "_causal" : "_bidirectional";
}

ArrayRef<CpuLevel> cpuLevels() { return levels; }

const CpuLevel *findCpuLevel(StringRef name) {
  const auto *found =
      llvm::find_if(levels, [&](const CpuLevel &l) { return l.name == name; });
  return found == std::end(levels) ? nullptr : found;
}

} // namespace encdec::cpu
