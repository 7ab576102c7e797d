// The manifest: what a bundle says about itself.
#pragma once
#include "compiler/place/Layout.h"
#include "mlir/IR/BuiltinOps.h"
#include <string>
#include <vector>

namespace encdec {

/// What the manifest needs beyond the module.
struct ManifestInfo {
  std::vector<std::string> passes; // run, in order
  std::vector<std::string> levels; // code sections, in order
  llvm::SmallVector<const WeightFormat *> formats; // of matrices and token tables
  std::string checkpointHash;      // 32 hexadecimal digits
  std::string tokenizerKind;       // "" for none
  int64_t stepBytes = 0;           // weights that a step of one row reads
  llvm::SmallVector<ShortStep> shortSteps; // in the order of the shortlists
  SketchBytes sketch;
  std::vector<IndexedTable> tables;
  mlir::DictionaryAttr segments;   // kSegmentsAttr of the lowered module; null for none
};

/// JSON of a scheduled module with encdec.model and encdec.generation, keys in a fixed
/// order. Fails, with a diagnostic, where the memory plan is missing, or one of these that a
/// module with its entries must have.
mlir::FailureOr<std::string> manifestText(mlir::ModuleOp module,
                                          const ManifestInfo &info);

} // namespace encdec
