// Runs passes on encdec IR: mlir-opt with our dialect, passes and pipelines.
#include "compiler/Register.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  encdec::registerEncDecDialects(registry);
  encdec::registerEncDecPassesAndPipelines();
  // All passes of our pipelines, so that a dumped pipeline can be run again:
  // canonicalize, cse, …; convert-vector-to-llvm, …
  mlir::registerTransformsPasses();
  mlir::registerConversionPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(
      argc, argv, "encdec-opt: passes on encoder-decoder IR\n", registry));
}
