// add, norm → add_norm: the sum is normalised while it is in registers or L1. Where
// something else reads the sum, as the next residual of a pre-norm layer does, the fused op
// gives it as a second result.
#include "compiler/fuse/Fusion.h"
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DEF_FUSEADDNORMPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

static constexpr llvm::StringLiteral kPass = "fuse-add-norm";

static Outcome fuseAddNorm(NormOp norm, RewriterBase &rewriter) {
  auto add = norm.getInput().getDefiningOp<AddOp>();
  // A norm of an embedding or of a whole stack has no residual to add.
  if (!add)
    return Refusal{"no-add", "expected the norm of an encdec.add",
                   "none: a norm without a residual stays alone",
                   norm.getInput().getDefiningOp()};
  bool keepsSum = !add.getSum().hasOneUse();
  // At the add, the norm would be computed on paths that only read the sum.
  if (keepsSum && add->getBlock() != norm->getBlock())
    return Refusal{"different-blocks",
                   "expected the norm in the block of the add, whose sum has other readers",
                   "move the norm to the add", add};
  if (keepsSum) // its other readers may stand above the norm
    rewriter.setInsertionPoint(add);
  Location loc = rewriter.getFusedLoc({norm.getLoc(), add.getLoc()});
  auto fused = AddNormOp::create(rewriter, loc, add.getX(), add.getY(), norm.getGammaAttr(),
                                 norm.getBetaAttr(), norm.getEpsAttr(), norm.getKindAttr(),
                                 keepsSum ? rewriter.getUnitAttr() : UnitAttr());
  std::string width = std::to_string(widthOf(norm.getOutput()));
  rewriter.replaceOp(norm, fused.getOutput());
  if (!keepsSum) {
    rewriter.eraseOp(add);
    return Gain{fused, "add-norm",
                "2 ops became 1; a sum of " + width + " floats a row is not stored"};
  }
  rewriter.replaceOp(add, fused.getSum());
  return Gain{fused, "add-norm",
              "2 ops became 1; a sum of " + width + " floats a row is not read back"};
}

namespace {
struct FuseAddNormPass : encdec::impl::FuseAddNormPassBase<FuseAddNormPass> {
  void runOnOperation() override {
    fuseEach<NormOp>(getOperation(), kPass, fuseAddNorm);
    // The norm has reported the add that feeds it; this add feeds none.
    getOperation().walk([](AddOp add) {
      if (isa<FusedOp>(add->getParentOp()) ||
          llvm::any_of(add->getUsers(), llvm::IsaPred<NormOp>))
        return;
      reportMissed(kPass, add,
                   {"no-norm", "expected an encdec.norm to read the sum",
                    "none: a residual without a norm stays alone",
                    add->use_empty() ? nullptr : *add->user_begin()});
    });
  }
};
} // namespace
