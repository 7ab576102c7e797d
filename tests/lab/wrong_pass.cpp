// A pass with a mistake, as a plugin: the scores of one attention are 1 % too large.
#include "dialect/Ops.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Tools/Plugins/PassPlugin.h"

using namespace mlir;

namespace {
struct WrongScale : PassWrapper<WrongScale, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(WrongScale)
  StringRef getArgument() const override { return "wrong-scale"; }
  StringRef getDescription() const override { return "multiplies a scale by 1.01"; }

  void runOnOperation() override {
    Operation *last = nullptr;
    getOperation().walk([&](Operation *op) {
      if (op->hasAttrOfType<FloatAttr>("scale") && !isa<encdec::EmbedOp>(op))
        last = op;
    });
    auto scale = last->getAttrOfType<FloatAttr>("scale");
    last->setAttr("scale", FloatAttr::get(scale.getType(), scale.getValueAsDouble() * 1.01));
  }
};
} // namespace

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo mlirGetPassPluginInfo() {
  return {MLIR_PLUGIN_API_VERSION, "wrong_pass", LLVM_VERSION_STRING,
          [] { PassRegistration<WrongScale>(); }};
}
