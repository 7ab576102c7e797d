// Reads IR of a file so that its ops have the names that they have there.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace encdec::explain {

/// The module in `file` ("-": standard input), verified. The location of an op with results
/// is a NameLoc of the first one's name at the op's place in the file. Null on failure, with
/// diagnostics on the context.
mlir::OwningOpRef<mlir::ModuleOp> readIr(mlir::MLIRContext &context, llvm::StringRef file);

} // namespace encdec::explain
