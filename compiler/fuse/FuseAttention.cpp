// scores, [mask], softmax, context → self_attention or cross_attention: the
// scores (H x R x K floats) live in a buffer of one row's keys and are no tensor.
//
// The types say which of the two an attention is: a query of the decoder on keys of the
// encoder is cross-attention, any other attention stays within one side. Where keys and
// values come from (linears, a memory_read, a cache_read) does not matter.
#include "compiler/fuse/Fusion.h"
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DEF_FUSEATTENTIONPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

static constexpr llvm::StringLiteral kPass = "fuse-attention";

namespace {
/// The plain ops of one attention, as found from its end.
struct Chain {
  ScoresOp scores;
  MaskOp mask; // null where nothing is masked
  SoftmaxOp softmax;
  ContextOp context;
  bool keepProbs = false; // something besides context reads the probabilities
};
} // namespace

/// Follows the operands of `context` back to the scores.
static std::variant<Chain, Refusal> match(ContextOp context) {
  Chain chain;
  chain.context = context;
  chain.softmax = context.getProbs().getDefiningOp<SoftmaxOp>();
  // The probabilities come from outside, or another op changes them.
  if (!chain.softmax)
    return Refusal{"no-softmax", "expected probs from encdec.softmax",
                   "none: these probabilities are made elsewhere",
                   context.getProbs().getDefiningOp()};
  Value scored = chain.softmax.getScores();
  if ((chain.mask = scored.getDefiningOp<MaskOp>()))
    scored = chain.mask.getScores();
  chain.scores = scored.getDefiningOp<ScoresOp>();
  // There are two masks, or another op (a plugin's) changes the scores.
  if (!chain.scores)
    return Refusal{
        "no-scores", "expected softmax of encdec.scores, masked at most once",
        "fold what changes the scores into encdec.scores or its mask",
        scored.getDefiningOp()};
  // A second reader of the scores needs them as a tensor, and the fused op has no
  // result for them: they would be computed twice.
  if (!scored.hasOneUse())
    return Refusal{"multi-use-scores",
                   "expected one reader of the scores, but there are more",
                   "drop the other reader",
                   otherUser(scored, chain.mask
                                         ? chain.mask.getOperation()
                                         : chain.softmax.getOperation())};
  if (chain.mask && !chain.mask.getMasked().hasOneUse())
    return Refusal{
        "multi-use-masked",
        "expected one reader of the masked scores, but there are more",
        "drop the other reader",
        otherUser(chain.mask.getMasked(), chain.softmax)};
  // Readers that are no context (an alignment, a returned value) are served by
  // the fused op's second result; a second context would not be fused by it.
  for (Operation *user : chain.softmax->getUsers()) {
    if (user == context)
      continue;
    if (isa<ContextOp>(user))
      return Refusal{"shared-probs",
                     "expected one encdec.context of these probabilities, but "
                     "there is another",
                     "give each context a softmax of its own", user};
    chain.keepProbs = true;
  }
  return chain;
}

/// A reader of the probabilities that does not stand below the context.
static Operation *earlyReader(const Chain &chain) {
  ContextOp context = chain.context;
  for (Operation *user : chain.softmax->getUsers()) {
    Operation *beside = context->getBlock()->findAncestorOpInBlock(*user);
    if (user != context && (!beside || beside->isBeforeInBlock(context)))
      return user;
  }
  return nullptr;
}

/// What the pieces must agree on before one op can stand for them.
static std::optional<Refusal> disagreement(const Chain &chain) {
  ScoresOp scores = chain.scores;
  ContextOp context = chain.context;
  // The fused op has one row map: keys and values of one segment lie together.
  if (scores.getRows() != context.getRows() ||
      scores.getOffsets() != context.getOffsets())
    return Refusal{"ragged-mismatch",
                   "expected scores and context of the same rows and offsets",
                   "give both the same operands", scores};
  if (widthOf(scores.getKey()) != widthOf(context.getValue()))
    return Refusal{"width-mismatch",
                   "expected values of the keys' width " +
                       std::to_string(widthOf(scores.getKey())) + ", but got " +
                       std::to_string(widthOf(context.getValue())),
                   "none: the fused ops have one head size", scores};
  // The fused op needs the values, so it stands where the context does.
  if (Operation *early = earlyReader(chain))
    return Refusal{"early-probs",
                   "expected the readers of the probabilities after the "
                   "context, in its block",
                   "move the reader below encdec.context", early};
  return std::nullopt;
}

static Outcome fuseAttention(ContextOp context, RewriterBase &rewriter) {
  auto matched = match(context);
  if (auto *refusal = std::get_if<Refusal>(&matched))
    return *refusal;
  Chain chain = std::get<Chain>(matched);
  if (auto refusal = disagreement(chain))
    return *refusal;

  ScoresOp scores = chain.scores;
  int64_t heads = scores.getHeads();
  DenseI64ArrayAttr probsHeads; // all of them, in order
  SmallVector<Type> types{context.getType()};
  if (chain.keepProbs) {
    probsHeads = rewriter.getDenseI64ArrayAttr(
        llvm::to_vector(llvm::seq<int64_t>(0, heads)));
    types.push_back(chain.softmax.getType());
  }

  Operation *fused;
  SmallVector<Location> locations{context.getLoc(), chain.softmax.getLoc()};
  if (chain.mask)
    locations.push_back(chain.mask.getLoc());
  locations.push_back(scores.getLoc());
  Location loc = rewriter.getFusedLoc(locations);
  bool cross = sideOf(scores.getQuery()) != sideOf(scores.getKey());
  if (cross)
    fused = CrossAttentionOp::create(
        rewriter, loc, types, scores.getQuery(), scores.getKey(),
        context.getValue(), scores.getRows(), scores.getOffsets(),
        scores.getHeadsAttr(), scores.getScaleAttr(), probsHeads);
  else
    fused = SelfAttentionOp::create(
        rewriter, loc, types, scores.getQuery(), scores.getKey(),
        context.getValue(), scores.getRows(), scores.getOffsets(),
        scores.getBias(), scores.getBiasPositions(), chain.mask ? chain.mask.getPositions() : Value(), scores.getHeadsAttr(),
        scores.getScaleAttr(), probsHeads);

  rewriter.replaceOp(context, fused->getResult(0));
  if (chain.keepProbs)
    rewriter.replaceOp(chain.softmax, fused->getResult(1));
  else
    rewriter.eraseOp(chain.softmax);
  if (chain.mask)
    rewriter.eraseOp(chain.mask);
  rewriter.eraseOp(scores);
  std::string gain = std::to_string(chain.mask ? 4 : 3) +
                     " ops became 1; scores of " + std::to_string(heads) +
                     " heads x rows x keys are not stored" +
                     (chain.keepProbs ? ", probabilities are" : "");
  if (cross)
    return Gain{fused, "cross-attention", gain};
  return Gain{fused, "self-attention", gain};
}

namespace {
struct FuseAttentionPass
    : encdec::impl::FuseAttentionPassBase<FuseAttentionPass> {
  void runOnOperation() override {
    fuseEach<ContextOp>(getOperation(), kPass, fuseAttention);
    // The context has reported the scores behind it; these scores lead to no context.
    DenseSet<Operation *> told;
    getOperation().walk([&](ContextOp context) {
      if (ScoresOp scores = scoresBehind(context.getProbs()))
        told.insert(scores);
    });
    getOperation().walk([&](ScoresOp scores) {
      if (!told.contains(scores))
        reportMissed(kPass, scores,
                     {"no-context",
                      "expected the scores to reach an encdec.context",
                      "none: there are no values to weigh",
                      scores->use_empty() ? nullptr : *scores->user_begin()});
    });
  }
};
} // namespace
