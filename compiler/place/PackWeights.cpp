// pack-weights: gives each weight its layout and its place in the weights
// section.
//
//   encdec.weight @w : tensor<8x4xf32> = …
//     => encdec.weight @w : tensor<8x4xf32> = … {layout = #encdec.packed,
//     offset = 0}
//
// Weights lie in the order of use, the step's first: a step walks the section once from
// its start, and RAM streams ascending addresses best. Every place is a multiple of 64
// bytes, a cache line and the widest vector.
#include "compiler/Passes.h"
#include "compiler/place/Layout.h"
#include "llvm/ADT/MapVector.h"

namespace encdec {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

constexpr int64_t alignment = 64;

struct Use {
  Operation *asMatrix = nullptr, *asTable = nullptr;
};

struct PackWeights : impl::PackWeightsPassBase<PackWeights> {
  using PackWeightsPassBase::PackWeightsPassBase;

  void runOnOperation() override {
    llvm::MapVector<WeightOp, Use> uses; // in order of first use
    Entries entries = findEntries(getOperation());
    SymbolTableCollection symbols;
    SmallVector<func::FuncOp> functions{entries.step, entries.encode};
    for (func::FuncOp function : llvm::concat<func::FuncOp>(functions, entries.shortSteps))
      if (function)
        function.walk([&](WeightUserOpInterface op) { collect(op, symbols, uses); });
    int64_t end = 0;
    for (auto &[weight, use] : uses) {
      if (use.asMatrix && use.asTable) {
        use.asTable
                ->emitOpError("expected a table of its own, but @")
                .append(weight.getSymName(),
                        " is also multiplied or looked up by "
                        "token, which needs another layout")
                .attachNote(use.asMatrix->getLoc())
            << "here";
        return signalPassFailure();
      }
      place(weight, use, end);
    }
  }

  static void collect(WeightUserOpInterface op, SymbolTableCollection &symbols,
                      llvm::MapVector<WeightOp, Use> &uses) {
    op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
      WeightOp weight = lookupWeight(symbols, op, name);
      if (!weight)
        return;
      Use &use = uses[weight];
      if (role == WeightRole::Matrix || role == WeightRole::TokenTable ||
          role == WeightRole::Sketch)
        use.asMatrix = op;
      if (role == WeightRole::Positions || role == WeightRole::Distances)
        use.asTable = op;
    });
  }

  void place(WeightOp weight, const Use &use, int64_t &end) {
    if (use.asMatrix)
      weight.setLayoutAttr(
          PackedAttr::get(&getContext(), weight.getStored().group));
    WeightBytes bytes = weightBytes(weight);
    int64_t offset = roundUp(end, alignment);
    weight.setOffset(offset);
    end = offset + bytes.values;
    if (bytes.scales) {
      int64_t scales = roundUp(end, alignment);
      weight.setScaleOffset(scales);
      end = scales + bytes.scales;
    }
  }
};

} // namespace
} // namespace encdec
