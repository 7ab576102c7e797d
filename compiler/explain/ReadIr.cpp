// MLIR's parser drops the names of values, but tells where it has seen them.
#include "compiler/explain/ReadIr.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/AsmParser/AsmParserState.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace encdec::explain {

static void nameOps(const AsmParserState &seen, MLIRContext &context) {
  for (const auto &definition : seen.getOpDefs()) {
    if (definition.resultGroups.empty())
      continue;
    SMRange range = definition.resultGroups.front().definition.loc;
    StringRef name(range.Start.getPointer(), range.End.getPointer() - range.Start.getPointer());
    name.consume_front("%");
    if (name.empty() || llvm::isDigit(name.front()))
      continue; // %0 says nothing
    Operation *op = definition.op;
    op->setLoc(NameLoc::get(StringAttr::get(&context, name), op->getLoc()));
  }
}

OwningOpRef<ModuleOp> readIr(MLIRContext &context, StringRef file) {
  std::string error;
  auto buffer = openInputFile(file, &error);
  if (!buffer) {
    emitError(UnknownLoc::get(&context)) << error;
    return {};
  }
  llvm::SourceMgr source;
  source.AddNewSourceBuffer(std::move(buffer), SMLoc());
  Block parsed;
  AsmParserState seen;
  if (failed(parseAsmSourceFile(source, &parsed, ParserConfig(&context), &seen)))
    return {};
  nameOps(seen, context);
  // A file may hold the module, or what stands in one.
  if (llvm::hasSingleElement(parsed))
    if (auto module = dyn_cast<ModuleOp>(parsed.front())) {
      module->remove();
      return module;
    }
  OwningOpRef<ModuleOp> module = ModuleOp::create(FileLineColLoc::get(&context, file, 1, 1));
  module->getBody()->getOperations().splice(module->getBody()->end(), parsed.getOperations());
  if (failed(verify(*module)))
    return {};
  return module;
}

} // namespace encdec::explain
