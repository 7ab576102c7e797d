// The one place where dialects, passes and pipelines are registered.
#include "compiler/Register.h"
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "dialect/Dialect.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace encdec {

void registerEncDecDialects(mlir::DialectRegistry &registry) {
  // Dialects of later stages are loaded by the passes that make them
  // (dependentDialects); here stand those that a file may begin with.
  registry.insert<EncDecDialect, mlir::func::FuncDialect>();
}

void registerEncDecPassesAndPipelines() {
  registerEncDecPasses();
  registerEncDecPipelines();
}

} // namespace encdec
