// ModelBuilder.h: the module of a described model: its weights, `encode` and `step`.
#pragma once
#include "compiler/import/Description.h"
#include "compiler/import/Safetensors.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace encdec {

/// Declares the weights that `model` calls for from the tensors of `files` and builds both
/// functions, or `encode` alone for an encoder; adds warnings. The module lacks encdec.generation.
Result<mlir::OwningOpRef<mlir::ModuleOp>>
buildModel(mlir::MLIRContext &context, const checkpoint::ModelDescription &model,
           const checkpoint::CheckpointFiles &files, std::vector<std::string> &warnings);

} // namespace encdec
