// The flag that checks the form of a whole module. dialect/Form.h has the forms and
// their rules, dialect/Form.cpp the checks.
#include "dialect/Form.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace encdec {
#define GEN_PASS_DECL_VERIFYFORMPASS
#define GEN_PASS_DEF_VERIFYFORMPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec;

namespace {
struct VerifyFormPass : encdec::impl::VerifyFormPassBase<VerifyFormPass> {
  using VerifyFormPassBase::VerifyFormPassBase;

  void runOnOperation() override {
    std::optional<Form> wanted = symbolizeForm(form);
    if (!wanted) {
      emitError(getOperation().getLoc())
          << "encdec-verify-form: expected form to be decomposed, fused or mixed, but got '"
          << form << "'";
      return signalPassFailure();
    }
    if (failed(verifyForm(getOperation(), *wanted)))
      signalPassFailure();
  }
};
} // namespace
