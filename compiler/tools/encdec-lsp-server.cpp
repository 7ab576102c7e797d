// A language server for encdec IR: an editor shows errors while a file is written, and leads
// from a use to its definition.
#include "compiler/Register.h"
#include "mlir/IR/DialectRegistry.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/LogicalResult.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  encdec::registerEncDecDialects(registry);
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
