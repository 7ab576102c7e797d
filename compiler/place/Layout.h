// How weights lie in the weights section: sizes, roles, order. Formulas only;
// the values are Weights.h's.
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
};
Entries findEntries(mlir::ModuleOp module);

/// What a memory or cache stores keys and values as; null for any other type.
mlir::Type keyElementOf(mlir::Type type);
/// The same of the module's handles, "f32" where there are none.
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

/// A weight whose rows tokens or positions choose, so that a size of encdec.model
/// counts them.
struct IndexedTable {
  std::string role; // source_tokens, source_positions, target_…, vocabulary
  WeightOp weight;
};
/// Those of a placed module, each once for each role.
std::vector<IndexedTable> indexedTables(mlir::ModuleOp module);

} // namespace encdec
