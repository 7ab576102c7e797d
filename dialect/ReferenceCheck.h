// What the reference interpreter asks of a function and of values before it
// computes with them, so that no module of verified IR makes it read what is
// not there.
#pragma once
#include "dialect/Interpreter.h"

namespace encdec::reference {

/// Whether one row of a value of `type`, or all of a weight, has at most 2^30
/// numbers. Emits an error where it has more.
mlir::LogicalResult checkSize(mlir::Location loc, mlir::Type type);

/// Whether the interpreter can run `function`: a body of one block, arguments
/// of types that have values, no value too large. Emits an error where it
/// cannot.
mlir::LogicalResult checkFunction(mlir::func::FuncOp function);

/// Whether there is one value for each argument, and it fits. Emits an error
/// where not.
mlir::LogicalResult checkArguments(mlir::func::FuncOp function,
                                   llvm::ArrayRef<Value> values);

/// Whether `value` is one of `type`: its kind, its rank and its static sizes.
bool fits(mlir::Type type, const Value &value);

/// Whether the operands of `op` that hold something for each row hold it for as
/// many rows. Emits an error where they do not.
mlir::LogicalResult
checkRows(mlir::Operation *op,
          llvm::function_ref<const Tensor &(mlir::Value)> tensorOf);

} // namespace encdec::reference
