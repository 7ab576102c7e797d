// Reading IR with the names that its values have in the text.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace encdec {

/// Reads a module from `file`, text or bytecode ("-" for standard input). MLIR's parser drops
/// the names of values; here each op whose results have names in the text is located at
/// NameLoc("l0.cross.o", file:line:column), as an imported one is, and so prints under them.
/// Null after a diagnostic at its line and column. The dialects of the file are registered in
/// `context`.
mlir::OwningOpRef<mlir::ModuleOp> readModule(llvm::StringRef file, mlir::MLIRContext *context);

/// Names the ops below `root` that were parsed from `text`, where `file` is the name that their
/// locations give it. Ops with other locations keep those.
void nameValues(mlir::Operation *root, llvm::StringRef file, llvm::StringRef text);

} // namespace encdec
