// linear, [linear], activation, linear → ffn: FFN(x) = activation(x W1ᵀ + b1) W2ᵀ + b2, or
// (activation(x W1ᵀ + b1) * (x Wgᵀ + bg)) W2ᵀ + b2.
// The hidden row (F floats) stays in the cache of the core that makes it.
#include "compiler/fuse/Fusion.h"
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/SetVector.h"

namespace encdec {
#define GEN_PASS_DEF_FUSEFFNPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

namespace {
/// A hidden value as one output of a linear that makes nothing but hidden values.
struct Product {
  LinearOp linear;
  unsigned output;

  FlatSymbolRefAttr weight() { return linear.getWeight(output); }
  FlatSymbolRefAttr bias() { return linear.getBias(output); }
  Location location() { return plainLocation(linear, output, linear.getOutputs().size()); }
};

/// What the activation and its neighbours are, once they are known to be an FFN.
struct Parts {
  Product up;
  std::optional<Product> gate;
  LinearOp down;
};
} // namespace

static Refusal severalOutputs(LinearOp linear) {
  return {"variadic-linear",
          "expected a linear whose outputs the FFN alone reads, but it has " +
              std::to_string(linear.getOutputs().size()) + " outputs",
          "run encdec-decompose first", linear};
}

/// The product behind `hidden`, an operand of `activation`. The linear may make both
/// operands, in any order, where a pass or the checkpoint has joined them.
static std::variant<Product, Refusal> productOf(ActivationOp activation, Value hidden) {
  auto linear = hidden.getDefiningOp<LinearOp>();
  if (!linear && hidden == activation.getInput())
    return Refusal{"no-up", "expected the activation of an encdec.linear",
                   "none: there is no first product to fuse", hidden.getDefiningOp()};
  if (!linear)
    return Refusal{"no-gate", "expected the gate from an encdec.linear",
                   "none: the gate is made elsewhere", hidden.getDefiningOp()};
  // The other outputs would be lost.
  for (Value output : linear.getOutputs())
    if (!llvm::is_contained(activation->getOperands(), output))
      return severalOutputs(linear);
  // A second reader needs the hidden rows stored, and then nothing is gained.
  if (!hidden.hasOneUse())
    return Refusal{"multi-use-hidden",
                   "expected the activation to be the only reader of its linears, once",
                   "drop the other reader", otherUser(hidden, activation)};
  return Product{linear, cast<OpResult>(hidden).getResultNumber()};
}

static std::variant<Parts, Refusal> match(ActivationOp activation) {
  Parts parts;
  auto up = productOf(activation, activation.getInput());
  if (auto *refusal = std::get_if<Refusal>(&up))
    return *refusal;
  parts.up = std::get<Product>(up);
  if (activation.getGate()) {
    auto gate = productOf(activation, activation.getGate());
    if (auto *refusal = std::get_if<Refusal>(&gate))
      return *refusal;
    parts.gate = std::get<Product>(gate);
    if (parts.gate->linear.getInput() != parts.up.linear.getInput())
      return Refusal{"different-input",
                     "expected both linears of the activation to read one value",
                     "none: the rows differ", parts.gate->linear};
  }
  if (!activation.getOutput().hasOneUse())
    return Refusal{
        "multi-use-activation",
        "expected one reader of the activation, but it has " +
            std::to_string(llvm::range_size(activation.getOutput().getUses())),
        "drop the other readers", nullptr};
  parts.down = dyn_cast<LinearOp>(*activation->user_begin());
  if (!parts.down)
    return Refusal{
        "no-down", "expected an encdec.linear to read the activation",
        "none: there is no second product to fuse", *activation->user_begin()};
  if (parts.down.getOutputs().size() != 1)
    return severalOutputs(parts.down);
  // The output of ffn is as wide as its input: it is the block of a residual.
  Value x = parts.up.linear.getInput(), y = parts.down.getOutput();
  if (widthOf(x) != widthOf(y))
    return Refusal{"width-mismatch",
                   "expected an output of width " + std::to_string(widthOf(x)) +
                       ", but got " + std::to_string(widthOf(y)),
                   "none: encdec.ffn keeps the width", parts.down};
  return parts;
}

static Outcome fuseFfn(ActivationOp activation, RewriterBase &rewriter) {
  auto matched = match(activation);
  if (auto *refusal = std::get_if<Refusal>(&matched))
    return *refusal;
  auto [up, gate, down] = std::get<Parts>(matched);
  rewriter.setInsertionPoint(down);
  int64_t hidden = widthOf(activation.getInput());
  SmallVector<Location> locations{down.getLoc(), activation.getLoc()};
  if (gate)
    locations.push_back(gate->location());
  locations.push_back(up.location());
  auto ffn = FfnOp::create(
      rewriter, rewriter.getFusedLoc(locations), down.getType(0), up.linear.getInput(),
      up.weight(), up.bias(), gate ? gate->weight() : FlatSymbolRefAttr(),
      gate ? gate->bias() : FlatSymbolRefAttr(), down.getWeight(), down.getBias(),
      activation.getKindAttr());
  rewriter.replaceOp(down, ffn);
  rewriter.eraseOp(activation);
  llvm::SmallSetVector<Operation *, 2> linears;
  linears.insert(up.linear);
  if (gate)
    linears.insert(gate->linear);
  for (Operation *linear : linears)
    rewriter.eraseOp(linear);
  return Gain{ffn, "ffn",
              std::to_string(linears.size() + 2) + " ops became 1; a hidden row of " +
                  std::to_string(hidden) +
                  " floats is written once and read once, in cache"};
}

namespace {
struct FuseFfnPass : encdec::impl::FuseFfnPassBase<FuseFfnPass> {
  void runOnOperation() override {
    fuseEach<ActivationOp>(getOperation(), "fuse-ffn", fuseFfn);
  }
};
} // namespace
