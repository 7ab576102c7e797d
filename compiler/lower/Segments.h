// Segments: what an entry function does between two barriers, and what that has
// to read and multiply. Nothing depends on it but the profile of a step.
#pragma once
#include "compiler/lower/Target.h"
#include "dialect/Ops.h"

namespace encdec::lower {

/// Keys and values that a kernel call reads: "cache" (of the step), "memory" (of
/// the encoder's output) or "source" (the encoder's own, in the arena).
struct KeysRead {
  llvm::StringRef from;
  int64_t bytes = 0; // of one position; 0 for "source"
  int64_t madds = 0; // of one row with one position
};

/// Collects the segments of one entry function, call by call; Lowering.h says
/// what becomes of them.
class Segments {
public:
  explicit Segments(mlir::func::FuncOp function);

  /// Whether a call that reads `keys` may join the segment under way: one
  /// segment reads keys from one place.
  bool takes(const KeysRead &keys) const;

  /// A call on behalf of `op`, called `name`, that reads `weights`; it begins a
  /// segment if `afterBarrier`.
  void add(mlir::Operation *op, llvm::StringRef name,
           llvm::ArrayRef<WeightOp> weights,
           const KeysRead &keys, bool afterBarrier);

  /// Weights count once, in the first segment that reads them whole, or else
  /// looks them up: the sum over a step is stepWeightBytes.
  mlir::ArrayAttr attribute();

private:
  struct Read {
    WeightOp weight;
    bool whole;      // not looked up row by row
    bool multiplied; // each value once a row
  };
  struct Segment {
    llvm::SmallVector<llvm::StringRef> ops;
    llvm::StringRef side;
    std::optional<int64_t> layer;
    llvm::SmallVector<Read> reads;
    KeysRead keys;
  };
  struct Where {
    llvm::StringRef side;
    std::optional<int64_t> layer;
    bool operator==(const Where &) const = default;
  };
  Where whereOf(llvm::ArrayRef<WeightOp> weights) const;
  llvm::SmallVector<int64_t> weightBytesOfEach() const;

  mlir::func::FuncOp function;
  llvm::SmallVector<Segment> segments;
  Where last;
};

} // namespace encdec::lower
