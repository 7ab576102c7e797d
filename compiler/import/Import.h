// Import.h: from a Hugging Face checkpoint folder to a module of plain ops.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace encdec {

struct ImportOptions {
  /// Warnings become errors.
  bool strict = false;
  /// An architecture file (README.md of this folder) to read the checkpoint by, instead of
  /// the built-in one for its model_type; empty for none.
  std::string familyFile = {};
  /// The longest source and target of a family without a limit of its own; 0 for what the
  /// configuration says.
  uint64_t maxSourceTokens = 0;
};

/// How an import went: `status` says whether and why it failed.
struct ImportReport {
  Status status;
  std::vector<std::string> warnings;
};

/// Reads config.json, generation_config.json and the headers of the safetensors
/// files in `folder`; weights stay in their files, the module names them.
///
/// The module holds one encdec.weight per table, `func.func @encode` and
/// `func.func @step` in decomposed form, and two dictionaries: encdec.model
/// (sizes) and encdec.generation (decoding defaults; keys and values as in the bundle's
/// manifest). It is verified. Null on failure, with
/// `report.status` saying why. Loads the dialects it needs into `context`;
/// keeps no state; calls with different contexts may run at the same time.
mlir::OwningOpRef<mlir::ModuleOp> importCheckpoint(mlir::MLIRContext &context,
                                                   llvm::StringRef folder,
                                                   const ImportOptions &options,
                                                   ImportReport &report);

} // namespace encdec
