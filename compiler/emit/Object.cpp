// Object code. No IR passes run, on purpose: the kernels are emitted in their final form,
// and loop-idiom recognition would turn loops into calls of memcpy and memset, which
// generated code may not make.
#include "compiler/emit/Object.h"
#include "encdec/abi.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "runtime/base/CpuLevels.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

using namespace llvm;

namespace encdec {
namespace {

// 512-bit code must be asked for: the tuning of x86-64-v4 prefers 256 bits and
// would split every vector in silence.
constexpr ObjectTarget targets[] = {
    {"v3", "x86_64-unknown-linux-gnu", "x86-64-v3", "", 256, 4096},
    {"v3-avxvnni", "x86_64-unknown-linux-gnu", "x86-64-v3", "+avxvnni", 256, 4096},
    {"v4", "x86_64-unknown-linux-gnu", "x86-64-v4", "", 512, 4096},
    {"v4-vnni", "x86_64-unknown-linux-gnu", "x86-64-v4", "+avx512vnni", 512, 4096},
    {"neon", "aarch64-unknown-linux-gnu", "generic", "", 128, 65536},
};

Expected<std::unique_ptr<TargetMachine>> createMachine(const ObjectTarget &t) {
  initializeObjectTargets();
  std::string message;
  Triple triple(t.triple);
  const Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return createStringError(
        "level %s: this LLVM cannot generate code for %s: %s",
        t.name.str().c_str(), triple.str().c_str(), message.c_str());
  TargetOptions options;
  // The IR already fuses multiply and add where it should; any further fusing would
  // change the bits of a result.
  options.AllowFPOpFusion = FPOpFusion::Strict;
  return std::unique_ptr<TargetMachine>(target->createTargetMachine(
      triple, t.cpu, t.features, options, Reloc::PIC_, CodeModel::Small,
      CodeGenOptLevel::Aggressive));
}

bool isEntry(StringRef name) {
  return name == ENCDEC_ABI_ENCODE_SYMBOL || name == ENCDEC_ABI_STEP_SYMBOL;
}

/// Only the entries and the version stay visible. Kernels and constants become
/// local: no call goes through a table, and no symbol can be interposed.
void prepare(Module &module, const ObjectTarget &target) {
  std::string width = std::to_string(target.vectorBits);
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    if (!isEntry(function.getName()))
      function.setLinkage(GlobalValue::InternalLinkage);
    function.setDoesNotThrow();
    function.setUWTableKind(UWTableKind::None);
    function.addFnAttr("no-builtins");
    if (target.vectorBits == 512) {
      function.addFnAttr("prefer-vector-width", width);
      function.addFnAttr("min-legal-vector-width", width);
    }
  }
  for (GlobalVariable &global : module.globals())
    if (!global.isDeclaration()) // private: the tables of layers need no symbols
      global.setLinkage(GlobalValue::PrivateLinkage);
  Type *i64 = Type::getInt64Ty(module.getContext());
  new GlobalVariable(
      module, i64, /*isConstant=*/true, GlobalValue::ExternalLinkage,
      ConstantInt::get(i64, ENCDEC_ABI_VERSION), ENCDEC_ABI_VERSION_SYMBOL);
}

} // namespace

void initializeObjectTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64Target();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64AsmPrinter();
  });
}

ArrayRef<ObjectTarget> objectTargets() { return targets; }

Expected<const ObjectTarget *> findObjectTarget(StringRef name) {
  if (Status status = findCpuLevel(name).status(); !status.ok())
    return createStringError(status.message());
  return llvm::find_if(targets, [&](auto &target) { return target.name == name; });
}

const ObjectTarget *hostObjectTarget() {
  const CpuLevel *best = bestCpuLevel();
  return best ? cantFail(findObjectTarget(best->name)) : nullptr;
}

static Expected<SmallVector<char, 0>> emit(mlir::ModuleOp module, const ObjectTarget &target,
                                           CodeGenFileType kind) {
  Expected<std::unique_ptr<TargetMachine>> machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  mlir::DialectRegistry registry;
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
  module->getContext()->appendDialectRegistry(registry);

  LLVMContext context;
  // The module's name ends up in the object, so it must not be that of a file.
  std::unique_ptr<Module> ir =
      mlir::translateModuleToLLVMIR(module, context, "encdec");
  if (!ir)
    return createStringError(
        "level %s: the lowered module does not translate to "
        "LLVM IR",
        target.name.str().c_str());
  ir->setTargetTriple(Triple(target.triple));
  ir->setDataLayout((*machine)->createDataLayout());
  // An encoder only has no step.
  for (StringRef entry : {ENCDEC_ABI_ENCODE_SYMBOL, ENCDEC_ABI_STEP_SYMBOL}) {
    Function *f = ir->getFunction(entry);
    if (f ? f->isDeclaration() : entry == ENCDEC_ABI_ENCODE_SYMBOL)
      return createStringError(
          "level %s: the lowered module defines no function %s",
          target.name.str().c_str(), entry.str().c_str());
  }
  prepare(*ir, target);
  // LLVM without assertions, as Debian builds it, does not notice invalid IR itself.
  std::string message;
  raw_string_ostream stream(message);
  if (verifyModule(*ir, &stream))
    return createStringError("level %s: invalid LLVM IR: %s",
                             target.name.str().c_str(), message.c_str());

  SmallVector<char, 0> code;
  raw_svector_ostream out(code);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, kind))
    return createStringError("level %s: this target writes no object files and no assembly",
                             target.name.str().c_str());
  passes.run(*ir);
  return code;
}

Expected<SmallVector<char, 0>> emitObject(mlir::ModuleOp module, const ObjectTarget &target) {
  return emit(module, target, CodeGenFileType::ObjectFile);
}

Expected<SmallVector<char, 0>> emitAssembly(mlir::ModuleOp module, const ObjectTarget &target) {
  return emit(module, target, CodeGenFileType::AssemblyFile);
}

} // namespace encdec
