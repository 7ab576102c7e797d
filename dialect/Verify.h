// The checks that verifiers share: side and size. Each message says expected and got, and
// where the other operand was made.
#pragma once
#include "dialect/Ops.h"

namespace encdec {

/// `what` (a value) must be of the side that `other` (named `otherName`) asks
/// for.
mlir::LogicalResult expectSide(mlir::Operation *op, llvm::StringRef what,
                               mlir::Value value, Side expected,
                               mlir::Value other, llvm::StringRef otherName,
                               llvm::StringRef why);

/// The one shape check: a size of `what` against the size that `other` asks for.
mlir::LogicalResult expectSize(mlir::Operation *op, const llvm::Twine &what,
                               int64_t got, int64_t expected, mlir::Value other,
                               llvm::StringRef otherName);

} // namespace encdec
