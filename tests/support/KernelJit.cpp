// Kernels to machine code: the product's passes, then ORC or an assembly
// printer.
#include "KernelJit.h"
#include "compiler/emit/Object.h"
#include "compiler/lower/Lowering.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Target/TargetMachine.h"
#include <cstdio>
#include <cstdlib>

using namespace mlir;

namespace encdec::test {
namespace {

[[noreturn]] void fail(const std::string &message) {
  std::fprintf(stderr, "%s\n", message.c_str());
  std::abort();
}

template <typename T> T must(llvm::Expected<T> value) {
  if (!value)
    fail(llvm::toString(value.takeError()));
  return std::move(*value);
}

/// LLVM IR with every function visible.
std::unique_ptr<llvm::Module> translate(ModuleOp module,
                                        llvm::LLVMContext &context) {
  auto result = translateModuleToLLVMIR(module, context);
  if (!result)
    fail("the lowered module does not translate");
  for (llvm::Function &f : *result)
    if (!f.isDeclaration())
      f.setLinkage(llvm::GlobalValue::ExternalLinkage);
  return result;
}

std::unique_ptr<llvm::Module>
toLLVM(llvm::LLVMContext &context, llvm::StringRef level,
       llvm::function_ref<void(cpu::CpuKernels &)> build) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registry.insert<arith::ArithDialect, func::FuncDialect, scf::SCFDialect,
                  math::MathDialect, vector::VectorDialect, LLVM::LLVMDialect,
                  ub::UBDialect>();
  MLIRContext mlir(registry, MLIRContext::Threading::DISABLED);
  mlir.loadAllAvailableDialects();
  OwningOpRef<ModuleOp> module = ModuleOp::create(UnknownLoc::get(&mlir));
  cpu::CpuKernels kernels(*module, *cpu::findCpuLevel(level));
  build(kernels);
  PassManager pm(&mlir);
  buildKernelsToLLVM(pm);
  if (failed(pm.run(*module)))
    fail("kernels do not lower");
  return translate(*module, context);
}

/// As the product does: 512-bit code must be asked for.
void useWholeVectors(llvm::Module &module, const ObjectTarget &target) {
  if (target.vectorBits == 512)
    for (llvm::Function &f : module) {
      f.addFnAttr("prefer-vector-width", "512");
      f.addFnAttr("min-legal-vector-width", "512");
    }
}

} // namespace

KernelJit::KernelJit(llvm::function_ref<void(cpu::CpuKernels &)> build,
                     llvm::StringRef level) {
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = toLLVM(*context, level, build);
  create(std::move(module), std::move(context), level,
         llvm::CodeGenOptLevel::Aggressive);
}

KernelJit::KernelJit(ModuleOp lowered, llvm::StringRef level,
                     llvm::CodeGenOptLevel effort) {
  DialectRegistry registry;
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  lowered.getContext()->appendDialectRegistry(registry);
  auto context = std::make_unique<llvm::LLVMContext>();
  auto module = translate(lowered, *context);
  create(std::move(module), std::move(context), level, effort);
}

void KernelJit::create(std::unique_ptr<llvm::Module> module,
                       std::unique_ptr<llvm::LLVMContext> context,
                       llvm::StringRef level, llvm::CodeGenOptLevel effort) {
  initializeObjectTargets();
  const ObjectTarget &target = *must(findObjectTarget(level));
  useWholeVectors(*module, target);
  auto builder = must(llvm::orc::JITTargetMachineBuilder::detectHost());
  builder.setCPU(target.cpu.str());
  builder.getFeatures() = llvm::SubtargetFeatures(target.features);
  builder.setCodeGenOptLevel(effort);
  jit = must(
      llvm::orc::LLJITBuilder().setJITTargetMachineBuilder(builder).create());
  if (auto error = jit->addIRModule(
          llvm::orc::ThreadSafeModule(std::move(module), std::move(context))))
    fail(llvm::toString(std::move(error)));
}

KernelJit::~KernelJit() = default;

void *KernelJit::address(llvm::StringRef name) {
  return must(jit->lookup(name)).toPtr<void *>();
}

std::string assembly(llvm::function_ref<void(cpu::CpuKernels &)> build,
                     llvm::StringRef level) {
  initializeObjectTargets();
  llvm::LLVMContext context;
  auto module = toLLVM(context, level, build);
  const ObjectTarget &target = *must(findObjectTarget(level));
  llvm::Triple triple(target.triple);
  std::string error;
  auto *backend = llvm::TargetRegistry::lookupTarget(triple, error);
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, target.cpu, target.features, {}, llvm::Reloc::PIC_, {},
      llvm::CodeGenOptLevel::Aggressive));
  module->setTargetTriple(triple);
  module->setDataLayout(machine->createDataLayout());
  useWholeVectors(*module, target);
  llvm::SmallString<0> text;
  llvm::raw_svector_ostream out(text);
  llvm::legacy::PassManager passes;
  machine->addPassesToEmitFile(passes, out, nullptr,
                               llvm::CodeGenFileType::AssemblyFile);
  passes.run(*module);
  return text.str().str();
}

} // namespace encdec::test
