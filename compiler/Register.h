// Registers all dialects, passes and pipelines of encdec with a tool.
#pragma once
#include "mlir/IR/DialectRegistry.h"

namespace encdec {

/// Adds the dialects that encdec's IR may hold, at any stage, to `registry`.
void registerEncDecDialects(mlir::DialectRegistry &registry);

/// Registers the passes of Passes.td and the pipelines of Pipelines.h by name.
/// Process-wide, as MLIR's registry
/// is: call once, from a tool's main.
void registerEncDecPassesAndPipelines();

/// These, and MLIR's own that our pipelines use or a user may add: canonicalize, cse, …;
/// convert-vector-to-llvm, …. So a dumped pipeline can be run again.
void registerAllPasses();

} // namespace encdec
