// Family.h: what a model family gives the importer, one function. A new family
// declares its function here and adds a row to the table in Import.cpp.
#pragma once
#include "compiler/import/Config.h"
#include "compiler/import/Safetensors.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace encdec {

struct FamilyInput {
  mlir::MLIRContext &context;
  const checkpoint::ConfigFiles &config;
  const checkpoint::CheckpointFiles &files;
  std::vector<std::string> &warnings;
};

using ImportedModule = Result<mlir::OwningOpRef<mlir::ModuleOp>>;

ImportedModule importMarian(const FamilyInput &input);

/// The encdec.generation dictionary; keys as in the bundle's manifest.
mlir::DictionaryAttr
generationAttribute(mlir::MLIRContext &context,
                    const checkpoint::GenerationConfig &generation);

} // namespace encdec
