// select-kernels: a target's kernels for the ops of every entry.
//
//   %y = encdec.norm %x, @g, @b {eps = 1.0e-5} : …
//     => %y = encdec_kernel.call "norm" (%x : read rows) to (arena <per_row = 2048> : update
//        rows) split rows weights […] cost <> {eps = 1.0e-5, width = 512} : …
//
// The calls still stand on values: where those lie and where workers wait is decided
// afterwards, from what the calls declare. Pre-form: fused, hoisted, packed.
#include "compiler/Passes.h"
#include "compiler/lower/Target.h"

namespace encdec {
#define GEN_PASS_DEF_SELECTKERNELSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

struct SelectKernels : impl::SelectKernelsPassBase<SelectKernels> {
  using SelectKernelsPassBase::SelectKernelsPassBase;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    const Target *target = findTarget(this->target);
    if (!target) {
      InFlightDiagnostic error = module.emitError("unknown target '")
                                 << this->target << "' [unknown-target]: known are";
      for (const Target *known : targets())
        error << " " << known->name();
      return signalPassFailure();
    }
    for (func::FuncOp entry : kernel::entriesOf(module))
      if (failed(target->select(entry)))
        return signalPassFailure();
    module->setAttr(kernel::kTargetAttr, Builder(&getContext()).getStringAttr(target->name()));
  }
};

} // namespace
} // namespace encdec
