#include "tests/support/DeriveWeights.h"
#include "dialect/Ops.h"

using namespace mlir;
using namespace encdec;

namespace {

class Deriver {
public:
  explicit Deriver(ModuleOp module) : symbols(module) {}

  /// Of scale * (q · k), q = W x + b: (scale * W) x + scale * b.
  void foldScale(ScoresOp scores) {
    auto query = scores.getQuery().getDefiningOp<LinearOp>();
    double scale = scores.getScale().convertToDouble();
    auto scaled = [&](FlatSymbolRefAttr name) {
      return derive(name, ".scaled",
                    ScaledAttr::get(name.getContext(), name, llvm::APFloat(scale)));
    };
    setWeight(query, scaled(query.getWeight(0)),
              query.getBiases().empty() ? FlatSymbolRefAttr() : scaled(query.getBias(0)));
    scores.setScale(llvm::APFloat(1.0f));
  }

  /// Of one head: O (sum of p * (V x + v)) + o = sum of p * (O V x + O v + o), since the
  /// probabilities p sum to 1.
  bool mergeOutput(ContextOp context) {
    auto value = context.getValue().getDefiningOp<LinearOp>();
    auto output = dyn_cast<LinearOp>(*context->user_begin());
    if (context.getHeads() != 1 || !value || !output)
      return false;
    // Values must stay as wide as keys.
    if (widthOf(output.getOutput()) != widthOf(context.getContext()))
      return false;
    MLIRContext *mlir = output->getContext();
    FlatSymbolRefAttr o = output.getWeight(0), bias;
    FlatSymbolRefAttr v = value.getWeight(0);
    FlatSymbolRefAttr merged = derive(o, ".merged", ProductAttr::get(mlir, o, v));
    if (!value.getBiases().empty()) {
      FlatSymbolRefAttr own = output.getBias(0);
      FlatSymbolRefAttr through = derive(
          own, ".through", ProductAttr::get(mlir, o, value.getBias(0)));
      bias = derive(own, ".merged", SumAttr::get(mlir, through, own));
    }
    setWeight(value, merged, bias);
    output.getOutputs()[0].replaceAllUsesWith(context.getResult());
    output.erase();
    return true;
  }

private:
  static void setWeight(LinearOp linear, FlatSymbolRefAttr weight, FlatSymbolRefAttr bias) {
    Builder builder(linear.getContext());
    linear.setWeightsAttr(builder.getArrayAttr({weight}));
    if (bias)
      linear.setBiasesAttr(builder.getArrayAttr({bias}));
  }
  FlatSymbolRefAttr derive(FlatSymbolRefAttr like, StringRef suffix, Attribute origin) {
    auto old = symbols.lookup<WeightOp>(like.getValue());
    auto type = RankedTensorType::get(old.getTensorType().getShape(),
                                      Float32Type::get(like.getContext()));
    OpBuilder builder(old);
    auto made = WeightOp::create(builder, old.getLoc(), (like.getValue() + suffix).str(),
                                 type, origin);
    return FlatSymbolRefAttr::get(like.getContext(), symbols.insert(made));
  }
  SymbolTable symbols;
};

} // namespace

int encdec::test::deriveWeights(ModuleOp module) {
  Deriver deriver(module);
  SmallVector<ScoresOp> scores;
  SmallVector<ContextOp> contexts;
  module.walk([&](ScoresOp op) { scores.push_back(op); });
  module.walk([&](ContextOp op) { contexts.push_back(op); });
  for (ScoresOp op : scores)
    deriver.foldScale(op);
  return llvm::count_if(contexts, [&](ContextOp op) { return deriver.mergeOutput(op); });
}
