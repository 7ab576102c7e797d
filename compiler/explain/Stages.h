// The IR of a stage as data.
#pragma once
#include "compiler/explain/Report.h"

namespace encdec::explain {

/// "encode" or "step" for an op of an entry; of another function, its name.
std::string entryName(mlir::Operation *op);

/// Adds the ops of `module` as a stage.
void addStage(mlir::ModuleOp module, llvm::StringRef name, llvm::StringRef title,
              Report &report);

/// Adds calls, phases and what totals say of them, of the module whose stage was added last.
void addSchedule(mlir::ModuleOp scheduled, Report &report);

} // namespace encdec::explain
