// Run.cpp: a module from a file to the pipelines or to the interpreter.
#include "compiler/run/Run.h"

#include "compiler/Register.h"
#include "compiler/emit/Compile.h"
#include "compiler/emit/Jit.h"
#include "compiler/run/Interpret.h"
#include "dialect/Ops.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;

namespace encdec {

struct IrModel::Parts {
  DialectRegistry registry;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  RunOptions options;

  static DialectRegistry dialects() {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    return registry;
  }
  Parts() : registry(dialects()), context(registry, MLIRContext::Threading::DISABLED) {}
  CompileOptions compileOptions() const {
    CompileOptions compile;
    compile.weights = options.weights;
    compile.fuse = options.fuse;
    compile.perfMap = options.perfMap;
    return compile;
  }
};

IrModel::IrModel(std::unique_ptr<Parts> parts) : parts(std::move(parts)) {}
IrModel::IrModel(IrModel &&) noexcept = default;
IrModel::~IrModel() = default;

Result<IrModel> IrModel::read(const std::string &file, const RunOptions &options) {
  if (!options.checkpoint.empty() && !llvm::sys::fs::is_directory(options.checkpoint))
    return usageError("--checkpoint: expected a folder, found '" + options.checkpoint + "'");
  auto parts = std::make_unique<Parts>();
  parts->options = options;
  ErrorMessages messages(parts->context);
  parts->module = parseSourceFile<ModuleOp>(file, &parts->context);
  if (!parts->module)
    return messages.status("the file holds no module");
  if (options.checkpoint.empty())
    for (WeightOp weight : parts->module->getOps<WeightOp>())
      if (isa<FileAttr>(weight.getOrigin()))
        return usageError(file + ": weight @" + weight.getSymName().str() +
                          " is in a checkpoint's file; --checkpoint DIR says where");
  return IrModel(std::move(parts));
}

Result<std::unique_ptr<JitModel>> IrModel::jit() const {
  OwningOpRef<ModuleOp> copy = parts->module->clone(); // compiling uses it up
  return jitModule(*copy, parts->options.checkpoint, parts->compileOptions());
}

Status IrModel::bundle(const std::string &out, std::vector<std::string> &warnings) const {
  OwningOpRef<ModuleOp> copy = parts->module->clone();
  return bundleModule(*copy, parts->options.checkpoint, out, parts->compileOptions(), warnings);
}

Result<std::vector<StepAnswer>> IrModel::interpret(const Query &query) const {
  return interpretModule(*parts->module, parts->options.checkpoint, query);
}

std::string notLowerable(const std::string &message) {
  constexpr std::string_view mark = "not lowerable [";
  const size_t from = message.find(mark), to = message.find(']', from);
  if (from == message.npos || to == message.npos)
    return {};
  return message.substr(from + mark.size(), to - from - mark.size());
}

} // namespace encdec
