// Which buffers a function needs, how long each lives, and where it lies.
#pragma once
#include "dialect/Ops.h"
#include <cstdint>

namespace encdec {

/// One buffer of a function: `bytes` for each row (a multiple of 64), live from
/// op number `first` to op number `last`, both included.
struct ArenaBuffer {
  mlir::Operation *op; // that it belongs to
  unsigned entry;      // which of the op's buffers: index into encdec.place
  int64_t bytes;
  unsigned first, last;
  int64_t offset = -1; // set by assignOffsets
};

/// Buffers of a function in placed form: for each op one per result with rows
/// (values that are views of a handle have none), then what its kernel needs
/// besides:
///   ffn                      the hidden rows, F wide; these quantized
///   vocabulary, top_tokens   a record for each 128 columns
///   memory_project           keys, then values, before they are laid out
///   self_attention in encode keys in blocks of 16, then values, H *
///   round_up(D, 16) wide
///   firstToQuantize          the quantized rows, last of all; they live from the op
///                            on that makes the rows, whose workers may quantize at once
/// Fails with an error on an op that has no place in an arena sized by rows.
mlir::FailureOr<llvm::SmallVector<ArenaBuffer>>
collectBuffers(mlir::func::FuncOp function);

/// Gives every buffer an offset so that no two that live at one time overlap;
/// returns the size of the arena, bytes for each row. Largest first, each in
/// the lowest gap that fits: near the optimum in practice and the same every
/// time.
int64_t assignOffsets(llvm::MutableArrayRef<ArenaBuffer> buffers);

/// Scratch that a worker needs, beyond the arena; kernels rely on these.
struct ScratchSizes {
  int64_t fixed;  // bytes
  int64_t perKey; // bytes for each key of the longest source or target
  int64_t perRow; // bytes for each row of a step
};
ScratchSizes scratchSizes();

/// What the kernels rely on: rows that share a pass over the weights (their x, 2 KB
/// each at K = 512, stay in L2 while panel after panel goes by; a multiple of the most
/// rows of a tile), and rows of the encoder that attend together (8 accumulators of
/// AVX2).
inline constexpr int64_t kRowBlock = 48, kAttendRows = 4;
/// Bytes that quantizing leaves of each row beside its values: the f32 that one of them
/// stands for, and the i32 that each of its sums has too much (lower/Linear.cpp).
inline constexpr int64_t kRowRecord = 8;
/// Bytes of one row of activations.
int64_t rowBytes(int64_t width);
/// Bytes of one row as int8-dynamic products read it, at most: i16 values and the
/// record. A multiple of 64.
int64_t quantizedRowBytes(int64_t inputs);
/// The rows that `op` multiplies by int8-dynamic weights, null if it does not. They are
/// quantized once, into a buffer of the first op that multiplies them so.
mlir::Value quantizedInput(mlir::Operation *op);
mlir::Operation *firstToQuantize(mlir::Value rows);

/// Bytes one layer's keys and values take for each position:
/// keys [H][C/16][D][16], values [H][C][round_up(D, 16)], of `element`.
int64_t keyValueBytes(int64_t heads, int64_t headSize, mlir::Type element);
/// What a memory or cache stores keys and values as; null for any other type.
mlir::Type keyElementOf(mlir::Type type);

} // namespace encdec
