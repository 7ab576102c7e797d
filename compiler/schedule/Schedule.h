// What passes ask of entries in scheduled form: accesses and their owners, formulas of
// bytes, handles, the memory plan.
#pragma once
#include "compiler/schedule/Kernel.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/DenseMap.h"

namespace encdec::kernel {

/// One operand or result of a call, and what the call does with it.
struct Access {
  CallOp call;
  mlir::Value value;
  AccessAttr how;
};
/// All of them, operands first.
llvm::SmallVector<Access> accessesOf(CallOp call);

/// The weights that a call reads, without empty slots.
llvm::SmallVector<WeightAttr> weightsOf(CallOp call);

/// Whether only one worker ever touches an element by this access: the part is the
/// worker's own, one worker's, or made of units of the call's split.
bool isExclusive(const Access &access);
/// Whether each element that both touch is touched by one and the same worker, where
/// both are accesses of one value.
bool haveSameOwner(const Access &a, const Access &b);
/// What a result needs, and where it lies; null for other values.
BufferAttr bufferOf(mlir::Value value);
/// What the caller knows of a value by name: the output that a result goes to; null for
/// other values.
mlir::StringAttr outputOf(mlir::Value value);
/// The same for what is one value: a value and itself, two results that go to one output.
const void *identityOf(mlir::Value value);
/// The handle that an argument is; null for other values.
HandleAttr handleOf(mlir::Value value);

/// The entries of a module in scheduled form, in its order: functions with encdec.entry.
llvm::SmallVector<mlir::func::FuncOp> entriesOf(mlir::ModuleOp module);
llvm::StringRef entryName(mlir::func::FuncOp function);
/// The number of the list of tokens that a step chooses among; 0: the whole vocabulary.
int64_t shortlistOf(mlir::func::FuncOp entry);
/// The least rows that an entry is for; null: any number.
RowsFromAttr rowsFrom(mlir::func::FuncOp entry);
/// Of each entry's variants by range of rows, the variant that runs for `rowsOf(name)` rows on
/// `workers` workers. Steps of shortlists are left out.
llvm::SmallVector<mlir::func::FuncOp> entriesFor(mlir::ModuleOp module,
                                                 llvm::function_ref<int64_t(llvm::StringRef)> rowsOf,
                                                 int64_t workers);

/// Formulas, component by component.
SizeAttr sum(SizeAttr a, SizeAttr b);
SizeAttr greatest(SizeAttr a, SizeAttr b);
/// Whether a <= b for all R >= 1 and K >= 16.
bool isAtMost(SizeAttr a, SizeAttr b);

/// Bytes per key of the handles that lie before a handle argument, by that argument.
/// Handles are laid out in the order of the step's arguments; a handle of another entry is
/// the step's handle with the same encdec.arg.
using HandleOffsets = llvm::DenseMap<mlir::Value, int64_t>;
/// Fails with an error where a handle of one name differs between entries.
mlir::FailureOr<HandleOffsets> handleOffsets(mlir::ModuleOp module);

/// State and scratch of a scheduled module, as the ABI's formulas state them.
struct MemoryPlan {
  SizeAttr encodeArena, stepArena, scratch;
  int64_t memoryPerKey = 0, cachePerKey = 0; // bytes, all handles of the step
};
/// Fails with an error at an entry that plan-memory has not seen.
mlir::FailureOr<MemoryPlan> memoryPlanOf(mlir::ModuleOp module);

} // namespace encdec::kernel
