// The reference interpreter beside a compiled model: the same weights, the same
// rows.
#pragma once
#include "ModelRun.h"
#include "dialect/ReferenceRun.h"

namespace encdec::test {

/// Weights and keys of a decomposed module stored as a model's compiled with
/// `options` are, so that the interpreter computes with what their formats
/// keep. The module stays decomposed: its logits can be seen.
inline mlir::LogicalResult storeLike(mlir::ModuleOp plain,
                                     const PipelineOptions &options) {
  mlir::PassManager pm(plain.getContext());
  pm.addPass(createHoistEncoderPass());
  pm.addPass(createQuantizeWeightsPass(
      {options.weights, llvm::to_vector(options.weightsFor)}));
  pm.addPass(createNarrowKeysPass({options.keys}));
  return pm.run(plain);
}

/// The reference interpreter on one batch, and the logits of its last step.
struct Judge {
  explicit Judge(mlir::ModuleOp module, reference::WeightReader reader = {})
      : run(module, std::move(reader)) {
    run.interpreter.observer =
        [this](mlir::Operation *op, llvm::ArrayRef<reference::Value> results) {
          if (mlir::isa<LinearOp>(op) &&
              mlir::isa<TopTokensOp>(*op->user_begin()))
            logits = std::get<reference::Tensor>(results[0]);
        };
  }
  Judge(const Judge &) = delete;

  mlir::FailureOr<reference::StepResult> step(const Batch::Rows &rows) {
    reference::Tensor ancestors(
        {int64_t(rows.ancestors.size()), int64_t(rows.ancestors[0].size())});
    for (int64_t r = 0; r < ancestors.rows(); ++r)
      for (size_t p = 0; p < rows.ancestors[r].size(); ++p)
        ancestors.at(r, p) = double(rows.ancestors[r][p]);
    return run.step(rows.tokens, rows.positions, ancestors, rows.sources);
  }

  reference::BatchRun run;
  reference::Tensor logits;
};

} // namespace encdec::test
