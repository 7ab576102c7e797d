// group-rows: the row-wise ops between two attentions become one group.
//
//   %o = linear %c, @o                      %y, … = fused(%c, %x) {
//   %y = add_norm %o, %x          =>          %o = linear …; %y = add_norm …; %f = ffn …
//   %f = ffn %y; …                            yield … }
//
// Ops belong together where one reads the other and no attention lies between: the number of
// attentions that a value lies behind is its stage, and a group has one stage. So no op
// outside a group lies between its ops, and groups are as large as they can be.
#include "compiler/Passes.h"
#include "compiler/Remarks.h"
#include "dialect/Group.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"

namespace encdec {
#define GEN_PASS_DEF_GROUPROWSPASS
#include "compiler/Passes.h.inc"
} // namespace encdec

using namespace mlir;

namespace encdec {
namespace {

constexpr llvm::StringLiteral passName = "group-rows";

bool isMember(Operation &op) {
  return isa<EmbedOp, LinearOp, NormOp, AddNormOp, AddOp, ActivationOp, FfnOp>(op);
}

/// The groups of a function, each with its ops in their order.
SmallVector<SmallVector<Operation *>> findGroups(func::FuncOp function) {
  DenseMap<Value, int64_t> stages;
  llvm::EquivalenceClasses<Operation *> together;
  llvm::MapVector<Operation *, SmallVector<Operation *>> groups; // by their leaders
  Block &block = function.getBody().front();
  for (Operation &op : block) {
    int64_t stage = 0;
    for (Value operand : op.getOperands())
      stage = std::max(stage, stages.lookup(operand));
    bool isRows = isMember(op);
    for (Value result : op.getResults())
      stages[result] = stage + !isRows;
    // What a step computes from the encoder's output alone is hoisted.
    bool moves = entryOf(function) == "step" && isRows && sideOf(op.getOperand(0)) == Side::encoder;
    if (!isRows || moves)
      continue;
    together.insert(&op);
    for (Value operand : op.getOperands())
      if (Operation *maker = operand.getDefiningOp();
          maker && together.contains(maker) && stages.lookup(operand) == stage)
        together.unionSets(&op, maker);
  }
  for (Operation &op : block)
    if (together.contains(&op))
      groups[together.getLeaderValue(&op)].push_back(&op);
  return llvm::to_vector(llvm::make_second_range(groups));
}

struct GroupRows : impl::GroupRowsPassBase<GroupRows> {
  using GroupRowsPassBase::GroupRowsPassBase;
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (!function.getBody().hasOneBlock() || (!entry.empty() && entryOf(function) != entry))
        continue;
      for (ArrayRef<Operation *> ops : findGroups(function)) {
        if (ops.size() < 2)
          continue;
        std::variant<FusedOp, GroupRefusal> made = groupOps(rewriter, ops);
        if (auto *refusal = std::get_if<GroupRefusal>(&made))
          reportMissed(passName, ops.front(),
                       {refusal->code, refusal->why, "leave the op out", refusal->op});
        else
          reportPassed(passName, "group", std::get<FusedOp>(made),
                       std::to_string(ops.size()) + " ops became one group");
      }
    }
  }
};

} // namespace
} // namespace encdec
