// Levels, and how a kernel function is made.
#include "compiler/lower/CpuKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace encdec::lower {
namespace {

// AVX2: 16 registers of 8 lanes. 6 rows x 1 panel are 12 accumulators, 2
// weights and a broadcast; a single row keeps 8 chains busy with 4 panels.
constexpr int64_t v3Rows[] = {6, 5, 4, 3, 2, 1}, v3Panels[] = {1},
                  v3Row[] = {4, 2, 1};
// AVX-512: 32 registers of 16 lanes. 12 rows x 2 panels are 24 accumulators.
constexpr int64_t v4Rows[] = {12, 8, 6, 4, 3, 2, 1}, v4Panels[] = {2, 1},
                  v4Row[] = {8, 4, 2, 1};
// NEON: 32 registers of 4 lanes. 6 rows x 1 panel are 24 accumulators.
constexpr int64_t neonRows[] = {6, 4, 3, 2, 1}, neonPanels[] = {1},
                  neonRow[] = {4, 2, 1};

constexpr CpuLevel levels[] = {
    {"v3", 8, v3Rows, v3Panels, v3Row},
    {"v4", 16, v4Rows, v4Panels, v4Row},
    {"neon", 4, neonRows, neonPanels, neonRow},
};

} // namespace

ArrayRef<CpuLevel> cpuLevels() { return levels; }

const CpuLevel *findCpuLevel(StringRef name) {
  const auto *found =
      llvm::find_if(levels, [&](const CpuLevel &l) { return l.name == name; });
  return found == std::end(levels) ? nullptr : found;
}

CpuKernels::CpuKernels(ModuleOp module, const CpuLevel &level)
    : module(module), level(level),
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
  function.setPrivate();
  // Shared between layers, so never inlined into them; and free of library
  // calls, which a loop idiom would otherwise become.
  function->setAttr("passthrough",
                    k.getStrArrayAttr({"noinline", "no-builtins"}));
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
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

// With one worker there is no barrier function.
func::FuncOp CpuKernels::barrier() {
  return define(
      "barrier", {ptr}, [&](KernelBuilder &k, ArrayRef<Val> arguments) {
        Frame f(k, arguments[0]);
        Val function = f.contextPointer("barrier");
        k.unless(k.isNull(function), [&] {
          auto type = LLVM::LLVMFunctionType::get(
              LLVM::LLVMVoidType::get(k.getContext()), {ptr, i64});
          SmallVector<Value> operands{function.value,
                                      f.contextPointer("barrier_data").value,
                                      f.worker().value};
          LLVM::CallOp::create(k, type, operands);
        });
      });
}

} // namespace encdec::lower
