// linear, activation, linear → ffn: FFN(x) = activation(x W1ᵀ + b1) W2ᵀ + b2.
// The hidden row (F floats) stays in the cache of the core that makes it.
#include "compiler/fuse/Fusion.h"
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DEF_FUSEFFNPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

static Outcome fuseFfn(ActivationOp activation, RewriterBase &rewriter) {
  auto up = activation.getInput().getDefiningOp<LinearOp>();
  if (!up)
    return Refusal{"no-up", "expected the activation of an encdec.linear",
                   "none: there is no first product to fuse",
                   activation.getInput().getDefiningOp()};
  // The other outputs of a linear with several would be lost.
  if (up.getOutputs().size() != 1)
    return Refusal{"variadic-linear",
                   "expected a linear with one output, but it has " +
                       std::to_string(up.getOutputs().size()),
                   "run encdec-decompose first", up};
  // A second reader needs the hidden rows stored, and then nothing is gained.
  if (!activation.getInput().hasOneUse())
    return Refusal{"multi-use-hidden",
                   "expected the activation to be the only reader of the first "
                   "linear",
                   "drop the other reader",
                   otherUser(activation.getInput(), activation)};
  if (!activation.getOutput().hasOneUse())
    return Refusal{
        "multi-use-activation",
        "expected one reader of the activation, but it has " +
            std::to_string(llvm::range_size(activation.getOutput().getUses())),
        "drop the other readers", nullptr};
  auto down = dyn_cast<LinearOp>(*activation->user_begin());
  if (!down)
    return Refusal{
        "no-down", "expected an encdec.linear to read the activation",
        "none: there is no second product to fuse", *activation->user_begin()};
  if (down.getOutputs().size() != 1)
    return Refusal{"variadic-linear",
                   "expected a linear with one output, but it has " +
                       std::to_string(down.getOutputs().size()),
                   "run encdec-decompose first", down};
  // The output of ffn is as wide as its input: it is the block of a residual.
  if (widthOf(up.getInput()) != widthOf(down.getOutput()))
    return Refusal{"width-mismatch",
                   "expected an output of width " +
                       std::to_string(widthOf(up.getInput())) + ", but got " +
                       std::to_string(widthOf(down.getOutput())),
                   "none: encdec.ffn keeps the width", down};
  rewriter.setInsertionPoint(down);
  int64_t hidden = widthOf(up.getOutput());
  auto ffn =
      FfnOp::create(rewriter, activation.getLoc(), down.getType(0),
                    up.getInput(), up.getWeight(), up.getBias(),
                    down.getWeight(), down.getBias(), activation.getKindAttr());
  rewriter.replaceOp(down, ffn);
  rewriter.eraseOp(activation);
  rewriter.eraseOp(up);
  return Gain{ffn, "ffn",
              "3 ops became 1; a hidden row of " + std::to_string(hidden) +
                  " floats is written once and read once, in cache"};
}

namespace {
struct FuseFfnPass : encdec::impl::FuseFfnPassBase<FuseFfnPass> {
  void runOnOperation() override {
    fuseEach<ActivationOp>(getOperation(), "fuse-ffn", fuseFfn);
  }
};
} // namespace
