// The CPU's kernels. One class, its bodies in a file per family (README.md).
#pragma once
#include "compiler/lower/Frame.h"
#include "compiler/lower/KernelBuilder.h"
#include "compiler/lower/Target.h"
#include "compiler/place/Arena.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>

namespace encdec::lower {

/// Of a block of columns: all of it, or what is left at the end.
enum class Extent { Whole, Part };

/// Rows are dealt evenly to as few tiles as can hold them: 8 are 4 and 4, where 6
/// and 2 would read the weights as often and multiply less for it. `larger` tiles
/// have a row more than the others, and come first.
struct Deal {
  Val least, larger, tiles;
};
Deal deal(Val rows, llvm::ArrayRef<TileShape> shapes);

class CpuKernels : public KernelLibrary {
public:
  /// Kernels are added to the end of `module`, private. Both outlive this.
  CpuKernels(mlir::ModuleOp module, const CpuLevel &level);

  mlir::func::FuncOp quantize(int64_t inputs) override;
  mlir::func::FuncOp embed(int64_t width, int64_t vocabulary, WeightKind kind,
                           float scale) override;
  mlir::func::FuncOp linear(const LinearShape &shape) override;
  mlir::func::FuncOp activation(int64_t width, ActivationKind kind) override;
  mlir::func::FuncOp add(int64_t width) override;
  mlir::func::FuncOp norm(int64_t width, float eps, bool residual) override;
  mlir::func::FuncOp cacheAppend(const AttentionShape &shape) override;
  mlir::func::FuncOp selfAttention(const AttentionShape &shape,
                                   float scale) override;
  mlir::func::FuncOp crossAttention(const AttentionShape &shape,
                                    float scale) override;
  mlir::func::FuncOp blockKeys(const AttentionShape &shape) override;
  mlir::func::FuncOp encoderAttention(const AttentionShape &shape,
                                      float scale) override;
  mlir::func::FuncOp memoryProject(const AttentionShape &shape,
                                   const LinearShape &linear) override;
  mlir::func::FuncOp vocabulary(const VocabularyShape &shape) override;
  mlir::func::FuncOp chooseVocabulary(const VocabularyShape &shape) override;
  mlir::func::FuncOp topTokens(int64_t columns) override;
  mlir::func::FuncOp mergeVocabulary(int64_t columns) override;
  mlir::func::FuncOp barrier() override;

  // --- Building blocks, public for the tests.

  /// tile(x, ldx, records, w, K, scales, bias, y, ldy, ahead, step): `rows` rows by
  /// `panels` panels. Strides in bytes; K in groups; x and records are what quantize left
  /// for int8Dynamic; scales are for int8 only, bias null where there is none. Where it
  /// asks for weights, it is `ahead` bytes from each panel on; of several tiles each
  /// goes `step` bytes further for each k.
  mlir::func::FuncOp linearTile(int64_t rows, int64_t panels, WeightKind kind);
  /// block(x, ldx, records, rows, w, K, scales, bias, y, ldy, first, last): panels
  /// [first, last) of all rows. Every pointer is that of panel 0.
  mlir::func::FuncOp linearBlock(WeightKind kind);
  /// activate(y, ldy, rows, first, last): panels in place.
  mlir::func::FuncOp activatePanels(ActivationKind kind);
  /// attend(q, keys, values, count, scores, y, probs): one row and one head.
  mlir::func::FuncOp attend(int64_t headSize, KeyKind kind, float scale);
  /// attendTile(q, ldq, keys, values, count, scores, y, ldy): kAttendRows rows.
  mlir::func::FuncOp attendTile(int64_t headSize, KeyKind kind, float scale);
  /// attendScattered(q, keys, values, stride, ancestors, count, scores, y): the same
  /// where key j lies ancestors[j] * stride bytes further.
  mlir::func::FuncOp attendScattered(int64_t headSize, KeyKind kind, float scale);
  /// attendPast(…): whichever of attend and attendScattered is right.
  mlir::func::FuncOp attendPast(int64_t headSize, KeyKind kind, float scale);

  /// insert(list, top, biased, logit, token): into a row's list of its best.
  mlir::func::FuncOp insertTop();
  /// scan(logits, bias, first column, panels, V, record, bytes between record
  /// fields, list, top): one block of one row; see Vocabulary.cpp.
  mlir::func::FuncOp scanBlock(Extent extent);

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
  int64_t quantizedStride(int64_t inputs) const;
  Val storeQuads(KernelBuilder &k, Val values, Val to, Val stride);
  /// Calls linearBlock on panels [first, last), then the activation, if any.
  void emitLinear(KernelBuilder &k, const LinearOperands &o, int64_t inputs,
                  WeightKind kind, std::optional<ActivationKind> activation,
                  Val first, Val last);

  /// Where scanning leaves what it finds: records of all rows, this worker's
  /// lists of all rows.
  struct Scan {
    Val records, lists, top;
  };
  void emitScan(KernelBuilder &k, Frame &f, int64_t columns, Val block, Val row,
                Val logits, Val record, Val arrayBytes, const Scan &scan);

  /// The table of vocabulary and chooseVocabulary.
  struct VocabularyOperands {
    VocabularyOperands(CpuKernels &kernels, KernelBuilder &k, Frame &f,
                       const VocabularyShape &shape);
    VocabularyShape shape;
    LinearOperands all;       // all rows, all columns; y is not set
    Val sketch, sketchScales; // where there is one
    Scan scan;
    Val scratch; // behind the lists: room for kRowBlock rows of a block
  };
  void emitBlock(KernelBuilder &k, Frame &f, const VocabularyOperands &v, Val block,
                 llvm::function_ref<Val(Val)> recordOf, Val arrayBytes);
  /// Sketch.cpp.
  Val wantsChoice(KernelBuilder &k, Frame &f);
  void emitSketch(KernelBuilder &k, Frame &f, const VocabularyOperands &v);

  mlir::ModuleOp module;
  CpuLevel level;
  mlir::Type ptr, i64;
};

} // namespace encdec::lower
