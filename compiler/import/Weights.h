// Weights.h: declares the weights of a described model.
#pragma once
#include "compiler/import/Description.h"
#include "compiler/import/WeightImporter.h"

namespace encdec {

/// Symbols of the tables that functions name; those of layers follow from their blocks.
struct TableSymbols {
  // By side; without positions, or without their bias, the names are empty.
  std::string embedding[2], positions[2];
  std::vector<std::string> biases[2]; // one for the stack, or one for each layer
  std::string head, headBias;             // no bias: empty
};

/// Declares every weight of `model` in `module`. Errors name missing and misshapen tensors.
Result<TableSymbols> declareWeights(mlir::ModuleOp module,
                                    const checkpoint::ModelDescription &model,
                                    const checkpoint::CheckpointFiles &files,
                                    std::vector<std::string> &warnings);

/// The tensors that a checkpoint of `model` holds, each once: those that declareWeights
/// asks for but a table of computable positions, a tie under its first name.
std::vector<AskedTensor> tensorsOf(mlir::MLIRContext &context,
                                   const checkpoint::ModelDescription &model);

} // namespace encdec
