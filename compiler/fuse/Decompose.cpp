// Every fused op → the plain ops it stands for: the inverse of the fusions.
// Each op knows its own plain form (DecomposableOpInterface), so this is a
// walk.
#include "compiler/Remarks.h"
#include "dialect/Group.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DEF_DECOMPOSEPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

/// A linear with one output is plain; the interface stands for its other form.
static bool isPlain(DecomposableOpInterface op) {
  auto linear = dyn_cast<LinearOp>(op.getOperation());
  return linear && linear.getOutputs().size() == 1;
}

namespace {
struct DecomposePass : encdec::impl::DecomposePassBase<DecomposePass> {
  void runOnOperation() override {
    // First: what groups and ops of other dialects stand for may be fused ops.
    if (failed(expandAll(getOperation())))
      return signalPassFailure();
    SmallVector<DecomposableOpInterface> fused;
    getOperation().walk([&](DecomposableOpInterface op) {
      if (!isPlain(op))
        fused.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (DecomposableOpInterface op : fused) {
      rewriter.setInsertionPoint(op);
      FailureOr<SmallVector<Value>> values = op.decompose(rewriter);
      if (failed(values)) {
        reportMissed(
            "decompose", op,
            {"no-plain-form", "expected an op that plain ops can stand for",
             "ask for the probabilities of all heads or of none", nullptr});
        continue;
      }
      rewriter.replaceOp(op, *values);
    }
  }
};
} // namespace
