// How a kernel function is made.
#include "compiler/cpu/CpuKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace encdec::cpu {

CpuKernels::CpuKernels(ModuleOp module, const CpuLevel &level)
    : module(module), level(level), choices(module),
      ptr(LLVM::LLVMPointerType::get(module.getContext())),
      i64(IntegerType::get(module.getContext(), 64)) {}

func::FuncOp CpuKernels::define(StringRef name, ArrayRef<Type> arguments,
                                Body body) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(name))
    return existing;
  MLIRContext *context = module.getContext();
  KernelBuilder k(UnknownLoc::get(context), context);
  k.setInsertionPointToEnd(module.getBody());
  auto function =
      func::FuncOp::create(k, name, FunctionType::get(context, arguments, {}));
  lower::makePrivateKernel(function);
  k.setInsertionPointToStart(function.addEntryBlock());
  Vals values;
  for (BlockArgument argument : function.getArguments())
    values.push_back(k.wrap(argument));
  body(k, values);
  func::ReturnOp::create(k);
  return function;
}

func::FuncOp CpuKernels::defineKernel(StringRef name, KernelBody body) {
  return define(name, {ptr, ptr},
                [&](KernelBuilder &k, ArrayRef<Val> arguments) {
                  Frame frame(k, arguments[0], arguments[1]);
                  body(k, frame);
                });
}

} // namespace encdec::cpu
