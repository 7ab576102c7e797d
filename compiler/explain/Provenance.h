// Which imported ops an op of a later stage stands for. Each imported op gets a number, as
// metadata of its location; passes keep locations (compiler/fuse/README.md), so the numbers
// are found again in every later stage.
#pragma once
#include "mlir/IR/BuiltinOps.h"

namespace encdec::explain {

/// The ops of the module's functions that stand for work, in their order: no constants of
/// the module, no functions.
llvm::SmallVector<mlir::Operation *> workOf(mlir::ModuleOp module);

/// Gives each op of workOf(module) its index there as a number.
void numberOps(mlir::ModuleOp module);

/// The numbers in `location`, ascending, each once.
llvm::SmallVector<int64_t> numbersIn(mlir::Location location);

/// "file.mlir:3:8", where `location` leads to a file; else empty.
std::string placeOf(mlir::Location location);

} // namespace encdec::explain
