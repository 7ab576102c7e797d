// The CPU's kernels. One class, its bodies in a file per family (README.md).
#pragma once
#include "compiler/cpu/Choices.h"
#include "compiler/cpu/Levels.h"
#include "compiler/lower/Frame.h"
#include "compiler/lower/KernelBuilder.h"
#include "compiler/place/Layout.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace encdec::cpu {

struct RowProgram;
using lower::Frame;
using lower::KernelBuilder;
using lower::Val;
using lower::Vals;

/// kRowBlock rows share a pass over the weights: their x, 2 KB each at K = 512, stays in
/// L2 while panel after panel goes by; a multiple of the most rows of a tile. kAttendRows
/// rows of one source attend together, with 8 accumulators of AVX2.
inline constexpr int64_t kRowBlock = 48, kAttendRows = 4;
/// The most buckets of a relative bias: they stand in the code.
inline constexpr int64_t kMostBuckets = 1024;
/// Bytes of a quantized row's record, beside its values: its f32 scale and the i32
/// zero-point correction of its sums (Linear.cpp).
inline constexpr int64_t kRowRecord = 8;
/// Bytes of one row of activations.
inline int64_t rowBytes(int64_t width) { return rowStride(width) * 4; }
/// Bytes of one quantized row, at most: i16 values and the record. A multiple of 64.
inline int64_t quantizedRowBytes(int64_t inputs) {
  return roundUp(rowStride(inputs) * 2 + kRowRecord, 64);
}

/// Whether a block has all 128 columns, or fewer at the end of the vocabulary.
enum class Extent { Whole, Part };

/// The rows of a row block, split evenly into as few tiles as can hold them: 8 rows are
/// 4 and 4, since 6 and 2 would read the weights as often for less work each time. The
/// first `larger` tiles have `least` + 1 rows, the others `least`.
struct RowSplit {
  Val least, larger, tiles;
};
RowSplit splitRows(Val rows, llvm::ArrayRef<TileShape> shapes);

/// Hands out the kernel for a shape, making it on first request. The comment of each
/// function lists the entries of the kernel's table (compiler/lower/Target.h) in order;
/// "quantized x" is an entry only where a weight is int8Dynamic. Select.cpp says what
/// each kernel reads and writes.
class CpuKernels {
public:
  /// Kernels are added to the end of `module`, private. Both outlive this.
  CpuKernels(mlir::ModuleOp module, const CpuLevel &level);

  /// Rows as products with int8Dynamic weights read them: x, quantized rows.
  mlir::func::FuncOp quantize(int64_t inputs);
  /// y = scale * table[token] + positions[position]: weight, its scales, position weight
  /// or -1, y.
  mlir::func::FuncOp embed(int64_t width, WeightKind kind, float scale);
  /// x, quantized x; for each output weight, scales, bias; for each output y.
  mlir::func::FuncOp linear(const LinearShape &shape);
  /// x, other (where there is one), y.
  mlir::func::FuncOp elementwise(int64_t width, const Elementwise &what);
  /// Steps on blocks of rows: operands; of each linear weight, scales, bias, of each norm
  /// gamma, beta or -1; results; scratch, if there is any.
  mlir::func::FuncOp rowProgram(const RowProgram &program, llvm::StringRef name);
  /// Rows to out_states, where the caller asks for them: x.
  mlir::func::FuncOp states(int64_t width);
  /// y = norm(x) or norm(x + residual): x, residual (where there is one), gamma, beta or -1,
  /// y, sum (where it is kept).
  mlir::func::FuncOp norm(const NormShape &shape);

  /// Keys and values of this step's rows into the cache: k, v, cache.
  mlir::func::FuncOp cacheAppend(const AttentionShape &shape);
  /// The bias of each distance that a call needs, by one worker: table, bias.
  mlir::func::FuncOp relativeBias(const BiasShape &shape);
  /// q, cache, bias (where there is one), y, scores.
  mlir::func::FuncOp selfAttention(const AttentionShape &shape, float scale,
                                   Bias bias = Bias::none);
  /// q, memory, y, scores, number of the cross-attention (whose probabilities go there).
  mlir::func::FuncOp crossAttention(const AttentionShape &shape, float scale);
  /// Keys and values of all source tokens to blocked form: k, v, blocked k, blocked v.
  mlir::func::FuncOp blockKeys(const AttentionShape &shape);
  /// q, blocked k, blocked v, bias (where there is one), y, scores.
  mlir::func::FuncOp encoderAttention(const AttentionShape &shape, float scale,
                                      Bias bias = Bias::none);
  /// Keys and values of one cross-attention, into the memory: x, quantized x, memory;
  /// weight, scales, bias of k, of v; k, v.
  mlir::func::FuncOp memoryProject(const AttentionShape &shape,
                                   const LinearShape &linear);

  /// Records of blocks of 128 columns, and lists of the best tokens: x, quantized x;
  /// weight, scales, bias, and where there is a sketch, sketch and its scales; records,
  /// lists, logits of a block.
  mlir::func::FuncOp vocabulary(const VocabularyShape &shape);
  /// Multiplies the candidate blocks that a sketch leaves, between vocabulary and merge:
  /// x, records, lists; weight, scales, bias, sketch, its scales; logits of a block.
  mlir::func::FuncOp chooseVocabulary(const VocabularyShape &shape);
  /// As vocabulary, from stored logits: logits, records, lists.
  mlir::func::FuncOp topTokens(int64_t columns);
  /// Records and lists to out_tokens and out_log_probs: records, lists.
  mlir::func::FuncOp mergeVocabulary(int64_t columns);

  // --- Building blocks, public for the tests.

  /// tile(x, ldx, records, w, K, scales, bias, y, ldy, distance, step): `rows` rows by
  /// `panels` panels. Strides are in bytes, K in groups. For int8Dynamic x and records
  /// are the output of quantize; scales are for the int8 kinds, bias is null where there
  /// is none. A tile that prefetches does so `distance` bytes from its own weights, and
  /// `step` bytes further in each step along K.
  mlir::func::FuncOp linearTile(int64_t rows, int64_t panels, WeightKind kind);
  /// block(x, ldx, records, rows, w, K, scales, bias, y, ldy, first, last): panels
  /// [first, last) of all rows. Every pointer is that of panel 0.
  mlir::func::FuncOp linearBlock(WeightKind kind);
  /// elementwise(x, other, y, ld, rows, first, last): panels [first, last) of y, which may
  /// be x.
  mlir::func::FuncOp elementwise(const Elementwise &what);
  /// normRows(x, residual, gamma, beta, y, sums, rows): rows that lie end to end; sums are y
  /// where none are kept, and y may be x or residual.
  mlir::func::FuncOp normRows(const NormShape &shape);
  /// quantizeRows(x, values, rows, first, last): rows [first, last) of `rows`, whose records
  /// follow the values of all.
  mlir::func::FuncOp quantizeRows(int64_t inputs);
  // Each of these may have a last argument, bias: what is added to the score of key 0, the
  // ones of the next keys behind it.
  /// attend(q, keys, values, count, scores, y, probs): one row and one head.
  mlir::func::FuncOp attend(int64_t headSize, KeyKind kind, float scale, bool biased = false);
  /// attendTile(q, ldq, keys, values, count, scores, y, ldy): kAttendRows rows, which follow
  /// each other in their source: the bias is that of the first row, and begins one distance
  /// earlier for each next one.
  mlir::func::FuncOp attendTile(int64_t headSize, KeyKind kind, float scale,
                                bool biased = false);
  /// attendScattered(q, keys, values, stride, ancestors, count, scores, y): the same
  /// where key j lies ancestors[j] * stride bytes further.
  mlir::func::FuncOp attendScattered(int64_t headSize, KeyKind kind, float scale,
                                     bool biased = false);
  /// attendPast(…), with the arguments of attendScattered: attend where a row's whole
  /// past lies in one slot, else attendScattered.
  mlir::func::FuncOp attendPast(int64_t headSize, KeyKind kind, float scale,
                                bool biased = false);

  /// insert(list, top, biased, logit, token): into a row's list of its best tokens.
  mlir::func::FuncOp insertTop();
  /// scan(logits, bias, first column, panels, V, record, bytes between record
  /// fields, list, top): one block of one row; see Vocabulary.cpp.
  mlir::func::FuncOp scanBlock(Extent extent);

  /// Bytes between two quantized rows of `inputs`.
  int64_t quantizedStride(int64_t inputs) const;

  using Body = llvm::function_ref<void(KernelBuilder &, llvm::ArrayRef<Val>)>;
  /// The function `name`, with `body` if it does not exist yet.
  mlir::func::FuncOp define(llvm::StringRef name,
                            llvm::ArrayRef<mlir::Type> arguments, Body body);

private:
  using KernelBody = llvm::function_ref<void(KernelBuilder &, Frame &)>;
  /// The same for func.func(frame, table).
  mlir::func::FuncOp defineKernel(llvm::StringRef name, KernelBody body);

  struct LinearOperands {
    Val x, ldx, records, rows, weight, scales, bias, y, ldy;
  };
  /// Sets x, ldx, records and rows of `o` for a product of `kind`.
  void emitInput(KernelBuilder &k, Frame &f, LinearOperands &o, int64_t inputs,
                 WeightKind kind);
  Val storeQuads(KernelBuilder &k, Val values, Val to, Val stride);
  /// Calls linearBlock on panels [first, last).
  void emitLinear(KernelBuilder &k, const LinearOperands &o, int64_t inputs,
                  WeightKind kind, Val first, Val last);

  /// Where scanning puts its results: the records of all rows, and this worker's lists of
  /// the best tokens of all rows.
  struct Scan {
    Val records, lists, top;
  };
  void emitScan(KernelBuilder &k, Frame &f, int64_t columns, Val block, Val row,
                Val logits, Val record, Val arrayBytes, const Scan &scan);

  /// What vocabulary and chooseVocabulary work on; entry() runs over their tables.
  struct VocabularyOperands {
    VocabularyShape shape;
    LinearOperands all;       // all rows, all columns; y is not set
    Val sketch, sketchScales; // where there is one
    Scan scan;
    Val scratch; // room for the logits of kRowBlock rows of a block
    /// Reads weight, scales, bias, sketch and its scales from table entry `first` on;
    /// returns the entry after them.
    int64_t readWeights(Frame &f, int64_t first);
  };
  void emitBlock(KernelBuilder &k, Frame &f, const VocabularyOperands &v, Val block,
                 llvm::function_ref<Val(Val)> recordOf, Val arrayBytes);
  /// Sketch.cpp.
  Val wantsChoice(KernelBuilder &k, Frame &f);
  void emitSketch(KernelBuilder &k, Frame &f, const VocabularyOperands &v);

  mlir::ModuleOp module;
  CpuLevel level;
  Choices choices;
  mlir::Type ptr, i64;
};

} // namespace encdec::cpu
