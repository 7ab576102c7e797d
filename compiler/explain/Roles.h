// What an imported op is for: its part of the textbook's model, its layer, its work.
#pragma once
#include "compiler/explain/Report.h"

namespace encdec::explain {

/// Fills in name, side, layer, role and work of each op of `ops`, given in the same order
/// (workOf). Bytes of weights are those of `placed`, the module after place, or 0.
void describeOps(llvm::ArrayRef<mlir::Operation *> ops, mlir::ModuleOp placed,
                 std::vector<ImportedOp> &described);

/// What fusing the imported `ops` into one saves.
Saving savingOf(llvm::ArrayRef<mlir::Operation *> ops);

} // namespace encdec::explain
