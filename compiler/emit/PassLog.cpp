// Base names and hashes only: a manifest says nothing of the machine that it was made on.
#include "compiler/emit/PassLog.h"
#include "compiler/emit/Hash.h"
#include "compiler/fuse/ApplyPatterns.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;

namespace encdec {

static std::string hashOf(StringRef bytes) {
  Xxh3 hash;
  hash.update(bytes);
  return hash.hex();
}

std::string describePlugin(const std::string &file) {
  auto buffer = llvm::MemoryBuffer::getFile(file);
  return "plugin " + llvm::sys::path::filename(file).str() + " " +
         hashOf(buffer ? (*buffer)->getBuffer() : "");
}

static std::string describe(const AppliedPatterns &applied) {
  std::string text = " " + llvm::sys::path::filename(applied.file).str() + " " +
                     hashOf(applied.text) + ":";
  for (const auto &[name, count] : applied.fired)
    text += (text.back() == ':' ? " " : ", ") + name + " " + std::to_string(count);
  return text;
}

void PassLog::runAfterPass(Pass *pass, Operation *op) {
  std::string name = pass->getArgument().str();
  if (name.empty()) // no pass, but the one that runs passes on functions
    return;
  if (const AppliedPatterns *applied = appliedPatterns(*pass))
    name += describe(*applied);
  bool sameAgain = !isa<ModuleOp>(op) && !passes.empty() && passes.back() == name;
  if (!sameAgain)
    passes.push_back(name);
}

} // namespace encdec
