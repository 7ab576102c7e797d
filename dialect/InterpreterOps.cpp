// What each op does with the values of its operands.
#include "dialect/Interpreter.h"
#include "dialect/Origin.h"
#include "dialect/ReferenceCheck.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::reference;

using Results = FailureOr<std::vector<reference::Value>>;

static Results one(Tensor tensor) {
  return std::vector<reference::Value>{std::move(tensor)};
}

// The weights an op names; fails after an error was emitted.
#define WEIGHT(name, symbol)                                                   \
  bool name##Failed = false;                                                   \
  const Tensor *name = weight(op, symbol, name##Failed);                       \
  if (name##Failed)                                                            \
    return failure();

template <> Results Interpreter::eval(EmbedOp op) {
  const Tensor &ids = tensor(op.getIds()), &at = tensor(op.getPositions());
  WEIGHT(table, op.getTableAttr())
  WEIGHT(places, op.getPositionTableAttr())
  if (failed(within(op, "ids", ids, table->rows())) ||
      (places && failed(within(op, "positions", at, places->rows()))))
    return failure();
  double scale = op.getScale().convertToFloat();
  Tensor y({ids.rows(), table->width()});
  for (int64_t r = 0; r < y.rows(); ++r)
    for (int64_t k = 0; k < y.width(); ++k)
      y.at(r, k) = scale * table->at(int64_t(ids.values[r]), k) +
                   (places ? places->at(int64_t(at.values[r]), k) : 0);
  return one(y);
}

template <> Results Interpreter::eval(LinearOp op) {
  std::vector<reference::Value> outputs;
  for (size_t i = 0; i < op.getOutputs().size(); ++i) {
    WEIGHT(w, op.getWeight(i))
    WEIGHT(b, op.getBias(i))
    outputs.push_back(
        product(op, op.getWeight(i), tensor(op.getInput()), *w, b));
  }
  return outputs;
}

template <> Results Interpreter::eval(RelativeBiasOp op) {
  WEIGHT(table, op.getTableAttr())
  const Tensor &of = tensor(op.isBidirectional() ? op.getOffsets() : op.getPositions());
  // One number must not ask for more memory than there is.
  constexpr int64_t most = 1 << 20;
  if (failed(within(op, op.isBidirectional() ? "offsets" : "positions", of, most)))
    return failure();
  int64_t n = 1; // key positions
  for (int64_t i = 0; i < int64_t(of.values.size()); ++i)
    if (!op.isBidirectional())
      n = std::max(n, int64_t(of.values[i]) + 1);
    else if (i > 0)
      n = std::max(n, int64_t(of.values[i] - of.values[i - 1]));
  return one(relativeBias(*table, n, op.getMaxDistance(), op.isBidirectional()));
}

template <typename Op>
FailureOr<Tensor> Interpreter::scored(Op op, const KeyRanges &seen, mlir::Value bias,
                                      mlir::Value biasPositions) {
  Tensor result = scores(tensor(op.getQuery()), tensor(op.getKey()), seen, op.getHeads(),
                         op.getScale().convertToFloat());
  if (!bias)
    return result;
  // Distances of a bias end with that of 0, or reach as far after the query as before.
  const Tensor &distances = tensor(bias), &positions = tensor(biasPositions);
  bool both = sideOf(bias) == Side::encoder;
  int64_t zero = both ? (distances.width() - 1) / 2 : distances.width() - 1;
  if (failed(within(op, "bias_positions", positions, zero + 1)))
    return failure();
  for (auto [r, range] : llvm::enumerate(seen)) {
    int64_t last = range.second - range.first - 1 - int64_t(positions.values[r]) + zero;
    if (both && last >= distances.width())
      return op.emitError("expected a bias of ")
             << last + 1 << " distances for row " << r << " but got " << distances.width();
  }
  return addBias(std::move(result), distances, positions, zero);
}

template <> Results Interpreter::eval(ScoresOp op) {
  auto seen = keyRanges(op, tensor(op.getRows()), tensor(op.getOffsets()),
                        tensor(op.getKey()).rows());
  if (failed(seen))
    return failure();
  FailureOr<Tensor> result = scored(op, *seen, op.getBias(), op.getBiasPositions());
  return failed(result) ? Results(failure()) : one(*result);
}

template <> Results Interpreter::eval(MaskOp op) {
  return one(causalMask(tensor(op.getScores()), tensor(op.getPositions())));
}

template <> Results Interpreter::eval(SoftmaxOp op) {
  return one(softmax(tensor(op.getScores())));
}

template <> Results Interpreter::eval(ContextOp op) {
  const Tensor &value = tensor(op.getValue());
  const Tensor &probs = tensor(op.getProbs());
  auto seen = keyRanges(op, tensor(op.getRows()), tensor(op.getOffsets()), value.rows());
  if (failed(seen))
    return failure();
  for (auto [first, end] : *seen)
    if (end - first > probs.width())
      return op.emitError("expected probs of each key in a segment but got ")
             << probs.width() << " for " << end - first << " keys";
  return one(context(probs, value, *seen, op.getHeads()));
}

template <> Results Interpreter::eval(AddOp op) {
  return one(add(tensor(op.getX()), tensor(op.getY())));
}

template <typename Op> FailureOr<Tensor> Interpreter::normed(Op op, Tensor x) {
  WEIGHT(gamma, op.getGammaAttr())
  WEIGHT(beta, op.getBetaAttr())
  auto compute = op.getKind() == NormKind::rms ? rmsNorm : norm;
  return compute(std::move(x), *gamma, beta, op.getEps().convertToFloat());
}

template <> Results Interpreter::eval(NormOp op) {
  FailureOr<Tensor> y = normed(op, tensor(op.getInput()));
  return failed(y) ? Results(failure()) : one(*y);
}

static reference::Activation kindOf(ActivationKind kind) {
  switch (kind) {
  case ActivationKind::relu:
    return Activation::relu;
  case ActivationKind::gelu:
    return Activation::gelu;
  case ActivationKind::gelu_tanh:
    return Activation::geluTanh;
  case ActivationKind::silu:
    return Activation::silu;
  }
  llvm_unreachable("all kinds are above");
}

template <> Results Interpreter::eval(ActivationOp op) {
  Tensor y = activate(tensor(op.getInput()), kindOf(op.getKind()));
  return one(op.getGate() ? multiply(std::move(y), tensor(op.getGate())) : y);
}

template <typename Op> Results Interpreter::top(Op op, const Tensor &logits) {
  const Tensor &bias = tensor(op.getLogitBias());
  const Tensor &rowBias = tensor(op.getRowBias());
  int64_t count = int64_t(tensor(op.getCount()).values[0]);
  if (failed(within(op, "row_bias", rowBias, bias.rows())))
    return failure();
  if (count < 1)
    return op.emitError("expected at least 1 token to keep but got ") << count;
  Top found = topTokens(logits, bias, rowBias, count);
  return std::vector<reference::Value>{found.tokens, found.logProbs};
}

template <> Results Interpreter::eval(TopTokensOp op) {
  return top(op, tensor(op.getLogits()));
}

//===-- Handles -----------------------------------------------------------===//

/// Rounds keys or values as a handle of `element` stores them; f32 stands for exact
/// values.
static void roundStored(Type element, std::vector<double> &values) {
  if (!element.isF32())
    for (double &value : values)
      value = roundTo(element, value);
}

template <> Results Interpreter::eval(MemoryProjectOp op) {
  auto memory = std::get<std::shared_ptr<Memory>>(values.at(op.getMemory()));
  const Tensor &x = tensor(op.getInput());
  WEIGHT(kw, op.getKeyWeightAttr())
  WEIGHT(kb, op.getKeyBiasAttr())
  WEIGHT(vw, op.getValueWeightAttr())
  WEIGHT(vb, op.getValueBiasAttr())
  memory->key = product(op, op.getKeyWeightAttr(), x, *kw, kb);
  memory->value = product(op, op.getValueWeightAttr(), x, *vw, vb);
  Type element = cast<MemoryType>(op.getMemory().getType()).getElement();
  roundStored(element, memory->key.values);
  roundStored(element, memory->value.values);
  memory->offsets = tensor(op.getOffsets());
  return std::vector<reference::Value>{};
}

template <> Results Interpreter::eval(MemoryReadOp op) {
  auto memory = std::get<std::shared_ptr<Memory>>(values.at(op.getMemory()));
  if (memory->offsets.values.empty())
    return op.emitError("this memory was never projected");
  return std::vector<reference::Value>{memory->key, memory->value,
                                       memory->offsets};
}

template <> Results Interpreter::eval(CacheAppendOp op) {
  auto cache = std::get<std::shared_ptr<Cache>>(values.at(op.getCache()));
  const Tensor &key = tensor(op.getKey()), &value = tensor(op.getValue());
  const Tensor &ancestors = tensor(op.getAncestors());
  const Tensor &positions = tensor(op.getPositions());
  if (failed(within(op, "positions", positions, ancestors.width())))
    return failure();
  auto row = [](const Tensor &t, int64_t r) {
    auto first = t.values.begin() + r * t.width();
    return std::vector<double>(first, first + t.width());
  };
  Type element = cast<CacheType>(op.getCache().getType()).getElement();
  for (int64_t r = 0; r < key.rows(); ++r) {
    int64_t p = int64_t(positions.values[r]);
    Cache::Row &stored = cache->rows[{int64_t(ancestors.at(r, p)), p}];
    stored = {row(key, r), row(value, r)};
    roundStored(element, stored.key);
    roundStored(element, stored.value);
  }
  return std::vector<reference::Value>{};
}

template <> Results Interpreter::eval(CacheReadOp op) {
  auto cache = std::get<std::shared_ptr<Cache>>(values.at(op.getCache()));
  const Tensor &ancestors = tensor(op.getAncestors());
  const Tensor &positions = tensor(op.getPositions());
  if (failed(within(op, "positions", positions, ancestors.width())))
    return failure();
  int64_t width = cast<CacheType>(op.getCache().getType()).getWidth();
  Tensor key({0, width}), value({0, width}), offsets({1}),
      rows({ancestors.rows()});
  for (int64_t r = 0; r < ancestors.rows(); ++r) {
    for (int64_t p = 0; p <= int64_t(positions.values[r]); ++p) {
      auto found = cache->rows.find({int64_t(ancestors.at(r, p)), p});
      if (found == cache->rows.end())
        return op.emitError("expected position ")
               << p << " of slot " << int64_t(ancestors.at(r, p))
               << " to be appended before it is read";
      auto &[k, v] = found->second;
      key.values.insert(key.values.end(), k.begin(), k.end());
      value.values.insert(value.values.end(), v.begin(), v.end());
    }
    key.shape[0] = value.shape[0] = int64_t(key.values.size()) / width;
    offsets.values.push_back(key.rows());
    rows.values[r] = r;
  }
  offsets.shape[0] = int64_t(offsets.values.size());
  return std::vector<reference::Value>{key, value, offsets, rows};
}

//===-- Fused ops ---------------------------------------------------------===//

template <typename Op>
Results Interpreter::attention(Op op, mlir::Value bias, mlir::Value biasPositions,
                               mlir::Value positions) {
  auto seen = keyRanges(op, tensor(op.getRows()), tensor(op.getOffsets()),
                        tensor(op.getKey()).rows());
  if (failed(seen))
    return failure();
  FailureOr<Tensor> scores = scored(op, *seen, bias, biasPositions);
  if (failed(scores))
    return failure();
  if (positions)
    scores = causalMask(std::move(*scores), tensor(positions));
  Tensor probs = softmax(std::move(*scores));
  Results results =
      one(context(probs, tensor(op.getValue()), *seen, op.getHeads()));
  if (auto heads = op.getProbsHeads()) {
    Tensor chosen({int64_t(heads->size()), probs.shape[1], probs.width()});
    auto to = chosen.values.begin();
    int64_t size = probs.shape[1] * probs.width(); // of one head
    for (int64_t h : *heads)
      to = std::copy_n(probs.values.begin() + h * size, size, to);
    results->push_back(chosen);
  }
  return results;
}

template <> Results Interpreter::eval(SelfAttentionOp op) {
  return attention(op, op.getBias(), op.getBiasPositions(), op.getPositions());
}

template <> Results Interpreter::eval(CrossAttentionOp op) {
  return attention(op, /*bias=*/{}, /*biasPositions=*/{}, /*positions=*/{});
}

template <> Results Interpreter::eval(FfnOp op) {
  WEIGHT(w1, op.getUpWeightAttr())
  WEIGHT(b1, op.getUpBiasAttr())
  WEIGHT(wg, op.getGateWeightAttr())
  WEIGHT(bg, op.getGateBiasAttr())
  WEIGHT(w2, op.getDownWeightAttr())
  WEIGHT(b2, op.getDownBiasAttr())
  Tensor hidden =
      activate(product(op, op.getUpWeightAttr(), tensor(op.getInput()), *w1, b1),
               kindOf(op.getKind()));
  if (wg)
    hidden = multiply(std::move(hidden), product(op, op.getGateWeightAttr(),
                                                 tensor(op.getInput()), *wg, bg));
  return one(product(op, op.getDownWeightAttr(), hidden, *w2, b2));
}

template <> Results Interpreter::eval(AddNormOp op) {
  Tensor sum = add(tensor(op.getInput()), tensor(op.getResidual()));
  FailureOr<Tensor> y = normed(op, sum);
  if (failed(y))
    return failure();
  std::vector<reference::Value> results{*y};
  if (op.getKeepsSum())
    results.push_back(std::move(sum));
  return results;
}

template <> Results Interpreter::eval(VocabularyOp op) {
  WEIGHT(w, op.getWeightAttr())
  WEIGHT(b, op.getBiasAttr())
  return top(op,
             product(op, op.getWeightAttr(), tensor(op.getInput()), *w, b));
}

template <> Results Interpreter::eval(arith::ConstantOp op) {
  auto dense = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!dense || !isa<RankedTensorType>(op.getType()) ||
      !dense.getElementType().isIntOrIndexOrFloat())
    return op.emitError("expected a tensor constant of numbers but got ")
           << op.getType();
  Tensor result;
  result.shape.assign(dense.getType().getShape().begin(),
                      dense.getType().getShape().end());
  if (isa<FloatType>(dense.getElementType()))
    for (APFloat value : dense.getValues<APFloat>())
      result.values.push_back(value.convertToDouble());
  else
    for (APInt value : dense.getValues<APInt>())
      result.values.push_back(double(value.getSExtValue()));
  return one(result);
}

template <> Results Interpreter::eval(FusedOp op) {
  for (auto [argument, input] : llvm::zip(op.getBody().getArguments(), op.getInputs()))
    values.insert_or_assign(argument, values.at(input));
  return run(op.getBody().front());
}

Results Interpreter::evaluate(Operation *op) {
  return llvm::TypeSwitch<Operation *, Results>(op)
      .Case<EmbedOp, LinearOp, RelativeBiasOp, ScoresOp, MaskOp, SoftmaxOp, ContextOp, AddOp,
            NormOp, ActivationOp, TopTokensOp, MemoryProjectOp, MemoryReadOp,
            CacheAppendOp, CacheReadOp, SelfAttentionOp, CrossAttentionOp,
            FfnOp, AddNormOp, VocabularyOp, FusedOp, arith::ConstantOp>(
          [&](auto concrete) { return eval(concrete); })
      .Default([](Operation *other) -> Results {
        return other->emitError("the reference interpreter does not know this "
                                "op");
      });
}
