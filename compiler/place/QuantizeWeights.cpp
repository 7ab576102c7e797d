// quantize-weights: chooses the format of each weight; its values are made later, when
// the bundle is written.
//
//   encdec.weight @w : tensor<8x4xf16> = …
//     => encdec.weight @w : tensor<8x4xf16> = … {format = "int8"}
//
// Formats other than f32 are for matrices and token tables, which have most bytes.
#include "compiler/Passes.h"
#include "dialect/Ops.h"
#include "llvm/Support/GlobPattern.h"

namespace encdec {
#define GEN_PASS_DEF_QUANTIZEWEIGHTSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

struct QuantizeWeights : impl::QuantizeWeightsPassBase<QuantizeWeights> {
  using QuantizeWeightsPassBase::QuantizeWeightsPassBase;

  void runOnOperation() override {
    SmallVector<WeightOp> matrices = collectMatrices();
    const WeightFormat *recipe = find(type);
    if (!recipe)
      return signalPassFailure();
    for (WeightOp weight : matrices)
      weight.setFormat(recipe->name);
    for (const std::string &text : overrides)
      if (failed(choose(matrices, text)))
        return signalPassFailure();
  }

private:
  /// Weights that are matrices or token tables wherever they are used: one that also
  /// serves as a position table is read as f32 there.
  SmallVector<WeightOp> collectMatrices() {
    llvm::DenseSet<WeightOp> matrices, others;
    SymbolTableCollection symbols;
    getOperation().walk([&](WeightUserOpInterface op) {
      op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
        bool isMatrix = role == WeightRole::Matrix || role == WeightRole::TokenTable;
        if (WeightOp weight = lookupWeight(symbols, op, name))
          (isMatrix ? matrices : others).insert(weight);
      });
    });
    SmallVector<WeightOp> inOrder;
    for (WeightOp weight : getOperation().getOps<WeightOp>())
      if (matrices.contains(weight) && !others.contains(weight))
        inOrder.push_back(weight);
    return inOrder;
  }

  const WeightFormat *find(StringRef name) {
    const WeightFormat *format = findWeightFormat(name);
    if (!format)
      emitError(getOperation().getLoc(), "quantize-weights [format]: expected one of ")
          << weightFormatNames() << ", but got '" << name << "'";
    return format;
  }

  LogicalResult choose(ArrayRef<WeightOp> matrices, StringRef text) {
    auto [glob, name] = text.rsplit('=');
    auto pattern = llvm::GlobPattern::create(glob);
    if (!text.contains('=') || !pattern) {
      if (!pattern)
        llvm::consumeError(pattern.takeError());
      return emitError(getOperation().getLoc(), "quantize-weights [pattern]: expected GLOB=FORMAT, as "
                                      "in 'decoder.*=int8', but got '")
             << text << "'";
    }
    const WeightFormat *format = find(name);
    if (!format)
      return failure();
    bool found = false;
    for (WeightOp weight : matrices)
      if (pattern->match(weight.getSymName())) {
        weight.setFormat(format->name);
        found = true;
      }
    if (!found)
      return noMatch(matrices, glob);
    return success();
  }

  /// The three names nearest to a pattern that matches none.
  InFlightDiagnostic noMatch(ArrayRef<WeightOp> matrices, StringRef glob) {
    SmallVector<StringRef> names;
    for (WeightOp weight : matrices)
      names.push_back(weight.getSymName());
    llvm::stable_sort(names, [&](StringRef a, StringRef b) {
      return a.edit_distance(glob) < b.edit_distance(glob);
    });
    InFlightDiagnostic error = emitError(getOperation().getLoc(), "quantize-weights [no-match]: no "
                                                        "matrix or token table matches '")
                               << glob << "'; the nearest names are";
    for (StringRef name : ArrayRef(names).take_front(3))
      error << " " << name;
    return error;
  }
};

} // namespace
} // namespace encdec
