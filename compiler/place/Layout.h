// How weights lie in the weights section: sizes, roles, order. Formulas only;
// the values are Weights.h's.
#pragma once
#include "dialect/Ops.h"
#include "encdec/abi.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace encdec {

/// value rounded up to a multiple of `unit`.
inline int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}
/// Floats between two rows of activations (and of position tables).
inline int64_t rowStride(int64_t width) {
  return roundUp(width, ENCDEC_ABI_LANES);
}

/// What an op needs a weight for; decides its layout.
enum class WeightRole {
  Matrix, // [N, K], multiplied: packed
  Table,  // [V, E], looked up by token: packed, since it often is a Matrix too
  Positions, // [positions, E], looked up by position: row after row
  Vector,    // bias, gamma, beta: padded to whole lanes
  Sketch     // [N, K] of int8, instead of most of a Matrix: packed
};

/// Calls `visit` for each weight that `op` names, in the order its kernel reads
/// them.
void forEachWeight(
    mlir::Operation *op,
    llvm::function_ref<void(mlir::FlatSymbolRefAttr, WeightRole)> visit);

/// The functions with encdec.entry = "encode" and "step"; null where missing.
struct Entries {
  mlir::func::FuncOp encode, step;
};
Entries findEntries(mlir::ModuleOp module);

/// Bytes of one weight in the section.
struct WeightBytes {
  int64_t values; // from `offset` on
  int64_t scales; // from `scale_offset` on; 0 unless int8
};
WeightBytes weightBytes(WeightOp weight);

/// Bytes that reading `weight` takes: all, or one row of a table that is only
/// looked up.
int64_t bytesRead(WeightOp weight, bool whole);

/// All weights that pack-weights gave a place, by offset.
llvm::SmallVector<WeightOp> placedWeights(mlir::ModuleOp module);

/// End of the last one: size of the weights section.
int64_t weightsSectionBytes(mlir::ModuleOp module);

/// Bytes of weights that one step of one row reads: each weight once, of tables
/// that are only looked up one row, of sketches none (they are read instead).
int64_t stepWeightBytes(mlir::ModuleOp module);

/// What a sketched step reads: its sketches, and of the weights they stand for only open
/// blocks. Both 0 where there is no sketch.
struct SketchBytes {
  int64_t sketch = 0, sketched = 0;
};
SketchBytes sketchBytes(mlir::ModuleOp module);

} // namespace encdec
