// encdec.fused: its assembly, its verifier (C1 to C4 of FusedOps.td), how groups are made
// and taken apart.
#include "dialect/Group.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/OpImplementation.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace encdec;

//===-- The op ------------------------------------------------------------===//

// encdec.fused(%a = %x, %b = %y) : (types) -> types { … }
ParseResult FusedOp::parse(OpAsmParser &parser, OperationState &result) {
  SmallVector<OpAsmParser::Argument> arguments;
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  FunctionType type;
  SMLoc at = parser.getCurrentLocation();
  if (parser.parseAssignmentList(arguments, operands) || parser.parseColonType(type))
    return failure();
  if (type.getNumInputs() != operands.size())
    return parser.emitError(at) << "expected " << type.getNumInputs()
                                << " inputs, as in the type, but got " << operands.size();
  for (auto [argument, input] : llvm::zip(arguments, type.getInputs()))
    argument.type = input;
  result.addTypes(type.getResults());
  return failure(parser.resolveOperands(operands, type.getInputs(), at, result.operands) ||
                 parser.parseOptionalAttrDictWithKeyword(result.attributes) ||
                 parser.parseRegion(*result.addRegion(), arguments));
}

void FusedOp::print(OpAsmPrinter &p) {
  p << "(";
  llvm::interleaveComma(llvm::zip(getBody().getArguments(), getInputs()), p, [&](auto pair) {
    p << std::get<0>(pair) << " = " << std::get<1>(pair);
  });
  p << ") : ";
  p.printFunctionalType(getOperation());
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs());
  p << " ";
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

void FusedOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn set) {
  for (BlockArgument argument : region.getArguments())
    if (auto name = argument.getLoc()->findInstanceOf<NameLoc>())
      set(argument, name.getName());
}

// Results have the names that their values have inside, and a word more: were they equal, the
// values inside would print under other names.
void FusedOp::getAsmResultNames(OpAsmSetValueNameFn set) {
  Operation *yield = getBody().front().getTerminator();
  for (auto [result, value] : llvm::zip(getOutputs(), yield->getOperands())) {
    Operation *made = value.getDefiningOp();
    if (!made)
      continue;
    Location place = made->getLoc();
    if (auto fused = dyn_cast<FusedLoc>(place);
        fused && fused.getLocations().size() == made->getNumResults())
      place = fused.getLocations()[cast<OpResult>(value).getResultNumber()];
    if (auto name = dyn_cast<NameLoc>(place))
      set(result, (name.getName().getValue() + ".out").str());
  }
}

static bool makesRows(Operation *op) {
  return op->hasTrait<RowWise>() && op->getNumResults() > 0 &&
         llvm::all_of(op->getResultTypes(), isRowsTensor);
}

LogicalResult FusedOp::verifyRegions() {
  Block &block = getBody().front();
  if (block.getArgumentTypes() != getInputs().getTypes()) // C1
    return emitOpError("expected an argument of its region for each input, of the input's "
                       "type, but got (")
           << block.getArgumentTypes() << ") for (" << getInputs().getTypes() << ")";
  for (Operation &op : block.without_terminator())
    if (isa<FusedOp>(op) || !makesRows(&op)) // C2
      return op.emitOpError("expected in a group an op that makes rows of the same rows of "
                            "its operands, and no group");
  auto yield = dyn_cast<YieldOp>(block.getTerminator());
  if (!yield || yield.getValues().getTypes() != getOutputs().getTypes()) // C3
    return emitOpError("expected its region to end in encdec.yield of its results' types, (")
           << getOutputs().getTypes() << ")";
  std::optional<Side> side;
  for (Value value : llvm::concat<Value>(block.getArguments(), yield.getValues()))
    if (std::optional<Side> other = sideOf(value); other && side.value_or(*other) != *other) // C4
      return emitOpError("expected rows of one side, but got some of the ")
             << stringifySide(*side) << " and some of the " << stringifySide(*other);
    else if (other)
      side = other;
  return success();
}

FailureOr<SmallVector<Value>> FusedOp::decompose(OpBuilder &builder) {
  IRMapping map;
  map.map(getBody().getArguments(), getInputs());
  for (Operation &op : getBody().front().without_terminator())
    builder.clone(op, map);
  return llvm::map_to_vector(getBody().front().getTerminator()->getOperands(),
                             [&](Value value) { return map.lookup(value); });
}

void encdec::inlineGroup(RewriterBase &rewriter, FusedOp group) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(group);
  rewriter.replaceOp(group, *group.decompose(rewriter));
}

//===-- Ops that stand for others ------------------------------------------===//

bool encdec::standsForOthers(Operation *op) {
  return isa<DecomposableOpInterface>(op) && !isa_and_present<EncDecDialect>(op->getDialect());
}

LogicalResult encdec::expand(RewriterBase &rewriter, Operation *op) {
  OpBuilder::InsertionGuard guard(rewriter);
  rewriter.setInsertionPoint(op);
  FailureOr<SmallVector<Value>> values = cast<DecomposableOpInterface>(op).decompose(rewriter);
  if (failed(values) || values->size() != op->getNumResults())
    return op->emitOpError("expected to stand for ops of encdec, one value for each result, but "
                           "it decomposes into none");
  rewriter.replaceOp(op, *values);
  return success();
}

static bool isExpandable(Operation *op) { return isa<FusedOp>(op) || standsForOthers(op); }

bool encdec::hasExpandable(Operation *root) {
  return root
      ->walk([](Operation *op) {
        return isExpandable(op) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

LogicalResult encdec::expandAll(Operation *root) {
  IRRewriter rewriter(root->getContext());
  // What an op stands for may hold such ops again; an op that stands for itself would go on
  // for ever.
  constexpr int most = 64;
  for (int depth = 0; depth < most; ++depth) {
    SmallVector<Operation *> found;
    root->walk<WalkOrder::PreOrder>([&](Operation *op) {
      if (!isExpandable(op))
        return WalkResult::advance();
      found.push_back(op);
      return WalkResult::skip();
    });
    if (found.empty())
      return success();
    for (Operation *op : found)
      if (failed(expand(rewriter, op)))
        return failure();
  }
  return root->emitError("expected ops that stand for ops of encdec, but some stand for each "
                         "other without an end");
}

//===-- Making one --------------------------------------------------------===//

namespace {
/// The ops of a group to be, in their order, and what stands between them.
class Grouping {
public:
  explicit Grouping(ArrayRef<Operation *> ops) : ops(ops.begin(), ops.end()) {}

  std::optional<GroupRefusal> check() {
    if (ops.empty())
      return GroupRefusal{"empty", "expected ops to group, but got none", nullptr};
    for (Operation *op : ops) {
      if (!makesRows(op))
        return GroupRefusal{"row-wise",
                            "expected ops that make rows, each of the same row of the operands",
                            op};
      if (op->getBlock() != ops.front()->getBlock() || isa<FusedOp>(op->getParentOp()))
        return GroupRefusal{"block", "expected ops of one block outside of groups", op};
      if (sideOf(op->getResult(0)) != sideOf(ops.front()->getResult(0)))
        return GroupRefusal{"sides", "expected ops of one side, which have as many rows", op};
    }
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    ops.erase(llvm::unique(ops), ops.end());
    members.insert_range(ops);
    return makeWay();
  }

  FusedOp create(RewriterBase &rewriter) {
    for (Operation *op : before)
      rewriter.moveOpBefore(op, ops.front());
    for (Operation *op : llvm::reverse(after))
      rewriter.moveOpAfter(op, ops.back());
    llvm::SetVector<Value> inputs, outputs;
    SmallVector<Location> places;
    for (Operation *op : ops) {
      places.push_back(op->getLoc());
      for (Value operand : op->getOperands())
        if (!members.contains(operand.getDefiningOp()))
          inputs.insert(operand);
      for (Value result : op->getResults())
        if (llvm::any_of(result.getUsers(),
                         [&](Operation *user) { return !members.contains(user); }))
          outputs.insert(result);
    }
    rewriter.setInsertionPoint(ops.back());
    auto group = FusedOp::create(
        rewriter, rewriter.getFusedLoc(places),
        llvm::map_to_vector(outputs, [](Value value) { return value.getType(); }),
        inputs.getArrayRef());
    IRMapping map;
    Block *body = rewriter.createBlock(&group.getBody());
    for (Value input : inputs)
      map.map(input, body->addArgument(input.getType(), input.getLoc()));
    for (Operation *op : ops)
      rewriter.clone(*op, map);
    YieldOp::create(rewriter, group.getLoc(),
                    llvm::map_to_vector(outputs, [&](Value value) { return map.lookup(value); }));
    for (auto [value, result] : llvm::zip(outputs, group.getOutputs()))
      rewriter.replaceAllUsesWith(value, result);
    for (Operation *op : llvm::reverse(ops))
      rewriter.eraseOp(op);
    SmallVector<FusedOp> inner(body->getOps<FusedOp>());
    for (FusedOp group : inner)
      inlineGroup(rewriter, group);
    return group;
  }

private:
  /// What stands between the first op and the last goes before the group, or, where it
  /// depends on the group, after it.
  std::optional<GroupRefusal> makeWay() {
    llvm::SmallPtrSet<Operation *, 16> dependent; // members, and what depends on them
    bool handleBefore = false, handleAfter = false;
    for (Operation *op = ops.front(); op != ops.back()->getNextNode(); op = op->getNextNode()) {
      bool depends = llvm::any_of(op->getOperands(), [&](Value operand) {
        Operation *made = operand.getDefiningOp();
        return made && dependent.contains(made);
      });
      if (members.contains(op)) {
        for (Value operand : op->getOperands())
          if (Operation *made = operand.getDefiningOp();
              made && dependent.contains(made) && !members.contains(made))
            return GroupRefusal{"not-convex",
                                "expected no op that depends on the group and that the group "
                                "depends on",
                                made};
        dependent.insert(op);
        continue;
      }
      // Effects keep their order where all of them go the same way.
      bool hasEffect = !isMemoryEffectFree(op);
      (depends ? handleAfter : handleBefore) |= hasEffect;
      if (hasEffect && handleAfter && handleBefore)
        return GroupRefusal{"effects",
                            "expected ops on handles to keep their order, but one has to go "
                            "before the group and one after it",
                            op};
      if (depends)
        dependent.insert(op);
      (depends ? after : before).push_back(op);
    }
    return std::nullopt;
  }

  SmallVector<Operation *> ops, before, after;
  llvm::SmallPtrSet<Operation *, 16> members;
};
} // namespace

std::variant<FusedOp, GroupRefusal> encdec::groupOps(RewriterBase &rewriter,
                                                     ArrayRef<Operation *> ops) {
  OpBuilder::InsertionGuard guard(rewriter);
  Grouping grouping(ops);
  if (std::optional<GroupRefusal> refusal = grouping.check())
    return *refusal;
  return grouping.create(rewriter);
}

std::optional<GroupRefusal> encdec::whyNoGroup(ArrayRef<Operation *> ops) {
  return Grouping(ops).check();
}
