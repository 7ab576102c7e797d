// add, norm → add_norm: the sum is normalised while it is in registers or L1.
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
  // Pre-norm models carry the sum on as the next residual: add_norm has no
  // second result to give it.
  if (!add.getSum().hasOneUse())
    return Refusal{"multi-use-sum",
                   "expected the norm to be the only reader of the sum",
                   "none for a pre-norm layer: its sum is the next residual",
                   otherUser(add.getSum(), norm)};
  auto fused = AddNormOp::create(rewriter, norm.getLoc(), norm.getType(),
                                 add.getX(), add.getY(), norm.getGammaAttr(),
                                 norm.getBetaAttr(), norm.getEpsAttr());
  int64_t width = cast<RankedTensorType>(norm.getType()).getDimSize(1);
  rewriter.replaceOp(norm, fused);
  rewriter.eraseOp(add);
  return Gain{fused, "add-norm",
              "2 ops became 1; a sum of " + std::to_string(width) +
                  " floats a row is not stored"};
}

namespace {
struct FuseAddNormPass : encdec::impl::FuseAddNormPassBase<FuseAddNormPass> {
  void runOnOperation() override {
    fuseEach<NormOp>(getOperation(), kPass, fuseAddNorm);
    // The norm has reported the add that feeds it; this add feeds none.
    getOperation().walk([](AddOp add) {
      if (llvm::any_of(add->getUsers(), llvm::IsaPred<NormOp>))
        return;
      reportMissed(kPass, add,
                   {"no-norm", "expected an encdec.norm to read the sum",
                    "none: a residual without a norm stays alone",
                    add->use_empty() ? nullptr : *add->user_begin()});
    });
  }
};
} // namespace
