// How weights lie in the weights section: sizes, roles, order. These are formulas only;
// Weights.h makes the values.
#pragma once
#include "dialect/Ops.h"
#include "encdec/abi.h"

namespace encdec {

/// value rounded up to a multiple of `unit`.
inline int64_t roundUp(int64_t value, int64_t unit) {
  return (value + unit - 1) / unit * unit;
}
/// Floats between two rows of activations (and of position tables).
inline int64_t rowStride(int64_t width) {
  return roundUp(width, ENCDEC_ABI_LANES);
}

/// The functions with encdec.entry = "encode" and "step"; null where missing.
struct Entries {
  mlir::func::FuncOp encode, step;
  llvm::SmallVector<mlir::func::FuncOp> shortSteps; // those with encdec.shortlist
};
Entries findEntries(mlir::ModuleOp module);

/// What a memory or cache stores keys and values as; null for any other type.
mlir::Type keyElementOf(mlir::Type type);
/// The name of that type for the module's handles; "f32" where there are none.
llvm::StringRef keyTypeOf(mlir::ModuleOp module);

/// Bytes of one weight in the section.
struct WeightBytes {
  int64_t values; // from `offset` on
  int64_t scales; // from `scale_offset` on; 0 unless the format has scales
};
WeightBytes weightBytes(WeightOp weight);

/// Bytes that reading `weight` takes: all, or one row of a table that is only
/// looked up.
int64_t bytesRead(WeightOp weight, bool whole);

/// The formats of all matrices and token tables that ops name, in the table's order.
llvm::SmallVector<const WeightFormat *> formatsOf(mlir::ModuleOp module);

/// All weights that pack-weights gave a place, by offset.
llvm::SmallVector<WeightOp> placedWeights(mlir::ModuleOp module);

/// The size of the weights section: the end of the last placed weight.
int64_t weightsSectionBytes(mlir::ModuleOp module);

/// Bytes of weights that one step of one row reads: each weight once, one row of a table
/// that is only looked up, and no sketch (a step reads the sketch or the weight).
int64_t stepWeightBytes(mlir::func::FuncOp step);

/// The same of the step of each shortlist, in their order, and the rows of the vocabulary that
/// it multiplies by.
struct ShortStep {
  int64_t bytes;
  WeightOp vocabulary;
};
llvm::SmallVector<ShortStep> shortSteps(mlir::ModuleOp module);

/// Bytes of the sketches, and of the weights that have one: a step that uses a sketch
/// reads only candidate blocks of its weight. Both are 0 where there is no sketch.
struct SketchBytes {
  int64_t sketch = 0, sketched = 0;
};
SketchBytes sketchBytes(mlir::ModuleOp module);

/// A weight whose rows tokens or positions choose, so that a size of encdec.model
/// counts them.
struct IndexedTable {
  std::string role; // source_tokens, source_positions, target_…, vocabulary
  WeightOp weight;
};
/// The indexed tables of a placed module, each once for each of its roles.
std::vector<IndexedTable> indexedTables(mlir::ModuleOp module);

} // namespace encdec
