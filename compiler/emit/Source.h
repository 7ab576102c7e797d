// Where the module of a compilation comes from: a checkpoint's folder, or a file of IR.
#pragma once
#include "compiler/emit/Compile.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"

namespace encdec {

/// The errors that a context emits while this lives; its warnings go to `warnings`, where they
/// are wanted.
class Errors {
public:
  explicit Errors(mlir::MLIRContext &context, std::vector<std::string> *warnings = nullptr);
  /// `what`, and the errors so far with their files, lines and columns.
  Status status(Code code, const std::string &what) const;

private:
  std::string messages;
  mlir::ScopedDiagnosticHandler handler;
};

/// The module of `options.ir`, or the one that `folder` is imported as. Switches the threads
/// of `context` off.
Result<mlir::OwningOpRef<mlir::ModuleOp>> readSource(mlir::MLIRContext &context,
                                                     const std::string &folder,
                                                     const CompileOptions &options,
                                                     std::vector<std::string> &warnings);

/// Whether the weights of `module` have their places already, so that only its schedule is
/// wanting; an error where it is past that, or `options` ask for what comes before.
Result<bool> isPlaced(mlir::ModuleOp module, const CompileOptions &options);

} // namespace encdec
