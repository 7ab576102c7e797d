// The verifiers of ops: sides, sizes, places. VerifyWeights.cpp checks the weights that
// an op names. The numbers C1, C2, … are those of Ops.td; a test named @<op>_c<number>
// breaks each.
#include "dialect/Verify.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;

//===-- The checks all ops share ------------------------------------------===//

// Where the other operand comes from: its op, or the function it is handed to.
static void noteDefinition(InFlightDiagnostic &diagnostic, Value other,
                           StringRef name) {
  diagnostic.attachNote(other.getLoc())
      << name << " is " << other.getType() << ", defined here";
}

// `what` must be of the side that `other` (named `otherName`) asks for.
LogicalResult encdec::expectSide(Operation *op, StringRef what, Value value,
                                 Side expected, Value other,
                                 StringRef otherName, StringRef why) {
  std::optional<Side> side = sideOf(value);
  if (side == expected)
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expected ")
      << what << " of the " << stringifySide(expected) << " but got one of the "
      << (side ? stringifySide(*side) : StringRef("neither side")) << ": "
      << why;
  noteDefinition(diagnostic, other, otherName);
  return failure();
}

// The one shape check: a size of `what` against the size that `other` asks for.
LogicalResult encdec::expectSize(Operation *op, const Twine &what, int64_t got,
                                 int64_t expected, Value other,
                                 StringRef otherName) {
  if (got == expected)
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError("expected ")
                                  << what << " to be " << expected
                                  << " but got " << got;
  noteDefinition(diagnostic, other, otherName);
  return failure();
}

static LogicalResult expectHeads(Operation *op, int64_t heads, Value of,
                                 StringRef name) {
  int64_t width = widthOf(of);
  if (heads > 0 && width % heads == 0)
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expected heads to divide the width of ")
      << name << ", " << width << ", but got " << heads << " heads";
  noteDefinition(diagnostic, of, name);
  return failure();
}

static LogicalResult expectEntry(Operation *op, StringRef entry,
                                 StringRef why) {
  StringRef got = entryOf(op);
  if (got == entry)
    return success();
  InFlightDiagnostic diagnostic =
      op->emitOpError("expected to stand in a function with encdec.entry = \"")
      << entry << "\" but got "
      << (got.empty() ? "one without it" : "\"" + got.str() + "\"") << ": "
      << why;
  if (auto function = op->getParentOfType<func::FuncOp>())
    diagnostic.attachNote(function.getLoc()) << "the function is here";
  return failure();
}

//===-- Attention, in pieces ----------------------------------------------===//

static constexpr llvm::StringLiteral kAsks =
    "the decoder asks, the encoder answers";

// C9 of scores, C11 and C6 of the attentions: keys lie in a handle by its heads.
template <typename Scored> static LogicalResult expectHandleHeads(Scored op) {
  Value handle;
  int64_t heads = op.getHeads();
  if (auto read = op.getKey().template getDefiningOp<MemoryReadOp>()) {
    handle = read.getMemory();
    heads = cast<MemoryType>(handle.getType()).getHeads();
  } else if (auto read = op.getKey().template getDefiningOp<CacheReadOp>()) {
    handle = read.getCache();
    heads = cast<CacheType>(handle.getType()).getHeads();
  }
  if (int64_t(op.getHeads()) == heads)
    return success();
  InFlightDiagnostic diagnostic = op.emitOpError("expected the ")
                                  << heads << " heads by which the keys are held but got "
                                  << op.getHeads();
  noteDefinition(diagnostic, handle, "their handle");
  return diagnostic;
}

// C8 of scores, C9 of self_attention: a bias has a distance for each key only if it was
// made for these keys, and a query stands where its cache ends.
template <typename Scored> static LogicalResult verifyDistances(Scored op) {
  Value positions = op.getBiasPositions();
  if (auto made = op.getBias().template getDefiningOp<RelativeBiasOp>()) {
    bool over = bool(made.getOffsets());
    if (over ? made.getOffsets() != op.getOffsets() : made.getPositions() != positions) {
      InFlightDiagnostic diagnostic = op.emitOpError("expected a bias ")
                                      << (over ? "over the offsets that the keys have"
                                               : "to the positions at which it is read")
                                      << " but got one of others, which may be shorter";
      diagnostic.attachNote(made.getLoc()) << "the bias is made here";
      return diagnostic;
    }
  }
  auto read = op.getKey().template getDefiningOp<CacheReadOp>();
  if (!read || read.getPositions() == positions)
    return success();
  InFlightDiagnostic diagnostic =
      op.emitOpError("expected the bias at the positions to which the cache is read but got "
                     "others: a query stands where its cache ends");
  diagnostic.attachNote(read.getLoc()) << "the cache is read here";
  return diagnostic;
}

// C4 … C8 of scores, C6 … C9 of self_attention.
template <typename Scored> static LogicalResult verifyBias(Scored op) {
  Value bias = op.getBias();
  // C4, C6
  if (bool(bias) != bool(op.getBiasPositions()))
    return op.emitOpError("expected a bias and its positions together but got only the ")
           << (bias ? "bias" : "positions");
  if (!bias)
    return success();
  Side side = *sideOf(op.getQuery());
  // C5
  if (failed(expectSide(op, "key", op.getKey(), side, bias, "bias",
                        "a bias is of distances, and there is none between the sides")))
    return failure();
  // C6, C7
  if (failed(expectSide(op, "bias", bias, side, op.getQuery(), "query",
                        "the sides have buckets of their own")))
    return failure();
  // C7, C8
  if (failed(expectSize(op, "the heads of bias",
                        cast<RankedTensorType>(bias.getType()).getDimSize(0),
                        op.getHeads(), bias, "bias")))
    return failure();
  return verifyDistances(op);
}

LogicalResult RelativeBiasOp::verify() {
  // C1
  if (bool(getOffsets()) == bool(getPositions()))
    return emitOpError("expected a bias over offsets or to positions but got ")
           << (getOffsets() ? "both" : "neither");
  // C2
  if (isBidirectional())
    return expectSide(*this, "bias", getBias(), Side::encoder, getOffsets(), "offsets",
                      "a decoder's query stands where its cache ends, so its bias is made "
                      "to positions");
  return expectSide(*this, "bias", getBias(), Side::decoder, getPositions(), "positions",
                    "the encoder sees keys on both sides of a query, so its bias is made "
                    "over offsets");
}

LogicalResult ScoresOp::verify() {
  // C1
  if (sideOf(getQuery()) == Side::encoder &&
      failed(expectSide(*this, "key", getKey(), Side::encoder, getQuery(),
                        "query", kAsks)))
    return failure();
  // C2
  if (failed(expectSize(*this, "the width of key", widthOf(getKey()),
                        widthOf(getQuery()), getQuery(), "query")))
    return failure();
  // C3
  if (failed(expectHeads(*this, getHeads(), getQuery(), "query")))
    return failure();
  // C4 … C9
  if (failed(verifyBias(*this)))
    return failure();
  return expectHandleHeads(*this);
}

// The key that the query behind `probs` asked; null if it cannot be seen.
static Value keyBehind(Value probs) {
  Operation *origin = originOf(probs);
  if (!origin)
    return {};
  return llvm::TypeSwitch<Operation *, Value>(origin)
      .Case<ScoresOp, SelfAttentionOp, CrossAttentionOp>(
          [](auto scored) { return scored.getKey(); })
      .Default(Value());
}

LogicalResult MaskOp::verify() {
  // C1
  if (sideOf(getScores()) != Side::decoder)
    return emitOpError("expected scores of the decoder but got ones of the "
                       "encoder: the encoder sees its whole source");
  // C2
  Value key = keyBehind(getScores());
  if (key && sideOf(key) != Side::decoder) {
    InFlightDiagnostic diagnostic =
        emitOpError("expected scores over keys of the decoder but got "
                    "cross-attention's: there is no causal mask on the memory, "
                    "the whole source is there from the start");
    diagnostic.attachNote(originOf(getScores())->getLoc()) << "the scores are made here";
    noteDefinition(diagnostic, key, "their key");
    return failure();
  }
  // C3
  auto scores = getScores().getDefiningOp<ScoresOp>();
  if (!scores || !scores.getBias() || scores.getBiasPositions() == getPositions())
    return success();
  InFlightDiagnostic diagnostic = emitOpError(
      "expected the positions of the scores' bias but got others: a row has one position");
  diagnostic.attachNote(scores.getLoc()) << "the scores are made here";
  return diagnostic;
}

LogicalResult ContextOp::verify() {
  // C1
  if (sideOf(getProbs()) == Side::encoder &&
      failed(expectSide(*this, "value", getValue(), Side::encoder, getProbs(),
                        "probs", kAsks)))
    return failure();
  // C2
  if (failed(expectHeads(*this, getHeads(), getValue(), "value")))
    return failure();
  // C3
  auto probs = cast<RankedTensorType>(getProbs().getType());
  if (failed(expectSize(*this, "heads", getHeads(), probs.getDimSize(0),
                        getProbs(), "probs")))
    return failure();
  // C4
  if (Value key = keyBehind(getProbs()))
    return expectSide(*this, "value", getValue(), *sideOf(key), key,
                      "the key behind probs", "a value stands beside its key");
  return success();
}

//===-- Rows --------------------------------------------------------------===//

static constexpr llvm::StringLiteral kMix =
    "only cross-attention connects the two sides";

LogicalResult AddOp::verify() {
  // C1
  if (failed(
          expectSide(*this, "y", getY(), *sideOf(getX()), getX(), "x", kMix)))
    return failure();
  // C2
  return expectSize(*this, "the width of y", widthOf(getY()), widthOf(getX()),
                    getX(), "x");
}

LogicalResult TopTokensOp::verify() {
  // C1
  return expectSize(*this, "the width of logit_bias", widthOf(getLogitBias()),
                    widthOf(getLogits()), getLogits(), "logits");
}

//===-- Handles -----------------------------------------------------------===//

LogicalResult CacheAppendOp::verify() {
  int64_t width = cast<CacheType>(getCache().getType()).getWidth();
  auto check = [&](StringRef what, Value value) -> LogicalResult {
    // C1
    if (failed(
            expectSide(*this, what, value, Side::decoder, value, what,
                       "a cache grows by the decoder's own keys and values")))
      return failure();
    // C2
    return expectSize(*this, "the width of " + what, widthOf(value), width,
                      getCache(), "cache");
  };
  if (failed(check("key", getKey())) || failed(check("value", getValue())))
    return failure();
  // C3
  return expectEntry(*this, "step", "only a step appends to a cache");
}

LogicalResult MemoryProjectOp::verify() {
  // C1
  if (failed(expectSide(*this, "input", getInput(), Side::encoder, getInput(),
                        "input", "a memory holds what the encoder said")))
    return failure();
  // C2
  return expectEntry(*this, "encode", "nothing writes memory in a step");
}

//===-- Fused ops ---------------------------------------------------------===//

// C3 … C5 of both attentions: one width, heads that divide it, chosen heads.
template <typename Attention>
static LogicalResult verifyAttentionSizes(Attention op) {
  int64_t width = widthOf(op.getQuery());
  if (failed(expectSize(op, "the width of key", widthOf(op.getKey()), width,
                        op.getQuery(), "query")) ||
      failed(expectSize(op, "the width of value", widthOf(op.getValue()), width,
                        op.getQuery(), "query")) ||
      failed(expectHeads(op, op.getHeads(), op.getQuery(), "query")))
    return failure();
  int64_t last = -1;
  for (int64_t head : op.getProbsHeads().value_or(ArrayRef<int64_t>{})) {
    if (head <= last || head >= int64_t(op.getHeads()))
      return op.emitOpError("expected probs to name heads below ")
             << op.getHeads() << ", ascending, but got head " << head
             << (last < 0 ? "" : " after " + std::to_string(last));
    last = head;
  }
  return success();
}

LogicalResult SelfAttentionOp::verify() {
  // C1
  Side side = *sideOf(getQuery());
  StringRef why = side == Side::encoder ? StringRef(kAsks) : StringRef(kMix);
  if (failed(
          expectSide(*this, "key", getKey(), side, getQuery(), "query", why)) ||
      failed(expectSide(*this, "value", getValue(), side, getQuery(), "query",
                        why)))
    return failure();
  // C2
  if (getPositions() &&
      failed(expectSide(*this, "query", getQuery(), Side::decoder, getQuery(),
                        "query",
                        "causal is for the decoder, the encoder sees its whole "
                        "source")))
    return failure();
  // C3 … C5
  if (failed(verifyAttentionSizes(*this)))
    return failure();
  // C6 … C9
  if (failed(verifyBias(*this)))
    return failure();
  // C10
  if (getBias() && getPositions() && getPositions() != getBiasPositions())
    return emitOpError("expected causal and bias at the same positions but got two: a row "
                       "has one position");
  // C11
  return expectHandleHeads(*this);
}

LogicalResult CrossAttentionOp::verify() {
  // C1
  if (failed(expectSide(*this, "query", getQuery(), Side::decoder, getQuery(),
                        "query", kAsks)))
    return failure();
  // C2
  if (failed(expectSide(*this, "key", getKey(), Side::encoder, getKey(), "key",
                        kAsks)) ||
      failed(expectSide(*this, "value", getValue(), Side::encoder, getValue(),
                        "value", kAsks)))
    return failure();
  // C3 … C5
  if (failed(verifyAttentionSizes(*this)))
    return failure();
  // C6
  return expectHandleHeads(*this);
}

LogicalResult AddNormOp::verify() {
  // C1
  if (failed(expectSide(*this, "residual", getResidual(), *sideOf(getInput()),
                        getInput(), "input", kMix)))
    return failure();
  // C2
  return expectSize(*this, "the width of residual", widthOf(getResidual()),
                    widthOf(getInput()), getInput(), "input");
}
