// Imported.h: a TinyCheckpoint, written, imported and kept for questions.
#pragma once
#include "compiler/import/Import.h"
#include "dialect/Ops.h"
#include "tests/import/TinyCheckpoint.h"

namespace encdec::testing {

struct Imported {
  mlir::MLIRContext context;
  ImportReport report;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  explicit Imported(const TinyCheckpoint &checkpoint,
                    ImportOptions options = {}) {
    TempFolder folder;
    checkpoint.write(folder);
    module = importCheckpoint(context, folder.path(), options, report);
  }
  std::string error() const { return report.status.message(); }
  std::string warnings() const {
    std::string all;
    for (const std::string &warning : report.warnings)
      all += warning + "\n";
    return all;
  }
  WeightOp weight(llvm::StringRef name) {
    return module->lookupSymbol<WeightOp>(name);
  }
  template <typename Attr> Attr generation(llvm::StringRef key) {
    auto all =
        (*module)->getAttrOfType<mlir::DictionaryAttr>("encdec.generation");
    return all.getAs<Attr>(key);
  }
};

inline bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

} // namespace encdec::testing
