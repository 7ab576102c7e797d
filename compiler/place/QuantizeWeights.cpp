// quantize-weights: chooses how each weight is stored; its values are made
// later, when the bundle is written.
//
//   encdec.weight @w : tensor<8x4xf16> = …
//     => encdec.weight @w : tensor<8x4xf16> = … {storage = i8}
//
// The small types are for matrices, where the bytes are. int8: one scale per output
// channel, f32 activations. int8-dynamic has i8 activations as well, one scale per row, made as
// they come. Vectors and position tables stay f32.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/place/Layout.h"

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
    if (!findWeightType(type)) {
      getOperation().emitError(
          "quantize-weights: expected type f32, bf16, int8 or int8-dynamic, "
          "but got '")
          << type << "'";
      return signalPassFailure();
    }
    llvm::DenseSet<WeightOp> matrices, others;
    SymbolTableCollection tables;
    getOperation().walk([&](WeightUserOpInterface op) {
      op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
        bool isMatrix = role == WeightRole::Matrix || role == WeightRole::Table;
        if (WeightOp weight = lookupWeight(tables, op, name))
          (isMatrix ? matrices : others).insert(weight);
      });
    });
    Builder builder(&getContext());
    for (WeightOp weight : getOperation().getOps<WeightOp>()) {
      // A matrix that also serves as a position table is read as f32 there.
      bool small = type != "f32" && matrices.contains(weight) &&
                   !others.contains(weight);
      weight.setStorage(!small           ? Type(builder.getF32Type())
                        : type == "bf16" ? Type(builder.getBF16Type())
                                         : Type(builder.getI8Type()));
      if (small && type == "int8-dynamic")
        weight.setActivations(builder.getI8Type());
    }
  }
};

} // namespace
} // namespace encdec
