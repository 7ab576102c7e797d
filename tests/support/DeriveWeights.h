// The same model with derived weights in place of what ops computed.
#pragma once
#include "mlir/IR/BuiltinOps.h"

namespace encdec::test {

/// Rewrites a decomposed module, whose logits stay the same but for rounding: the scale
/// of each attention's scores is multiplied into its query's weight and bias, and where
/// attention has one head, as wide as the model, its value and output projections become
/// one product, so that nothing is multiplied behind its context. Returns how many
/// attentions lost their output projection.
int deriveWeights(mlir::ModuleOp module);

} // namespace encdec::test
