// insert-barriers: where workers wait for each other, from the flow alone.
//
//   %x = call "norm" … split rows; %y = call "linear"(%x : read all) … split panels 4
//     => %x = call "norm" …; barrier; %y = call "linear" …
//
// A barrier stands before a call that touches an element of a value which another worker
// may have touched since the last one, where one of the two writes. Barriers cut an entry
// into phases; where values lie is decided afterwards and never asks for another one.
// Placing each barrier as late as possible makes their number the least.
#include "compiler/Passes.h"
#include "compiler/schedule/Schedule.h"

namespace encdec {
#define GEN_PASS_DEF_INSERTBARRIERSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;
using namespace encdec::kernel;

namespace encdec {
namespace {

bool needsBarrier(const Access &before, const Access &after) {
  return identityOf(before.value) == identityOf(after.value) &&
         (before.how.writes() || after.how.writes()) && !haveSameOwner(before, after);
}

struct InsertBarriers : impl::InsertBarriersPassBase<InsertBarriers> {
  using InsertBarriersPassBase::InsertBarriersPassBase;
  void runOnOperation() override {
    for (func::FuncOp entry : entriesOf(getOperation())) {
      SmallVector<Access> phase; // accesses since the last barrier
      for (Operation &op : entry.getBody().getOps()) {
        if (isa<BarrierOp>(op))
          phase.clear();
        auto call = dyn_cast<CallOp>(op);
        if (!call)
          continue;
        SmallVector<Access> next = accessesOf(call);
        bool waits = llvm::any_of(next, [&](const Access &after) {
          return llvm::any_of(phase, [&](const Access &before) {
            return needsBarrier(before, after);
          });
        });
        if (waits) {
          OpBuilder builder(call);
          BarrierOp::create(builder, call.getLoc());
          phase.clear();
        }
        llvm::append_range(phase, next);
      }
    }
  }
};

} // namespace
} // namespace encdec
