// linear, top_tokens → vocabulary: the logits of a row (V floats) are never stored; each
// block of logits is reduced where it is computed.
#include "compiler/fuse/Fusion.h"
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DEF_FUSEVOCABULARYPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

static Outcome fuseVocabulary(TopTokensOp top, RewriterBase &rewriter) {
  auto linear = top.getLogits().getDefiningOp<LinearOp>();
  // Logits that something else made (a penalty, a sum of two models) have to
  // exist before they can be compared.
  if (!linear)
    return Refusal{"no-linear", "expected logits from encdec.linear",
                   "compute what changes the logits in logit_bias",
                   top.getLogits().getDefiningOp()};
  // The other outputs of a linear with several would be lost.
  if (linear.getOutputs().size() != 1)
    return Refusal{"variadic-linear",
                   "expected a linear with one output, but it has " +
                       std::to_string(linear.getOutputs().size()),
                   "run encdec-decompose, or this pass before "
                   "encdec-fuse-projections",
                   linear};
  // A second reader needs the logits stored, and then nothing is gained.
  if (!top.getLogits().hasOneUse())
    return Refusal{"multi-use-logits",
                   "expected top_tokens to be the only reader of the logits",
                   "drop the other reader",
                   otherUser(top.getLogits(), top)};
  auto vocabulary = VocabularyOp::create(
      rewriter, rewriter.getFusedLoc({top.getLoc(), linear.getLoc()}), linear.getInput(),
      linear.getWeight(), linear.getBias(), /*sketch=*/FlatSymbolRefAttr(), top.getLogitBias(),
      top.getRowBias(),
      top.getCount());
  int64_t size = cast<RankedTensorType>(linear.getType(0)).getDimSize(1);
  rewriter.replaceOp(top, vocabulary);
  rewriter.eraseOp(linear);
  return Gain{vocabulary, "vocabulary",
              "2 ops became 1; " + std::to_string(size) +
                  " logits a row are not stored"};
}

namespace {
struct FuseVocabularyPass
    : encdec::impl::FuseVocabularyPassBase<FuseVocabularyPass> {
  void runOnOperation() override {
    fuseEach<TopTokensOp>(getOperation(), "fuse-vocabulary", fuseVocabulary);
  }
};
} // namespace
