// Checks of functions, values and rows for the reference interpreter.
#include "dialect/ReferenceCheck.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::reference;

using Operands = SmallVector<mlir::Value, 4>;

LogicalResult reference::checkSize(Location loc, Type type) {
  SmallVector<int64_t> sizes;
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    sizes = llvm::to_vector(tensor.getShape());
  else if (auto memory = dyn_cast<MemoryType>(type))
    sizes = {memory.getHeads(), memory.getHeadSize()};
  else if (auto cache = dyn_cast<CacheType>(type))
    sizes = {cache.getHeads(), cache.getHeadSize()};
  int64_t room = int64_t(1) << 30;
  for (int64_t size : sizes)
    if (size > 0) // dynamic sizes are negative
      room /= size;
  if (room > 0)
    return success();
  return emitError(loc, "expected at most 2^30 numbers a row in the reference "
                        "interpreter but got ")
         << type;
}

LogicalResult reference::checkFunction(func::FuncOp function) {
  if (!function.getBody().hasOneBlock())
    return function.emitError("expected a body of one block to run but got ")
           << function.getBody().getBlocks().size() << " blocks";
  for (BlockArgument argument : function.getArguments()) {
    Type type = argument.getType();
    if (!isa<RankedTensorType, MemoryType, CacheType>(type) &&
        !type.isInteger(64))
      return function.emitError("expected argument ")
             << argument.getArgNumber()
             << " to be a ranked tensor, a handle or an i64, as the reference "
                "interpreter has values of, but got "
             << type;
    if (failed(checkSize(argument.getLoc(), type)))
      return failure();
  }
  WalkResult result = function.walk([](Operation *op) -> WalkResult {
    for (mlir::Value result : op->getResults())
      if (failed(checkSize(result.getLoc(), result.getType())))
        return failure();
    return success();
  });
  return failure(result.wasInterrupted());
}

bool reference::fits(Type type, const Value &value) {
  if (isa<MemoryType, CacheType>(type)) {
    auto *memory = std::get_if<std::shared_ptr<Memory>>(&value);
    auto *cache = std::get_if<std::shared_ptr<Cache>>(&value);
    return isa<MemoryType>(type) ? memory && *memory : cache && *cache;
  }
  auto *tensor = std::get_if<Tensor>(&value);
  SmallVector<int64_t> shape = {1}; // of an i64
  if (auto ranked = dyn_cast<RankedTensorType>(type))
    shape = llvm::to_vector(ranked.getShape());
  if (!tensor || tensor->shape.size() != shape.size())
    return false;
  int64_t count = 1;
  for (auto [got, expected] : llvm::zip(tensor->shape, shape)) {
    if (!ShapedType::isDynamic(expected) && got != expected)
      return false;
    count *= got;
  }
  return count == int64_t(tensor->values.size());
}

LogicalResult reference::checkArguments(func::FuncOp function,
                                        ArrayRef<Value> values) {
  if (function.getNumArguments() != values.size())
    return function.emitError("expected ")
           << function.getNumArguments() << " arguments but got "
           << values.size();
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (!fits(type, values[i]))
      return function.emitError("expected a value of type ")
             << type << " for argument " << i
             << " but got one of another kind or size";
  return success();
}

/// The groups of operands that hold something for each row of the same rows.
static SmallVector<Operands, 2> rowGroups(Operation *op) {
  if (op->hasTrait<RowWise>())
    return {
        llvm::filter_to_vector<4>(op->getOperands(), [](mlir::Value operand) {
          return sideOf(operand) || isIndexTensor(operand.getType());
        })};
  using Groups = SmallVector<Operands, 2>;
  return llvm::TypeSwitch<Operation *, Groups>(op)
      .Case([](ScoresOp op) {
        Operands asking{op.getQuery(), op.getRows()};
        if (op.getBiasPositions())
          asking.push_back(op.getBiasPositions());
        return Groups{asking};
      })
      .Case([](MaskOp op) {
        return Groups{{op.getScores(), op.getPositions()}};
      })
      .Case([](ContextOp op) {
        return Groups{{op.getProbs(), op.getRows()}};
      })
      .Case([](CacheReadOp op) {
        return Groups{{op.getAncestors(), op.getPositions()}};
      })
      .Case([](CacheAppendOp op) {
        return Groups{
            {op.getKey(), op.getValue(), op.getAncestors(), op.getPositions()}};
      })
      .Case([](SelfAttentionOp op) {
        Operands asking{op.getQuery(), op.getRows()};
        for (mlir::Value positions : {op.getBiasPositions(), op.getPositions()})
          if (positions)
            asking.push_back(positions);
        return Groups{asking, {op.getKey(), op.getValue()}};
      })
      .Case([](CrossAttentionOp op) {
        return Groups{{op.getQuery(), op.getRows()},
                      {op.getKey(), op.getValue()}};
      })
      .Default(Groups{});
}

LogicalResult
reference::checkRows(Operation *op,
                     function_ref<const Tensor &(mlir::Value)> tensorOf) {
  auto rowsOf = [&](mlir::Value operand) {
    const std::vector<int64_t> &shape = tensorOf(operand).shape;
    return shape[shape.size() == 3 ? 1 : 0]; // scores are [heads, rows, keys]
  };
  for (const Operands &group : rowGroups(op))
    for (mlir::Value operand : group)
      if (rowsOf(operand) != rowsOf(group.front()))
        return op->emitError("expected as many rows of each operand but got ")
               << rowsOf(group.front()) << " of " << group.front().getType()
               << " and " << rowsOf(operand) << " of " << operand.getType();
  return success();
}
