// The one place where dialects, passes and pipelines are registered.
#include "compiler/Register.h"
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/schedule/Kernel.h"
#include "dialect/Dialect.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

namespace encdec {

void registerEncDecDialects(mlir::DialectRegistry &registry) {
  registry.insert<EncDecDialect, kernel::KernelDialect, mlir::func::FuncDialect>();
  // The dialects that lowering emits, so that a module of any stage can be read back.
  registry.insert<mlir::LLVM::LLVMDialect, mlir::arith::ArithDialect,
                  mlir::cf::ControlFlowDialect, mlir::math::MathDialect,
                  mlir::scf::SCFDialect, mlir::vector::VectorDialect>();
}

void registerEncDecPassesAndPipelines() {
  registerEncDecPasses();
  registerEncDecPipelines();
}

void registerAllPasses() {
  registerEncDecPassesAndPipelines();
  mlir::registerTransformsPasses();
  mlir::registerConversionPasses();
}

} // namespace encdec
