// Runs functions op by op, and gives ops their weights and checked indices.
#include "dialect/Interpreter.h"
#include "dialect/Derived.h"
#include "dialect/Group.h"
#include "dialect/Origin.h"
#include "dialect/ReferenceCheck.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::reference;

using Results = FailureOr<std::vector<reference::Value>>;

const Tensor *Interpreter::weight(Operation *op, FlatSymbolRefAttr name,
                                  bool &failed) {
  if (!name)
    return nullptr;
  auto known = weights.find(name.getValue().str());
  if (known != weights.end())
    return &known->second;
  WeightOp weight = lookupWeight(op, name);
  FailureOr<std::vector<float>> values = failure();
  if (weight && succeeded(checkSize(weight.getLoc(), weight.getTensorType()))) {
    values = storedValues(weight, [&](WeightOp leaf) -> FailureOr<std::vector<float>> {
      if (mlir::failed(checkSize(leaf.getLoc(), leaf.getTensorType())))
        return failure();
      if (!isa<FileAttr>(leaf.getOrigin()))
        return originValues(leaf);
      if (!reader)
        return failure();
      return reader(leaf);
    });
  }
  if (mlir::failed(values) ||
      int64_t(values->size()) != weight.getTensorType().getNumElements()) {
    op->emitError("cannot read the values of weight ") << name;
    failed = true;
    return nullptr;
  }
  values = logicalValues(weight, std::move(*values));
  Tensor result(weight.getTensorType().getShape().vec(),
                {values->begin(), values->end()});
  return &weights.emplace(name.getValue().str(), std::move(result))
              .first->second;
}

Tensor Interpreter::product(Operation *op, FlatSymbolRefAttr name,
                            const Tensor &x, const Tensor &w, const Tensor *b) {
  WeightOp weight = lookupWeight(op, name);
  return linear(weight && weight.getStored().roundsActivations ? throughInt8(x) : x, w, b);
}

// Every index in 0 … limit-1.
LogicalResult Interpreter::within(Operation *op, StringRef what,
                                  const Tensor &indices, int64_t limit) {
  for (auto [i, index] : llvm::enumerate(indices.values))
    if (index < 0 || index >= limit)
      return op->emitError("expected ")
             << what << "[" << i << "] in [0, " << limit << ") but got "
             << int64_t(index);
  return success();
}

FailureOr<KeyRanges> Interpreter::keyRanges(Operation *op, const Tensor &rows,
                                            const Tensor &offsets, int64_t keys) {
  if (failed(within(op, "offsets", offsets, keys + 1)) ||
      failed(within(op, "rows", rows, offsets.rows() - 1)))
    return failure();
  KeyRanges result;
  for (double row : rows.values) {
    int64_t first = offsets.values[int64_t(row)];
    int64_t end = offsets.values[int64_t(row) + 1];
    if (first >= end)
      return op->emitError("expected keys in segment ")
             << int64_t(row) << " but got [" << first << ", " << end << ")";
    result.push_back({first, end});
  }
  return result;
}

static bool hasForeign(func::FuncOp function) {
  return function
      ->walk([](Operation *op) {
        return standsForOthers(op) ? WalkResult::interrupt() : WalkResult::advance();
      })
      .wasInterrupted();
}

static std::string freeName(ModuleOp module, StringRef like) {
  std::string name = like.str();
  while (module.lookupSymbol(name))
    name += ".";
  return name;
}

Results Interpreter::run(func::FuncOp function,
                         std::vector<reference::Value> arguments) {
  if (failed(checkFunction(function)) ||
      failed(checkArguments(function, arguments)))
    return failure();
  values.clear();
  // What ops of other dialects stand for runs in a copy, which finds the module's weights.
  func::FuncOp copy;
  llvm::scope_exit drop([&] {
    if (copy)
      copy.erase();
  });
  if (hasForeign(function)) {
    copy = function.clone();
    copy.setName(freeName(module, function.getName()));
    module.push_back(copy);
    if (failed(expandAll(copy)))
      return failure();
    function = copy;
  }
  for (auto [argument, value] : llvm::zip(function.getArguments(), arguments))
    values[argument] = std::move(value);
  return run(function.front());
}

Results Interpreter::run(Block &block) {
  for (Operation &op : block) {
    if (isa<func::ReturnOp, YieldOp>(op)) {
      std::vector<reference::Value> results;
      for (mlir::Value operand : op.getOperands())
        results.push_back(values.at(operand));
      return results;
    }
    auto tensorOf = [&](mlir::Value v) -> const Tensor & { return tensor(v); };
    Results results = failure();
    if (succeeded(checkRows(&op, tensorOf)))
      results = evaluate(&op);
    if (failed(results))
      return failure();
    if (observer)
      observer(&op, *results);
    for (auto [result, value] : llvm::zip(op.getResults(), *results)) {
      if (!fits(result.getType(), value)) // a handle that another type filled
        return op.emitError("expected a result of type ")
               << result.getType() << " but got one of another size";
      values[result] = std::move(value);
    }
  }
  return block.getParentOp()->emitError("expected a return at the end of the function");
}
