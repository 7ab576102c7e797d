// Grows each group from one op along the values that ops hand each other.
#include "tests/support/RandomGroups.h"
#include "dialect/Group.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace encdec::test {
namespace {

bool mayJoin(Operation *op) {
  return op && op->hasTrait<RowWise>() && !isa<FusedOp>(op) && !isa<FusedOp>(op->getParentOp()) &&
         op->getNumResults() && llvm::all_of(op->getResultTypes(), isRowsTensor);
}

} // namespace

int groupAtRandom(ModuleOp module, int tries, std::mt19937_64 &random) {
  int made = 0;
  for (int i = 0; i < tries; ++i) {
    SmallVector<Operation *> all;
    module.walk([&](Operation *op) {
      if (mayJoin(op))
        all.push_back(op);
    });
    if (all.empty())
      break;
    llvm::SetVector<Operation *> group;
    group.insert(all[random() % all.size()]);
    for (size_t size = 1 + random() % 8, steps = 0; group.size() < size && steps < 32; ++steps) {
      Operation *from = group[random() % group.size()];
      SmallVector<Operation *> near(from->getUsers());
      for (Value operand : from->getOperands())
        if (Operation *maker = operand.getDefiningOp()) {
          near.push_back(maker);
          llvm::append_range(near, operand.getUsers()); // products of one input
        }
      Operation *next = near.empty() ? nullptr : near[random() % near.size()];
      if (mayJoin(next))
        group.insert(next);
    }
    IRRewriter rewriter(module.getContext());
    made += std::holds_alternative<FusedOp>(groupOps(rewriter, group.getArrayRef()));
  }
  return made;
}

} // namespace encdec::test
