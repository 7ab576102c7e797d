// Checks of a whole module; the numbers are those of Form.h. The layers are
// found by dataflow, so that order in the text cannot stand in for order in
// meaning: a value's level says how many residuals it lies behind, and only ops
// that the function's output depends on count as users of a value.
#include "dialect/Form.h"
#include "dialect/Group.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace encdec;

std::optional<Form> encdec::symbolizeForm(StringRef name) {
  return llvm::StringSwitch<std::optional<Form>>(name)
      .Case("decomposed", Form::decomposed)
      .Case("fused", Form::fused)
      .Case("mixed", Form::mixed)
      .Default(std::nullopt);
}

StringRef encdec::stringifyForm(Form form) {
  constexpr StringLiteral names[] = {"decomposed", "fused", "mixed"};
  return names[unsigned(form)];
}

// F1
static bool standsIn(Operation *op, Form form) {
  if (isa<ScoresOp, MaskOp, SoftmaxOp, ContextOp, ActivationOp, TopTokensOp>(op))
    return form != Form::fused;
  if (isa<SelfAttentionOp, CrossAttentionOp, FfnOp, AddNormOp, VocabularyOp>(
          op))
    return form != Form::decomposed;
  if (auto linear = dyn_cast<LinearOp>(op))
    return form != Form::decomposed || linear.getOutputs().size() == 1;
  return true; // weights, embed, add, norm, relative_bias, handles
}

// F1, F2
static LogicalResult verifyOps(ModuleOp module, Form form) {
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    // An unregistered op has no dialect.
    if (isa_and_present<EncDecDialect>(op->getDialect())) {
      if (standsIn(op, form))
        return WalkResult::advance();
      return op->emitOpError("expected only ops of the ")
             << stringifyForm(form) << " form but got " << op->getName()
             << (isa<LinearOp>(op) ? " with several weights" : "");
    }
    bool known = isa<ModuleOp, func::FuncOp, func::ReturnOp>(op) ||
                 (isa<arith::ConstantOp>(op) && !sideOf(op->getResult(0)));
    if (known || entryOf(op).empty())
      return WalkResult::advance();
    return op->emitOpError("expected only encdec ops, returns and constants "
                           "without a side in an entry function but got ")
           << op->getName() << ": a foreign op would launder a side";
  });
  return failure(result.wasInterrupted());
}

// F7
static LogicalResult verifyEncode(func::FuncOp function) {
  constexpr llvm::StringLiteral expected =
      "expected nothing but the encoder's in encode but got ";
  for (BlockArgument argument : function.getArguments())
    if (sideOf(argument) == Side::decoder || isa<CacheType>(argument.getType()))
      return function.emitOpError(expected)
             << "argument " << argument.getArgNumber() << " of type "
             << argument.getType();
  for (auto read : function.getOps<MemoryReadOp>())
    return read.emitOpError(expected) << read->getName();
  return success();
}

namespace {
enum class Kind { selfAttention, crossAttention, ffn };

// One sub-layer: the op at its heart, and the value that comes out of it.
struct SubLayer {
  Kind kind;
  Operation *op;
  Value input; // what asks: the query, or the FFN's input
  bool masked = false;
  Value gate = {}; // of a gated activation, beside its input
};
} // namespace

static StringRef nameOf(Kind kind) {
  constexpr StringLiteral names[] = {"self-attention", "cross-attention",
                                     "FFN"};
  return names[unsigned(kind)];
}

static std::optional<SubLayer> subLayerOf(Operation *op) {
  if (auto attention = dyn_cast<SelfAttentionOp>(op))
    return SubLayer{Kind::selfAttention, op, attention.getQuery(),
                    bool(attention.getPositions())};
  if (auto attention = dyn_cast<CrossAttentionOp>(op))
    return SubLayer{Kind::crossAttention, op, attention.getQuery()};
  if (auto ffn = dyn_cast<FfnOp>(op))
    return SubLayer{Kind::ffn, op, ffn.getInput()};
  if (auto activation = dyn_cast<ActivationOp>(op))
    return SubLayer{Kind::ffn, op, activation.getInput(), /*masked=*/false,
                    activation.getGate()};
  auto context = dyn_cast<ContextOp>(op);
  if (!context)
    return std::nullopt;
  ScoresOp scores = scoresBehind(context.getProbs());
  if (!scores) // probs from elsewhere: their value's side tells
    return SubLayer{sideOf(context.getValue()) == sideOf(context.getProbs())
                        ? Kind::selfAttention
                        : Kind::crossAttention,
                    op, context.getProbs()};
  bool masked = false;
  for (Operation *at = context.getProbs().getDefiningOp(); at != scores;
       at = at->getOperand(0).getDefiningOp())
    masked |= isa<MaskOp>(at);
  return SubLayer{sideOf(scores.getQuery()) == sideOf(scores.getKey())
                      ? Kind::selfAttention
                      : Kind::crossAttention,
                  op, scores.getQuery(), masked};
}

// The ops that the output of `function` depends on: its results and what it
// writes to memories. An op that reads a cache depends on those that append to
// it.
static llvm::DenseSet<Operation *> findLive(func::FuncOp function) {
  llvm::DenseSet<Operation *> live;
  SmallVector<Operation *> found{function.front().getTerminator()};
  llvm::append_range(found, function.getOps<MemoryProjectOp>());
  while (!found.empty()) {
    Operation *op = found.pop_back_val();
    if (!live.insert(op).second)
      continue;
    for (Value operand : op->getOperands())
      if (Operation *made = operand.getDefiningOp())
        found.push_back(made);
    if (auto read = dyn_cast<CacheReadOp>(op))
      llvm::copy_if(read.getCache().getUsers(), std::back_inserter(found),
                    llvm::IsaPred<CacheAppendOp>);
  }
  return live;
}

namespace {
// The sub-layers of one entry function.
class Layers {
public:
  Layers(func::FuncOp function, ArrayRef<Kind> order)
      : function(function), order(order), live(findLive(function)) {}

  LogicalResult verify() {
    for (BlockArgument argument : function.getArguments())
      levels[argument] = 0;
    for (Operation &op : function.front()) {
      std::optional<SubLayer> layer = subLayerOf(&op);
      if (layer && failed(visit(*layer)))
        return failure();
      int64_t level = levelOf(op.getOperands());
      if (&op == sum)
        level = count;
      for (Value result : op.getResults())
        levels[result] = level;
    }
    if (count % order.size() != 0) // F3
      return function.emitOpError("expected the last layer to go on with ")
             << nameOf(order[count % order.size()]) << " but got the end of "
             << entryOf(function);
    return success();
  }

private:
  // F3 … F6 and F8 of one sub-layer; `count` came before it.
  LogicalResult visit(const SubLayer &layer) {
    if (!live.contains(layer.op)) // F3
      return layer.op->emitOpError("expected the output of ")
             << entryOf(function) << " to depend on " << nameOf(layer.kind)
             << " but it does not";
    if (auto context = dyn_cast<ContextOp>(layer.op);
        context && !context.getProbs().getDefiningOp<SoftmaxOp>()) // F8
      return context.emitOpError("expected probabilities that encdec.softmax makes but got "
                                 "other ones");
    Kind expected = order[count % order.size()];
    if (layer.kind != expected) // F3
      return layer.op->emitOpError("expected the next sub-layer of ")
             << entryOf(function) << " to be " << nameOf(expected)
             << " but got " << nameOf(layer.kind);
    if (levelOf(layer.input) != count ||
        (layer.gate && levelOf(layer.gate) != count)) // F3
      return layer.op->emitOpError("expected ")
             << nameOf(layer.kind)
             << " to take its input from the sub-layer before, but it does not "
                "depend on that one's residual";
    if (layer.kind == Kind::selfAttention && !layer.masked &&
        entryOf(function) == "step") // F4
      return layer.op->emitOpError("expected masked self-attention in the "
                                   "decoder but got one without a causal mask");
    sum = residualAfter(layer.op->getResult(0));
    if (!sum) // F5
      return layer.op->emitOpError("expected a residual connection around ")
             << nameOf(layer.kind) << " but got none";
    ++count;
    if (isa<AddNormOp>(sum) ||
        (isNormed(layer.input) && (!layer.gate || isNormed(layer.gate))) ||
        llvm::any_of(sum->getUsers(), [&](Operation *user) {
          return isa<NormOp>(user) && live.contains(user);
        }))
      return success();
    return layer.op->emitOpError("expected a norm before ") // F6
           << nameOf(layer.kind) << " or after its residual but got none";
  }

  int64_t levelOf(Value value) const { return levels.lookup(value); }
  int64_t levelOf(ValueRange values) const {
    int64_t level = 0;
    for (Value value : values)
      level = std::max(level, levelOf(value));
    return level;
  }

  // The add that joins the sub-layer's result, through output projections, with
  // what the sub-layer before gave.
  Operation *residualAfter(Value result) const {
    for (Operation *user : result.getUsers()) {
      if (!live.contains(user))
        continue;
      if (isa<LinearOp>(user)) {
        if (Operation *sum = residualAfter(user->getResult(0)))
          return sum;
      } else if (isa<AddOp, AddNormOp>(user)) {
        Value other = user->getOperand(user->getOperand(0) == result ? 1 : 0);
        auto before = levels.find(other);
        if (before != levels.end() && before->second == count)
          return user;
      }
    }
    return nullptr;
  }

  // Whether a sub-layer's input is a norm's output, through projections.
  static bool isNormed(Value input) {
    while (auto linear = input.getDefiningOp<LinearOp>())
      input = linear.getInput();
    if (auto fused = input.getDefiningOp<AddNormOp>())
      return input == fused.getOutput(); // its sum is the residual alone
    return bool(input.getDefiningOp<NormOp>());
  }

  func::FuncOp function;
  ArrayRef<Kind> order;
  llvm::DenseSet<Operation *> live;
  int64_t count = 0;        // sub-layers so far
  Operation *sum = nullptr; // the residual of the last one
  // How many residuals a value lies behind; only of ops visited so far.
  llvm::DenseMap<Value, int64_t> levels;
};
} // namespace

LogicalResult encdec::verifyForm(ModuleOp module, Form form) {
  // What stands for other ops has no form of its own: what counts are those.
  if (hasExpandable(module)) {
    OwningOpRef<ModuleOp> expanded = module.clone();
    return failure(failed(expandAll(*expanded)) || failed(verifyForm(*expanded, form)));
  }
  if (failed(verifyOps(module, form)))
    return failure();
  constexpr Kind decoder[] = {Kind::selfAttention, Kind::crossAttention,
                              Kind::ffn};
  constexpr Kind encoder[] = {Kind::selfAttention, Kind::ffn};
  for (auto function : module.getOps<func::FuncOp>()) {
    StringRef entry = entryOf(function);
    if (entry.empty())
      continue;
    if (!function.getBody().hasOneBlock()) // F2
      return function.emitOpError(
                 "expected an entry function of one block but got ")
             << function.getBlocks().size();
    if (entry == "encode" && failed(verifyEncode(function)))
      return failure();
    Layers layers(function,
                  entry == "step" ? ArrayRef(decoder) : ArrayRef(encoder));
    if (failed(layers.verify()))
      return failure();
  }
  return success();
}
