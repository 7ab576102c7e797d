// The one place that talks to the remark engine.
#include "compiler/Remarks.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Interfaces/FunctionInterfaces.h"

using namespace mlir;

namespace encdec {

/// Category, code and function. All three outlive the engine's buffer: two are
/// literals, and the context owns the function's name.
static remark::RemarkOpts optionsFor(StringRef pass, StringRef code,
                                     Operation *op) {
  auto options = remark::RemarkOpts::name(code).category(pass);
  if (auto function = op->getParentOfType<FunctionOpInterface>())
    options = options.function(function.getName());
  return options;
}

/// "encdec.add at file.mlir:4:8"; of an op with a name, "encdec.add l0.self.sum".
static std::string describe(Operation *op) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << op->getName();
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    os << " " << name.getName().getValue();
  if (auto place = op->getLoc()->findInstanceOf<FileLineColLoc>())
    os << " at " << place.getFilename().getValue() << ":" << place.getLine()
       << ":" << place.getColumn();
  return text;
}

void reportPassed(llvm::StringLiteral pass, llvm::StringLiteral code,
                  Operation *op, std::string gain) {
  remark::passed(op->getLoc(), optionsFor(pass, code, op))
      << remark::metric("Gain", gain);
}

void reportMissed(llvm::StringLiteral pass, Operation *op,
                  const Refusal &refusal) {
  auto message =
      remark::missed(op->getLoc(), optionsFor(pass, refusal.code, op));
  // There is no engine, or it filters the remark out: build no text.
  if (!message)
    return;
  message << remark::metric("Op", op->getName().getStringRef().str())
          << remark::metric("Reason", refusal.why);
  if (refusal.blocker)
    message << remark::metric("Blocker", describe(refusal.blocker));
  if (!refusal.remedy.empty())
    message << remark::metric("Remedy", refusal.remedy);
}

} // namespace encdec
