// The target seam: lowering asks for kernels by meaning and shape, and knows
// nothing of the machine that will run them. CPUs are its one implementation.
#pragma once
#include "dialect/Ops.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace encdec::lower {

/// How a matrix is stored and multiplied; a kind fixes its arithmetic.
enum class WeightKind {
  f32,
  bf16,        // widened in registers
  int8,        // widened in registers, f32 activations
  int8Dynamic, // int8 activations, a scale per row; sums of whole numbers
};
/// As in kernel names: f32, bf16, i8, i8d.
llvm::StringRef nameOf(WeightKind kind);
WeightKind kindOf(WeightOp weight);
/// Bytes of one weight, and how many along K lie beside each other.
inline int64_t bytesOf(WeightKind kind) {
  return kind == WeightKind::f32 ? 4 : kind == WeightKind::bf16 ? 2 : 1;
}
inline int64_t groupOf(WeightKind kind) {
  return kind == WeightKind::int8Dynamic ? 4 : 1;
}
inline bool isInt8(WeightKind kind) { return bytesOf(kind) == 1; }
inline bool hasDynamic(llvm::ArrayRef<WeightKind> kinds) {
  return llvm::is_contained(kinds, WeightKind::int8Dynamic);
}

/// A linear tile: accumulators for `rows` rows by up to `panels` panels of 16
/// columns, a power of two.
struct TileShape {
  int64_t rows, panels;
};

/// How the products of int8Dynamic are summed (Linear.cpp).
enum class Dot {
  Pairs, // two i16 of each, to one i32
  Quads  // four u8 and four i8, to one i32
};

/// What the kernels of one CPU level look like. The level decides registers and
/// tiles only, never the order of operations within one output element.
struct CpuLevel {
  llvm::StringRef name; // as in the bundle and in --cpu
  int64_t lanes;        // f32 lanes of one register
  /// One tile for each number of rows, from the most down to 1.
  llvm::ArrayRef<TileShape> f32Tiles, int8Tiles;
  Dot dot;
  /// LLVM's name of it, on whole registers; empty where pairs take several
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

/// x [R, inputs] times several weights [outputs[i], inputs], each perhaps
/// followed by an activation.
struct LinearShape {
  int64_t inputs;
  llvm::SmallVector<int64_t> outputs;
  llvm::SmallVector<WeightKind> kinds; // one per output
  std::optional<ActivationKind> activation;
};

/// x [R, inputs] times a vocabulary's weight [columns, inputs].
struct VocabularyShape {
  int64_t inputs;
  int64_t columns;
  WeightKind kind;
  std::optional<WeightKind> sketch = std::nullopt; // int8
  /// `kernel` for this shape.
  std::string name(llvm::StringRef kernel) const;
};

/// How keys and values are stored between calls; bf16 is rounded when written.
enum class KeyKind { f32, bf16 };
/// As in kernel names: nothing for f32, _bf16.
llvm::StringRef nameOf(KeyKind kind);

struct AttentionShape {
  int64_t heads;
  int64_t headSize;
  KeyKind keys = KeyKind::f32; // of the cache or memory; encode's own are f32
  int64_t width() const { return heads * headSize; }
  int64_t paddedHeadSize() const { return (headSize + 15) / 16 * 16; }
  /// Bytes of one layer's keys, and keys and values, of one position.
  int64_t elementBytes() const { return keys == KeyKind::f32 ? 4 : 2; }
  int64_t keyBytes() const { return width() * elementBytes(); }
  int64_t bytesPerKey() const {
    return keyBytes() + heads * paddedHeadSize() * elementBytes();
  }
};

/// What a handle holds.
template <typename Handle> AttentionShape shapeOf(Handle type) {
  return {type.getHeads(), type.getHeadSize(),
          type.getElement().isBF16() ? KeyKind::bf16 : KeyKind::f32};
}

/// The kernels of one target. Each function hands out the kernel for a shape,
/// making it on first request, so that layers of one shape share one body.
///
/// A kernel is func.func(frame: !llvm.ptr, table: !llvm.ptr), run by all
/// workers of a call, each doing its share. `frame` is what encode and step
/// prepare (Frame.h); `table` holds what differs from layer to layer: int32
/// entries, each counting 64 bytes, in the order given beside each function.
/// "place" entries are relative to the arena, "weight" entries to the weights
/// section (-1: none). No kernel contains a barrier, unless it says so.
class KernelLibrary {
public:
  virtual ~KernelLibrary() = default;

  /// Rows as products with int8Dynamic weights read them.
  /// table: place x, place of the quantized rows (Arena.h).
  virtual mlir::func::FuncOp quantize(int64_t inputs) = 0;
  /// y = scale * table[token] + positions[position].
  /// table: weight, its scales, position weight or -1, place y.
  virtual mlir::func::FuncOp embed(int64_t width, int64_t vocabulary,
                                   WeightKind kind, float scale) = 0;
  /// table: place x, the place of its quantized rows where a kind is int8Dynamic,
  /// then for each output: weight, scales, bias, place y.
  virtual mlir::func::FuncOp linear(const LinearShape &shape) = 0;
  /// table: place x, place y.
  virtual mlir::func::FuncOp activation(int64_t width, ActivationKind kind) = 0;
  /// table: place x, place y, place of the sum.
  virtual mlir::func::FuncOp add(int64_t width) = 0;
  /// y = norm(x) or norm(x + residual).
  /// table: place x, place residual (where there is one), gamma, beta, place y.
  virtual mlir::func::FuncOp norm(int64_t width, float eps, bool residual) = 0;

  /// Keys and values of this step's rows into the cache; same share of work as
  /// selfAttention, so that no barrier is needed between the two.
  /// table: place k, place v, layer (bytes per key before this layer).
  virtual mlir::func::FuncOp cacheAppend(const AttentionShape &shape) = 0;
  /// table: place q, layer, place y.
  virtual mlir::func::FuncOp selfAttention(const AttentionShape &shape,
                                           float scale) = 0;
  /// `layer` is also a plain number: index of this layer's probs, -1 for none.
  /// table: place q, layer, place y, number of the cross-attention.
  virtual mlir::func::FuncOp crossAttention(const AttentionShape &shape,
                                            float scale) = 0;
  /// Keys and values of all source tokens to blocked form.
  /// table: place k, place v, place blocked k, place blocked v.
  virtual mlir::func::FuncOp blockKeys(const AttentionShape &shape) = 0;
  /// table: place q, place blocked k, place blocked v, place y.
  virtual mlir::func::FuncOp encoderAttention(const AttentionShape &shape,
                                              float scale) = 0;
  /// Keys and values of one cross-attention, into the memory.
  /// table: place x (and quantized, as above), weight, scales, bias of k, of v,
  /// place k, place v, layer.
  virtual mlir::func::FuncOp memoryProject(const AttentionShape &shape,
                                           const LinearShape &linear) = 0;

  /// Block results of 128 columns each; a barrier and mergeVocabulary follow.
  /// table: place x (and quantized, as above), weight, scales, bias, place of the
  /// block results, and where there is a sketch, it and its scales.
  virtual mlir::func::FuncOp vocabulary(const VocabularyShape &shape) = 0;
  /// Between the two where there is a sketch: what it leaves open. The same table.
  virtual mlir::func::FuncOp chooseVocabulary(const VocabularyShape &shape) = 0;
  /// The same from stored logits. table: place logits, place of block results.
  virtual mlir::func::FuncOp topTokens(int64_t columns) = 0;
  /// Block results to out_tokens and out_log_probs. table: place of block
  /// results.
  virtual mlir::func::FuncOp mergeVocabulary(int64_t columns) = 0;

  /// Waits for all workers. func.func(frame).
  virtual mlir::func::FuncOp barrier() = 0;
};

} // namespace encdec::lower
