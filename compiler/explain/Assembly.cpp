// Kernels as IR and as assembly, cut from one module before and after code generation.
#include "compiler/explain/Assembly.h"
#include "compiler/Passes.h"
#include "compiler/emit/Object.h"
#include "compiler/lower/Lowering.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/JSON.h"

using namespace mlir;

namespace encdec::explain {

/// linear_512_f32x512 and linear_512_f32x2048 are "linear".
static SmallVector<StringRef> kindsOf(ArrayRef<StringRef> kernels) {
  llvm::SetVector<StringRef> kinds;
  for (StringRef kernel : kernels) {
    size_t end = kernel.size();
    for (size_t at = 0; (at = kernel.find('_', at)) != StringRef::npos; ++at)
      if (kernel.substr(0, at) == "fused" || llvm::isDigit(kernel[at + 1])) {
        end = at;
        break;
      }
    kinds.insert(kernel.substr(0, end));
  }
  return kinds.takeVector();
}

/// The labels and instructions of one function.
static std::string cut(StringRef assembly, StringRef name) {
  StringRef rest = assembly.substr(assembly.find(("\n" + name + ":").str()));
  std::string text;
  for (StringRef line : llvm::split(rest.substr(0, rest.find(".Lfunc_end")), '\n')) {
    StringRef word = line.ltrim();
    bool isDirective = word.starts_with(".") && !word.starts_with(".L");
    if (!word.empty() && !word.starts_with("#") && !isDirective)
      text += (line + "\n").str();
  }
  return text;
}

llvm::Expected<std::vector<KernelCode>>
codeOfKernels(ModuleOp module, const PipelineOptions &options, StringRef kernel) {
  auto target = findObjectTarget(options.level);
  if (!target)
    return target.takeError();
  auto run = [&](auto build) {
    PassManager pm(module.getContext());
    build(pm);
    return pm.run(module);
  };
  auto lowered = run([&](OpPassManager &pm) {
    buildFusePipeline(pm, options);
    buildPlacePipeline(pm, options);
    buildSchedulePipeline(pm, options);
    pm.addPass(createLowerPass({options.level, options.kernel}));
  });
  if (failed(lowered))
    return llvm::createStringError("the model cannot be lowered");
  std::vector<KernelCode> found;
  std::vector<StringRef> known;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (!function.isPrivate() || function.isDeclaration())
      continue;
    StringRef name = function.getName();
    known.push_back(name);
    if (!isKernelOf(name, kernel))
      continue;
    KernelCode &code = found.emplace_back();
    code.name = name.str();
    llvm::raw_string_ostream(code.ir) << function << "\n";
  }
  if (found.empty())
    return llvm::createStringError("--asm: no kernel of this model is called '" + kernel +
                                   "'; it has kernels called " + llvm::join(kindsOf(known), ", ") +
                                   " (one of them alone by its whole name, which the code of its "
                                   "kind begins with)");
  if (failed(run(buildKernelsToLLVM)))
    return llvm::createStringError("the model cannot be lowered");
  auto assembly = emitAssembly(module, **target);
  if (!assembly)
    return assembly.takeError();
  for (KernelCode &code : found)
    code.assembly = cut(StringRef(assembly->data(), assembly->size()), code.name);
  return found;
}

void printText(const std::vector<KernelCode> &kernels, llvm::raw_ostream &out) {
  for (const KernelCode &code : kernels)
    out << "// " << code.name << ": loops and vectors\n\n" << code.ir << "\n// " << code.name
        << ": machine code\n\n" << code.assembly << "\n";
}

void printJson(const std::vector<KernelCode> &kernels, llvm::raw_ostream &out) {
  llvm::json::Array list;
  for (const KernelCode &code : kernels)
    list.push_back(llvm::json::Object{
        {"name", code.name}, {"ir", code.ir}, {"assembly", code.assembly}});
  out << llvm::json::Value(llvm::json::Object{{"kernels", std::move(list)}});
}

} // namespace encdec::explain
