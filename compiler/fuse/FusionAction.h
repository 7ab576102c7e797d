// The action in which every fusion happens, built-in or of a user's pattern: tools that count,
// log or stop actions see each alone. `--mlir-debug-counter=encdec-fusion-skip=3` leaves out the
// first three.
#pragma once
#include "mlir/IR/Action.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Operation.h"
#include "mlir/IR/Unit.h"

namespace encdec {

class FusionAction : public mlir::tracing::ActionImpl<FusionAction> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(FusionAction)
  static constexpr llvm::StringLiteral tag = "encdec-fusion";
  static constexpr llvm::StringLiteral desc = "a fusion, or a user's rewrite pattern, at one op";

  /// `what` is the category of the fusion's remarks, or the pattern's name.
  FusionAction(llvm::ArrayRef<mlir::IRUnit> units, llvm::StringRef what)
      : ActionImpl(units), what(what) {}

  void print(llvm::raw_ostream &os) const override { os << "`" << tag << "` " << what; }

private:
  llvm::StringRef what;
};

/// Runs `fuse` as an action at `op`; whether it ran: a tool may have left it out.
inline bool runFusion(mlir::Operation *op, llvm::StringRef what,
                      llvm::function_ref<void()> fuse) {
  bool ran = false;
  op->getContext()->executeAction<FusionAction>(
      [&] {
        ran = true;
        fuse();
      },
      {mlir::IRUnit(op)}, what);
  return ran;
}

} // namespace encdec
