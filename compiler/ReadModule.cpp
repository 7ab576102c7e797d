// The location of an op that was parsed is where its name stands; left of it on the line stand
// its results:
//
//   %tokens, %log_probs = encdec.top_tokens …
//                         ^ file:line:column
//
// This needs the text alone, so that it works for a module that someone else parsed.
#include "compiler/ReadModule.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace encdec {
namespace {

/// The names left of the op at `column` (from 1) of `line`; none where it has numbers or packs
/// (%0, %x:2), or where the op does not stand there.
SmallVector<StringRef> namesAt(StringRef line, unsigned column, OperationName op) {
  StringRef before = line.take_front(column - 1), behind = line.drop_front(before.size());
  behind.consume_front("\"");
  if (!behind.starts_with(op.getStringRef()) && !behind.starts_with(op.stripDialect()))
    return {};
  before = before.trim();
  if (!before.consume_back("="))
    return {};
  SmallVector<StringRef> names;
  before.split(names, ',');
  for (StringRef &name : names) {
    name = name.trim();
    if (!name.consume_front("%") || name.empty() || llvm::isDigit(name.front()) ||
        name.find_if([](char c) { return !llvm::isAlnum(c) && !StringRef("$._-").contains(c); }) !=
            name.npos)
      return {};
  }
  return names;
}

} // namespace

void nameValues(Operation *root, StringRef file, StringRef text) {
  SmallVector<StringRef> lines;
  text.split(lines, '\n');
  root->walk([&](Operation *op) {
    if (op->getNumResults() == 0 || !isStrictFileLineColLoc(op->getLoc()))
      return;
    auto at = cast<FileLineColLoc>(op->getLoc());
    if (at.getFilename() != file || at.getLine() == 0 || at.getLine() > lines.size() ||
        at.getColumn() == 0)
      return;
    SmallVector<Location> named;
    for (StringRef name : namesAt(lines[at.getLine() - 1], at.getColumn(), op->getName()))
      named.push_back(NameLoc::get(StringAttr::get(op->getContext(), name), at));
    // One location for each result is what results are printed by.
    if (named.size() == op->getNumResults())
      op->setLoc(FusedLoc::get(op->getContext(), named));
  });
}

OwningOpRef<ModuleOp> readModule(StringRef file, MLIRContext *context) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(file, &error);
  if (!buffer) {
    emitError(UnknownLoc::get(context)) << error;
    return {};
  }
  StringRef name = buffer->getBufferIdentifier(), text = buffer->getBuffer();
  auto sources = std::make_shared<llvm::SourceMgr>(); // also keeps the text
  sources->AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  auto module = parseSourceFile<ModuleOp>(sources, ParserConfig(context));
  if (module)
    nameValues(*module, name, text);
  return module;
}

} // namespace encdec
