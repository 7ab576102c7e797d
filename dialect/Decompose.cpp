// Fused ops know the plain ops they stand for (DecomposableOpInterface).
#include "dialect/Ops.h"

using namespace mlir;
using namespace encdec;

using Values = FailureOr<SmallVector<Value>>;

Location encdec::plainLocation(Operation *op, unsigned i, unsigned count) {
  auto fused = dyn_cast<FusedLoc>(op->getLoc());
  // One with metadata is a location of its own.
  bool ofEach = fused && !fused.getMetadata() && fused.getLocations().size() == count;
  return ofEach ? fused.getLocations()[i] : op->getLoc();
}

Values LinearOp::decompose(OpBuilder &b) {
  if (getOutputs().size() == 1)
    return failure(); // plain already
  SmallVector<Value> outputs;
  for (auto [i, output] : llvm::enumerate(getOutputs()))
    outputs.push_back(LinearOp::create(b, plainLocation(*this, i, getOutputs().size()),
                                       output.getType(), getInput(), getWeight(i), getBias(i))
                          .getOutput());
  return outputs;
}

// No plain op picks heads: either all heads' probabilities are asked for, or none.
template <typename Attention> static bool wantsSomeHeads(Attention op) {
  auto heads = op.getProbsHeads();
  return heads && heads->size() != op.getHeads();
}

// softmax(scale * Q·Kᵀ [+ bias] [masked]) · V
template <typename Attention>
static SmallVector<Value> decomposeAttention(OpBuilder &b, Attention op, Value bias,
                                             Value biasPositions, Value positions) {
  // The location lists context, softmax, [mask], scores.
  unsigned count = positions ? 4 : 3;
  auto at = [&](unsigned i) { return plainLocation(op, i, count); };
  Value scores =
      ScoresOp::create(b, at(count - 1), op.getQuery(), op.getKey(), op.getRows(),
                       op.getOffsets(), bias, biasPositions, op.getHeadsAttr(),
                       op.getScaleAttr());
  if (positions)
    scores = MaskOp::create(b, at(2), scores.getType(), scores, positions);
  Value probs = SoftmaxOp::create(b, at(1), scores.getType(), scores);
  Value context = ContextOp::create(b, at(0), probs, op.getValue(), op.getRows(),
                                    op.getOffsets(), op.getHeadsAttr());
  if (op.getProbs())
    return {context, probs};
  return {context};
}

Values SelfAttentionOp::decompose(OpBuilder &b) {
  if (wantsSomeHeads(*this))
    return failure();
  return decomposeAttention(b, *this, getBias(), getBiasPositions(), getPositions());
}

Values CrossAttentionOp::decompose(OpBuilder &b) {
  if (wantsSomeHeads(*this))
    return failure();
  return decomposeAttention(b, *this, /*bias=*/{}, /*biasPositions=*/{}, /*positions=*/{});
}

// The hidden width F stands in the weight, not in a type of the op.
Values FfnOp::decompose(OpBuilder &b) {
  WeightOp up = lookupWeight(*this, getUpWeightAttr());
  if (!up)
    return failure();
  Type hidden = rowsType(b.getContext(), up.getTensorType().getDimSize(0),
                         *sideOf(getInput()));
  // The location lists down, activation, [gate], up.
  unsigned count = getGateWeightAttr() ? 4 : 3;
  auto at = [&](unsigned i) { return plainLocation(*this, i, count); };
  Value x = LinearOp::create(b, at(count - 1), hidden, getInput(), getUpWeightAttr(),
                             getUpBiasAttr())
                .getOutput();
  Value gate;
  if (getGateWeightAttr())
    gate = LinearOp::create(b, at(2), hidden, getInput(), getGateWeightAttr(),
                            getGateBiasAttr())
               .getOutput();
  x = ActivationOp::create(b, at(1), hidden, x, gate, getKindAttr());
  x = LinearOp::create(b, at(0), getType(), x, getDownWeightAttr(),
                       getDownBiasAttr())
          .getOutput();
  return SmallVector<Value>{x};
}

Values AddNormOp::decompose(OpBuilder &b) {
  Type type = getOutput().getType();
  Value sum = AddOp::create(b, plainLocation(*this, 1, 2), type, getInput(), getResidual());
  SmallVector<Value> results{NormOp::create(b, plainLocation(*this, 0, 2), type, sum,
                                            getGammaAttr(), getBetaAttr(), getEpsAttr(),
                                            getKindAttr())};
  if (getKeepsSum())
    results.push_back(sum);
  return results;
}

Values VocabularyOp::decompose(OpBuilder &b) {
  int64_t width =
      cast<RankedTensorType>(getLogitBias().getType()).getDimSize(1);
  Value logits =
      LinearOp::create(b, plainLocation(*this, 1, 2),
                       rowsType(b.getContext(), width, *sideOf(getInput())),
                       getInput(), getWeightAttr(), getBiasAttr())
          .getOutput();
  auto top = TopTokensOp::create(b, plainLocation(*this, 0, 2), logits, getLogitBias(),
                                 getRowBias(), getCount());
  return SmallVector<Value>{top.getTokens(), top.getLogProbs()};
}
