// Kernel calls in the IR: the encdec_kernel dialect and how passes read it.
#pragma once
#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/DenseMap.h"

#include "compiler/schedule/KernelDialect.h.inc"
#include "compiler/schedule/KernelEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "compiler/schedule/KernelAttributes.h.inc"
#define GET_OP_CLASSES
#include "compiler/schedule/KernelOps.h.inc"

namespace encdec::kernel {

/// Of an entry's argument: the handle that it is (HandleAttr).
inline constexpr llvm::StringLiteral kHandleAttr = "encdec_kernel.handle";
/// Of an entry: bytes of its arena, and of a worker's scratch (SizeAttr), set by
/// plan-memory.
inline constexpr llvm::StringLiteral kArenaAttr = "encdec_kernel.arena";
inline constexpr llvm::StringLiteral kScratchAttr = "encdec_kernel.scratch";
/// Of the module: the target whose kernels the calls name.
inline constexpr llvm::StringLiteral kTargetAttr = "encdec_kernel.target";

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
/// What the caller knows of a value by name: the output that a result goes to; null for
/// other values. Two results of one name are one value.
mlir::StringAttr outputOf(mlir::Value value);
/// The handle that an argument is; null for other values.
HandleAttr handleOf(mlir::Value value);

/// The entries of a module in scheduled form, in its order: functions with encdec.entry.
llvm::SmallVector<mlir::func::FuncOp> entriesOf(mlir::ModuleOp module);
llvm::StringRef entryName(mlir::func::FuncOp function);

/// Formulas, component by component.
SizeAttr sum(SizeAttr a, SizeAttr b);
SizeAttr greatest(SizeAttr a, SizeAttr b);
/// Whether a <= b for all rows and keys.
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

/// Builds one call, operand by operand in the order of the kernel's table: operands,
/// weights, results, numbers.
class CallBuilder {
public:
  /// `serves` is what profiles call it; empty: the kernel's name.
  CallBuilder(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef kernel,
              llvm::StringRef serves = {});

  CallBuilder &read(mlir::Value value, Part part = Part::all, int64_t from = 0);
  CallBuilder &update(mlir::Value value, Part part);
  CallBuilder &write(mlir::Value value, Part part);
  CallBuilder &input(mlir::Value argument, llvm::StringRef name);
  CallBuilder &weight(WeightAttr weight);
  CallBuilder &noWeight(); // the slot of one that is absent
  /// Results: activations of the arena, `bytes` a row; scratch; what goes to the caller.
  CallBuilder &arena(mlir::Type type, int64_t bytes, Mode mode, Part part, int64_t from = 0);
  CallBuilder &scratch(mlir::Type type, SizeAttr size, Mode mode, Part part);
  CallBuilder &output(mlir::Type type, llvm::StringRef name, Part part);
  CallBuilder &number(int64_t number);
  CallBuilder &split(Part kind, int64_t count = 1);
  CallBuilder &madds(int64_t perRow);
  CallBuilder &keys(llvm::StringRef name, int64_t bytes, int64_t madds);
  CallBuilder &config(llvm::StringRef name, mlir::Attribute value);
  CallBuilder &config(llvm::StringRef name, int64_t value);

  CallOp create();

private:
  CallBuilder &result(mlir::Type type, BufferAttr buffer, AccessAttr access);

  mlir::OpBuilder &builder;
  mlir::Location loc;
  std::string kernel, serves;
  llvm::SmallVector<mlir::Value> operands;
  llvm::SmallVector<mlir::Type> types;
  llvm::SmallVector<mlir::Attribute> operandAccesses, resultAccesses, buffers, weights;
  llvm::SmallVector<int64_t> numbers;
  SplitAttr splitting;
  int64_t rowMadds = 0, keyBytes = 0, keyMadds = 0;
  mlir::StringAttr keysName;
  mlir::NamedAttrList settings;
};

} // namespace encdec::kernel
