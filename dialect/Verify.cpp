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
  return expectHeads(*this, getHeads(), getQuery(), "query");
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
  if (!key || sideOf(key) == Side::decoder)
    return success();
  InFlightDiagnostic diagnostic =
      emitOpError("expected scores over keys of the decoder but got "
                  "cross-attention's: there is no causal mask on the memory, "
                  "the whole source is there from the start");
  diagnostic.attachNote(originOf(getScores())->getLoc())
      << "the scores are made here";
  noteDefinition(diagnostic, key, "their key");
  return failure();
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
  return verifyAttentionSizes(*this);
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
  return verifyAttentionSizes(*this);
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
