// A fusion pass as a plugin of encdec-opt:
//
//   encdec-opt model.mlir --load-pass-plugin=build/lib/my_fusion.so
//     --pass-pipeline='builtin.module(my-fuse-memory-projections,encdec-fuse-attention)'
//
// In every layer the decoder asks the same encoder output, so the key and value linears
// of all cross-attentions, 2 a layer, have one input. Joined to one linear with many
// outputs, they read that input once:
//
//   %k0 = linear %memory, @l0.k   …   %v1 = linear %memory, @l1.v
//   → %k0, %v0, %k1, %v1 = linear %memory, [@l0.k, @l0.v, @l1.k, @l1.v]
#include "dialect/Ops.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace encdec;

namespace {
struct FuseMemoryProjections
    : PassWrapper<FuseMemoryProjections, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FuseMemoryProjections)
  StringRef getArgument() const override {
    return "my-fuse-memory-projections";
  }
  StringRef getDescription() const override {
    return "all keys and values of the memory in one linear";
  }

  void runOnOperation() override {
    // In a function of the decoder (a step), a linear of an encoder's tensor
    // can only be a cross-attention's key or value: the types allow nothing
    // else. One group for each input and count of biases (0 or 1): a linear
    // with several outputs has a bias for all of them or for none.
    llvm::MapVector<std::pair<Value, unsigned>, SmallVector<LinearOp>> groups;
    getOperation().walk([&](LinearOp linear) {
      if (entryOf(linear) == "step" && linear.getOutputs().size() == 1 &&
          sideOf(linear.getInput()) == Side::encoder)
        groups[{linear.getInput(), linear.getBiases().size()}].push_back(
            linear);
    });
    for (auto &[input, linears] : groups)
      if (linears.size() > 1)
        join(input.first, linears);
  }

  // At the first linear: the input is defined there, and all readers are below.
  void join(Value input, ArrayRef<LinearOp> linears) {
    IRRewriter rewriter(linears.front());
    SmallVector<Type> types;
    SmallVector<Attribute> weights, biases;
    SmallVector<Location> locations; // kept, so that encdec explain finds all of them again
    for (LinearOp linear : linears) {
      locations.push_back(linear.getLoc());
      types.push_back(linear.getType(0));
      llvm::append_range(weights, linear.getWeights());
      llvm::append_range(biases, linear.getBiases());
    }
    auto joined = LinearOp::create(rewriter, rewriter.getFusedLoc(locations), types,
                                   input, rewriter.getArrayAttr(weights),
                                   rewriter.getArrayAttr(biases));
    for (auto [linear, output] : llvm::zip(linears, joined.getOutputs()))
      rewriter.replaceOp(linear, output);
  }
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "my_fusion", LLVM_VERSION_STRING,
          [] { PassRegistration<FuseMemoryProjections>(); }};
}
