// Makes a file of IR small while a script of the user's still finds it interesting: mlir-reduce
// with our dialects and passes, and a pass that knows that most of our ops give what they take.
#include "compiler/Register.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Reducer/Tester.h"
#include "mlir/Tools/mlir-reduce/MlirReduceMain.h"

using namespace mlir;

namespace {
/// Leaves `op` out, if nothing needs it or an operand can stand for its result: y = op(…, x, …)
/// to y = x.
void leaveOut(Operation *op) {
  if (op->hasTrait<OpTrait::IsTerminator>())
    return;
  if (SymbolTable::getSymbolName(op) && !SymbolTable::symbolKnownUseEmpty(op, op->getParentOp()))
    return;
  for (OpResult result : op->getResults()) {
    auto like = [&](Value operand) { return operand.getType() == result.getType(); };
    auto operand = llvm::find_if(op->getOperands(), like);
    if (operand != op->operand_end())
      result.replaceAllUsesWith(*operand);
  }
  if (op->use_empty())
    op->erase();
}

/// Leaves out halves of the ops, then quarters, …, then single ops, until none can go. What
/// remains verifies, and the test says that it is interesting.
struct LeaveOut : PassWrapper<LeaveOut, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LeaveOut)
  LeaveOut() = default;
  LeaveOut(const LeaveOut &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "encdec-leave-out"; }
  StringRef getDescription() const override {
    return "Leave ops out while the test finds the module interesting";
  }
  Option<std::string> test{*this, "test",
                           llvm::cl::desc("program that is given a file of IR and ends with 1 "
                                          "where it is interesting, else with 0")};

  static SmallVector<Operation *> opsOf(ModuleOp module) {
    SmallVector<Operation *> ops;
    module->walk<WalkOrder::PreOrder>([&](Operation *op) { ops.push_back(op); });
    return SmallVector<Operation *>(llvm::drop_begin(ops)); // without the module
  }

  /// Whether the ops from `begin` on, `count` of them, could be left out.
  bool shrink(const Tester &tester, size_t begin, size_t count) {
    OwningOpRef<ModuleOp> smaller = getOperation().clone();
    SmallVector<Operation *> ops = opsOf(*smaller);
    size_t before = ops.size(), end = std::min(before, begin + count);
    for (Operation *op : llvm::reverse(ArrayRef(ops).slice(begin, end - begin)))
      leaveOut(op); // readers first, and what is in a function before the function
    if (opsOf(*smaller).size() == before || failed(verify(*smaller)) ||
        tester.isInteresting(*smaller).first != Tester::Interestingness::True)
      return false;
    getOperation().getBodyRegion().takeBody(smaller->getBodyRegion());
    return true;
  }

  void runOnOperation() override {
    if (!llvm::sys::fs::can_execute(test)) {
      getOperation().emitError("expected test to be a program, but '") << test << "' is none";
      return signalPassFailure();
    }
    Tester tester(test, {});
    if (tester.isInteresting(getOperation()).first != Tester::Interestingness::True) {
      getOperation().emitError("expected a module that the test '")
          << test << "' finds interesting (exit code 1)";
      return signalPassFailure();
    }
    // What cannot be left out is no news.
    ScopedDiagnosticHandler quiet(&getContext(), [](Diagnostic &) { return success(); });
    for (size_t count = opsOf(getOperation()).size(); count > 0;) {
      bool shrunk = false;
      for (size_t begin = 0; begin < opsOf(getOperation()).size();)
        if (shrink(tester, begin, count))
          shrunk = true; // others stand there now
        else
          begin += count;
      if (!shrunk || count > 1)
        count /= 2;
    }
  }
};
} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  encdec::registerEncDecDialects(registry);
  encdec::registerAllPasses();
  PassRegistration<LeaveOut>();
  MLIRContext context(registry);
  return failed(mlirReduceMain(argc, argv, context));
}
