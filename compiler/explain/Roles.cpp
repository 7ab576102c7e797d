// Roles follow from the flow of values: what feeds scores is a projection of an attention,
// what feeds an activation belongs to an FFN, what feeds top_tokens is the vocabulary.
#include "compiler/explain/Roles.h"
#include "compiler/explain/Provenance.h"
#include "compiler/place/Layout.h"
#include "dialect/Ops.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace encdec::explain {
namespace {

StringRef attentionOf(Value query, Value key) {
  return sideOf(query) == sideOf(key) ? "self-attention" : "cross-attention";
}

bool feeds(Operation *op, llvm::function_ref<bool(Operation *)> reader) {
  return llvm::any_of(op->getUsers(), reader);
}

/// The attention whose query, key or value a linear makes, if it is one.
StringRef attentionFedBy(Operation *op) {
  StringRef role;
  for (Operation *user : op->getUsers()) {
    if (isa<CacheAppendOp>(user))
      role = "self-attention";
    else if (auto scores = dyn_cast<ScoresOp>(user))
      role = attentionOf(scores.getQuery(), scores.getKey());
    else if (auto context = dyn_cast<ContextOp>(user)) {
      if (ScoresOp behind = scoresBehind(context.getProbs()))
        role = attentionOf(behind.getQuery(), behind.getKey());
    } else if (isa<SelfAttentionOp>(user))
      role = "self-attention";
    else if (isa<CrossAttentionOp, MemoryProjectOp>(user))
      role = "cross-attention";
  }
  return role;
}

/// The attention whose output `value` is.
StringRef attentionMaking(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto context = dyn_cast_or_null<ContextOp>(op)) {
    ScoresOp scores = scoresBehind(context.getProbs());
    return scores ? attentionOf(scores.getQuery(), scores.getKey()) : "attention";
  }
  return isa_and_nonnull<SelfAttentionOp>(op)    ? "self-attention"
         : isa_and_nonnull<CrossAttentionOp>(op) ? "cross-attention"
                                                 : "";
}

StringRef roleOfLinear(LinearOp linear) {
  if (StringRef role = attentionFedBy(linear); !role.empty())
    return role;
  if (StringRef role = attentionMaking(linear.getInput()); !role.empty())
    return role;
  if (feeds(linear, [](Operation *user) { return isa<TopTokensOp>(user); }))
    return "vocabulary";
  if (isa_and_nonnull<ActivationOp>(linear.getInput().getDefiningOp()) ||
      feeds(linear, [](Operation *user) { return isa<ActivationOp>(user); }))
    return "ffn";
  return "projection";
}

StringRef roleOf(Operation *op) {
  auto ofProbs = [](Value probs) -> StringRef {
    ScoresOp scores = scoresBehind(probs);
    return scores ? attentionOf(scores.getQuery(), scores.getKey()) : "attention";
  };
  return TypeSwitch<Operation *, StringRef>(op)
      .Case([&](LinearOp linear) { return roleOfLinear(linear); })
      .Case([&](ScoresOp scores) { return attentionOf(scores.getQuery(), scores.getKey()); })
      .Case([&](MaskOp mask) { return ofProbs(mask.getScores()); })
      .Case([&](SoftmaxOp softmax) { return ofProbs(softmax.getScores()); })
      .Case([&](ContextOp context) { return ofProbs(context.getProbs()); })
      .Case<SelfAttentionOp, RelativeBiasOp, CacheAppendOp, CacheReadOp>(
          [](auto) { return "self-attention"; })
      .Case<CrossAttentionOp, MemoryProjectOp, MemoryReadOp>(
          [](auto) { return "cross-attention"; })
      .Case<FfnOp, ActivationOp>([](auto) { return "ffn"; })
      .Case<NormOp, AddOp, AddNormOp>([](auto) { return "norm"; })
      .Case<EmbedOp>([](auto) { return "embedding"; })
      .Case<TopTokensOp, VocabularyOp>([](auto) { return "vocabulary"; })
      .Case<func::ReturnOp>([](auto) { return "result"; })
      .Default([](auto) { return "other"; });
}

/// "decoder.l3.self.q.w" is of the decoder's layer 3, "l3.self.q" of some layer 3.
std::optional<int64_t> layerIn(StringRef name) {
  for (StringRef part : llvm::split(name, '.')) {
    int64_t layer = 0;
    if (part.consume_front("l") && !part.getAsInteger(10, layer) && layer >= 0)
      return layer;
  }
  return std::nullopt;
}

template <typename Visit> void visitWeightsOf(Operation *op, Visit visit) {
  if (auto user = dyn_cast<WeightUserOpInterface>(op))
    user.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) { visit(name, role); });
}

std::optional<int64_t> layerOf(Operation *op, StringRef name) {
  std::optional<int64_t> layer = layerIn(name);
  visitWeightsOf(op, [&](FlatSymbolRefAttr weight, WeightRole) {
    if (!layer)
      layer = layerIn(weight.getValue());
  });
  return layer;
}

int64_t rowBytesOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || type.getRank() != 2 || !type.getElementType().isF32() || type.isDynamicDim(1))
    return 0;
  return 4 * type.getDimSize(1);
}

/// Scores and probabilities [heads, rows, keys]: bytes of a row and key.
int64_t keyBytesOf(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && type.getRank() == 3 && type.isDynamicDim(2) ? 4 * type.getDimSize(0) : 0;
}

/// Whose keys an attention sees: those of its source, of a cache or of a memory.
std::string keysOf(Operation *op, Value key) {
  if (isa_and_nonnull<CacheReadOp>(key.getDefiningOp()))
    return "cache";
  return entryOf(op) == "encode" ? "source" : "memory";
}

Work workOfOp(Operation *op, SymbolTable &imported, SymbolTable &placed) {
  Work work;
  visitWeightsOf(op, [&](FlatSymbolRefAttr name, WeightRole role) {
    auto given = imported.lookup<WeightOp>(name.getValue());
    auto weight = placed.lookup<WeightOp>(name.getValue());
    bool multiplied = role == WeightRole::Matrix;
    if (multiplied && given)
      work.rowMadds += given.getTensorType().getNumElements();
    // What place has given no room is not read.
    if (weight && weight.getOffset() && role != WeightRole::Sketch)
      work.weightBytes += bytesRead(weight, multiplied || role == WeightRole::Vector ||
                                                role == WeightRole::Distances);
  });
  auto attends = [&](Value query, Value key, int64_t madds) {
    work.keys[keysOf(op, key)].madds += madds * widthOf(query);
  };
  TypeSwitch<Operation *>(op)
      .Case([&](ScoresOp scores) { attends(scores.getQuery(), scores.getKey(), 1); })
      .Case([&](ContextOp context) {
        if (ScoresOp scores = scoresBehind(context.getProbs()))
          attends(context.getResult(), scores.getKey(), 1);
      })
      .Case<SelfAttentionOp, CrossAttentionOp>(
          [&](auto attention) { attends(attention.getQuery(), attention.getKey(), 2); });
  for (Value operand : op->getOperands())
    work.activationBytes += rowBytesOf(operand);
  for (Value result : op->getResults())
    work.activationBytes += rowBytesOf(result);
  return work;
}

std::string nameOf(Operation *op) {
  if (auto name = op->getLoc()->findInstanceOf<NameLoc>())
    return name.getName().str();
  return op->getName().stripDialect().str();
}

} // namespace

void describeOps(ArrayRef<Operation *> ops, ModuleOp placed,
                 std::vector<ImportedOp> &described) {
  if (ops.empty())
    return;
  SymbolTable imported(ops.front()->getParentOfType<ModuleOp>()), weights(placed);
  std::optional<int64_t> last;
  for (auto [i, op] : llvm::enumerate(ops)) {
    ImportedOp &out = described[i];
    out.op.name = nameOf(op);
    out.place = placeOf(op->getLoc());
    out.role = roleOf(op);
    out.side = entryOf(op) == "encode" ? "encoder" : "decoder";
    out.layer = layerOf(op, out.op.name);
    // An op without a name or weights of a layer belongs to that of the op before it.
    bool hasWeights = false;
    visitWeightsOf(op, [&](FlatSymbolRefAttr, WeightRole) { hasWeights = true; });
    bool isOutside = hasWeights || isa<EmbedOp, TopTokensOp, func::ReturnOp, RelativeBiasOp>(op);
    if (!out.layer && !isOutside && i && described[i - 1].op.entry == out.op.entry)
      out.layer = last;
    last = out.layer;
    out.work = workOfOp(op, imported, weights);
  }
}

Saving savingOf(ArrayRef<Operation *> ops) {
  Saving saving;
  if (ops.empty())
    return saving;
  saving.ops = int64_t(ops.size()) - 1;
  llvm::SmallPtrSet<Operation *, 8> inside(ops.begin(), ops.end());
  llvm::SmallDenseMap<Value, int64_t> reads; // by how many of them
  for (Operation *op : ops) {
    for (Value operand : op->getOperands())
      ++reads[operand];
    for (Value result : op->getResults()) {
      if (result.use_empty() || !llvm::all_of(result.getUsers(), [&](Operation *user) {
            return inside.contains(user);
          }))
        continue; // it is stored for others
      ++saving.buffers;
      saving.rowBytes += rowBytesOf(result); // not written
      saving.keyBytes += keyBytesOf(result);
    }
  }
  for (auto [value, count] : reads) {
    bool isInside = inside.contains(value.getDefiningOp());
    // What another op makes is read once; what one of them makes, not at all.
    int64_t less = isInside ? count : count - 1;
    saving.rowBytes += less * rowBytesOf(value);
    saving.keyBytes += less * keyBytesOf(value);
  }
  return saving;
}

} // namespace encdec::explain
