// Interpret.h: a module asked in the float64 interpreter, with errors as values.
#pragma once
#include "compiler/run/Run.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Diagnostics.h"

namespace encdec {

/// Collects the errors that are emitted in a context while this object lives.
class ErrorMessages {
public:
  explicit ErrorMessages(mlir::MLIRContext &context);
  /// BadModel with all of them, or `otherwise` if there are none.
  Status status(const char *otherwise) const {
    return badModel(text.empty() ? otherwise : text);
  }
  const std::string &all() const { return text; }

private:
  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// Asks `module`, whose weights are in files of `folder` or seeded.
Result<std::vector<StepAnswer>> interpretModule(mlir::ModuleOp module, const std::string &folder,
                                                const Query &query);

} // namespace encdec
