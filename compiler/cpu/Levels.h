// What the CPU levels look like to the kernels.
#pragma once
#include "compiler/cpu/Shapes.h"

namespace encdec::cpu {

/// A linear tile: accumulators for `rows` rows by up to `panels` panels of 16
/// columns, a power of two.
struct TileShape {
  int64_t rows, panels;
};

/// The instruction that sums products of int8Dynamic (Linear.cpp).
enum class Dot {
  Pairs, // two i16 times two i16, summed to one i32
  Quads  // four u8 times four i8, summed to one i32
};

/// What the kernels of one CPU level look like. The level decides registers and
/// tiles only, never the order of operations within one output element.
struct CpuLevel {
  llvm::StringLiteral name; // as in the bundle and in --cpu
  int64_t lanes;            // f32 lanes of one register
  /// One tile for each number of rows, from the most down to 1.
  llvm::ArrayRef<TileShape> f32Tiles, int8Tiles;
  Dot dot;
  /// LLVM's name of that instruction on whole registers; empty where pairs take several
  /// instructions.
  llvm::StringRef dotIntrinsic;

  llvm::ArrayRef<TileShape> tiles(WeightKind kind) const {
    return kind == WeightKind::f32 || kind == WeightKind::bf16 ? f32Tiles
                                                               : int8Tiles;
  }
  /// Bytes of four quantized activations, as the products read them.
  int64_t quadBytes() const { return dot == Dot::Pairs ? 8 : 4; }
};

/// All levels, lowest first within an architecture.
llvm::ArrayRef<CpuLevel> cpuLevels();
/// The level called `name`, or null.
const CpuLevel *findCpuLevel(llvm::StringRef name);

} // namespace encdec::cpu
