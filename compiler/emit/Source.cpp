// The stages of a file of IR are told by what it holds: there is no mark that could be wrong.
#include "compiler/emit/Source.h"
#include "compiler/Plugins.h"
#include "compiler/ReadModule.h"
#include "compiler/Register.h"
#include "compiler/place/Weights.h"
#include "compiler/schedule/Kernel.h"
#include "dialect/Schema.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace encdec {

/// "mine.pdll:3:10: ", where a diagnostic points into a file.
static std::string placeOf(const Diagnostic &diagnostic) {
  auto at = diagnostic.getLocation()->findInstanceOf<FileLineColLoc>();
  return at ? (at.getFilename().getValue() + ":" + Twine(at.getLine()) + ":" +
               Twine(at.getColumn()) + ": ")
                  .str()
            : "";
}

Errors::Errors(MLIRContext &context, std::vector<std::string> *warnings)
    : handler(&context, [this, warnings](Diagnostic &diagnostic) {
        std::string message = placeOf(diagnostic) + diagnostic.str();
        if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
          messages += (messages.empty() ? "" : "; ") + message;
        else if (diagnostic.getSeverity() == DiagnosticSeverity::Warning && warnings)
          warnings->push_back(message);
        return success();
      }) {}

Status Errors::status(Code code, const std::string &what) const {
  return Status(code, messages.empty() ? what : what + ": " + messages);
}

static Result<OwningOpRef<ModuleOp>> readIr(MLIRContext &context, const CompileOptions &options) {
  if (options.progress)
    options.progress("reading the module");
  DialectRegistry registry;
  registerEncDecDialects(registry);
  context.appendDialectRegistry(registry);
  // The IR may hold ops of plugins' dialects.
  if (llvm::Error error = loadPassPlugins(options.plugins, context))
    return usageError(llvm::toString(std::move(error)));
  Errors errors(context);
  OwningOpRef<ModuleOp> module = readModule(options.ir, &context);
  if (!module)
    return errors.status(Code::BadModel, "the IR cannot be read");
  if (!findEntries(*module).encode)
    return Status(Code::BadModel, options.ir + ": expected a function with encdec.entry = "
                                               "\"encode\", as encdec import prints it");
  return module;
}

Result<OwningOpRef<ModuleOp>> readSource(MLIRContext &context,
                                     const std::string &folder,
                                     const CompileOptions &options,
                                     std::vector<std::string> &warnings) {
  // Modules are small and passes few, so threads would cost more than they save.
  context.disableMultithreading();
  if (!options.ir.empty())
    return readIr(context, options);
  if (options.progress)
    options.progress("importing");
  ImportReport report;
  auto module = importCheckpoint(context, folder, options.import, report);
  warnings.insert(warnings.end(), report.warnings.begin(),
                  report.warnings.end());
  if (!module)
    return report.status;
  return module;
}

Result<bool> isPlaced(ModuleOp module, const CompileOptions &options) {
  bool scheduled = false, placed = false;
  module.walk([&](Operation *op) {
    scheduled |= isa_and_present<kernel::KernelDialect, LLVM::LLVMDialect>(op->getDialect());
    auto weight = dyn_cast<WeightOp>(op);
    placed |= weight && weight.getOffset();
  });
  if (scheduled)
    return Status(Code::BadModel, "the module is scheduled already, or lowered; give its IR "
                                  "before encdec-schedule");
  if (placed && (options.weights != "f32" || !options.weightsFor.empty() || options.sketch ||
                 !options.shortlists.empty() || !options.extensions.empty()))
    return usageError("the module is placed already: formats of weights, shortlists, a sketch, "
                      "patterns and passes come before encdec-place");
  return placed;
}

} // namespace encdec
