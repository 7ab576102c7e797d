// Building the body of an entry function: the frame, kernel calls with their
// tables, barriers between them.
#pragma once
#include "compiler/lower/Frame.h"
#include "compiler/lower/Segments.h"
#include "compiler/lower/Target.h"
#include "dialect/Ops.h"
#include "llvm/ADT/DenseMap.h"

namespace encdec::lower {

class Table;

/// Whether a kernel call waits for what came before.
enum class Barrier { Before, None };

/// Writes the entry function `symbol` for `function`, op by op. Errors are
/// diagnostics at the op.
class Emitter {
public:
  Emitter(mlir::func::FuncOp function, llvm::StringRef symbol,
          KernelLibrary &kernels);

  /// Frame and handles. Fails where the function's arguments are not
  /// understood.
  mlir::LogicalResult begin();
  /// Ends the function; what it does between its barriers.
  mlir::ArrayAttr end();

  /// Calls `kernel` with `table`, after a barrier unless nothing came before or
  /// the caller knows that each worker reads only what it wrote.
  mlir::LogicalResult call(Table &table, mlir::func::FuncOp kernel,
                           Barrier barrier = Barrier::Before);
  /// The op whose kernel was called last, and that kernel; null before the
  /// first.
  mlir::Operation *last() const { return lastOp; }
  mlir::func::FuncOp lastKernel() const { return lastFunction; }

  /// The weight called `name`; null after an error at `op`.
  WeightOp weight(mlir::Operation *op, mlir::FlatSymbolRefAttr name);

private:
  friend class Table;
  mlir::LogicalResult addHandles();
  Val encoderUnits(Frame &frame);

  mlir::func::FuncOp function, entry;
  KernelLibrary &kernels;
  KernelBuilder k;
  Val frame;
  /// Bytes a key before this layer, for each memory and cache argument.
  llvm::DenseMap<mlir::Value, int64_t> layers;
  mlir::Operation *lastOp = nullptr;
  mlir::func::FuncOp lastFunction;
  int64_t calls = 0;
  Segments segments;
};

/// encdec.place of `op`, entry `i`; nothing where there is none.
std::optional<int64_t> placeOf(mlir::Operation *op, size_t i);
/// Where `rows` lies; nothing where no op makes them or has a place for them.
std::optional<int64_t> placeOf(mlir::Value rows);
/// How many entries there are.
size_t placeCount(mlir::Operation *op);

/// The table of one kernel call. Adding never fails loudly: the first error is
/// reported at the op and call() then fails.
class Table {
public:
  /// `name` is what the profile calls it; none: the op's own.
  Table(Emitter &emit, mlir::Operation *op, llvm::StringRef name = {})
      : emit(emit), op(op),
        name(name.empty() ? op->getName().stripDialect() : name) {}

  /// Where `rows` lies in the arena.
  void addPlace(mlir::Value rows);
  /// Entry `i` of the op's own encdec.place, or of that of `owner`.
  void addExtraPlace(size_t i, mlir::Operation *owner = nullptr);
  /// Offsets of a matrix and its scales (-1 for f32).
  WeightKind addWeight(mlir::FlatSymbolRefAttr name);
  /// Offset of a vector, -1 for null.
  void addVector(mlir::FlatSymbolRefAttr name);
  /// The same as addWeight, of a weight that not every call reads: it does not count
  /// for what the call reads.
  WeightKind addUncounted(mlir::FlatSymbolRefAttr name);
  void addLayer(mlir::Value handle);
  void addNumber(int64_t number);
  /// Not an entry: the call reads these keys and values.
  void readsKeys(llvm::StringRef from, const AttentionShape &shape);

private:
  friend class Emitter;
  void addOffset(int64_t bytes);
  mlir::LogicalResult addOffsetOf(mlir::Operation *at,
                                  std::optional<int64_t> bytes,
                                  llvm::StringRef what);

  Emitter &emit;
  mlir::Operation *op;
  llvm::StringRef name;
  llvm::SmallVector<int32_t> entries;
  llvm::SmallVector<WeightOp> weights; // behind the entries
  KeysRead keys;
  bool failed = false;
};

} // namespace encdec::lower
