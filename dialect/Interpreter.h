// The reference interpreter: runs functions of encdec IR, in any form, in
// float64. It is the judge of every pass and kernel: slow, short, and the
// meaning of the ops.
#pragma once
#include "dialect/Ops.h"
#include "dialect/ReferenceMath.h"
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <variant>

namespace encdec::reference {

/// One cross-attention's keys and values: written by memory_project, which
/// replaces all of it.
struct Memory {
  Tensor key, value; // [S, H*D]
  Tensor offsets;    // [B + 1]
};

/// One decoder layer's own keys and values: rows by (slot, position).
struct Cache {
  struct Row {
    std::vector<double> key, value; // [H*D]
  };
  std::map<std::pair<int64_t, int64_t>, Row> rows;
};

/// What an SSA value holds; a number is a [1] tensor. Handles are shared: they live
/// across calls, so that a caller runs encode, then steps, on the same ones.
using Value =
    std::variant<Tensor, std::shared_ptr<Memory>, std::shared_ptr<Cache>>;

/// Gives the f32 of each of the checkpoint's numbers, row-major, of a weight that has a
/// file origin; the interpreter applies the weight's format.
using WeightReader =
    std::function<mlir::FailureOr<std::vector<float>>(WeightOp)>;

/// Not thread-safe. The module must outlive the interpreter and keep its weights, which
/// are evaluated once. Errors are emitted at the op that met them.
class Interpreter {
public:
  explicit Interpreter(mlir::ModuleOp module, WeightReader reader = {})
      : module(module), reader(std::move(reader)) {}

  /// Runs `function` (one block of encdec ops, constants and a return) on one
  /// value per argument; returns one per result.
  mlir::FailureOr<std::vector<Value>> run(mlir::func::FuncOp function,
                                          std::vector<Value> arguments);

  /// Called with each op and its results once the op has run; may be empty.
  std::function<void(mlir::Operation *, llvm::ArrayRef<Value>)> observer;

  mlir::ModuleOp getModule() const { return module; }

private:
  using Results = mlir::FailureOr<std::vector<Value>>;

  Results run(mlir::Block &block); // whose arguments have their values
  Results evaluate(mlir::Operation *op);
  template <typename Op> Results eval(Op op);
  template <typename Op>
  Results attention(Op op, mlir::Value bias, mlir::Value biasPositions, mlir::Value positions);
  /// Scores of the op's keys, with its bias, if it has one.
  template <typename Op>
  mlir::FailureOr<Tensor> scored(Op op, const KeyRanges &seen, mlir::Value bias,
                                 mlir::Value biasPositions);
  template <typename Op> mlir::FailureOr<Tensor> normed(Op op, Tensor x);
  template <typename Op> Results top(Op op, const Tensor &logits);

  const Tensor &tensor(mlir::Value value) {
    return std::get<Tensor>(values.at(value));
  }
  /// Null if `name` is, or after an error at `op` (`failed` is set).
  const Tensor *weight(mlir::Operation *op, mlir::FlatSymbolRefAttr name,
                       bool &failed);
  /// x times the weight called `name`, whose values are `w`.
  Tensor product(mlir::Operation *op, mlir::FlatSymbolRefAttr name,
                 const Tensor &x, const Tensor &w, const Tensor *b);
  mlir::FailureOr<KeyRanges> keyRanges(mlir::Operation *op, const Tensor &rows,
                                       const Tensor &offsets, int64_t keys);
  mlir::LogicalResult within(mlir::Operation *op, llvm::StringRef what,
                             const Tensor &indices, int64_t limit);

  mlir::ModuleOp module;
  WeightReader reader;
  std::map<std::string, Tensor> weights;
  struct Hash {
    size_t operator()(mlir::Value value) const { return hash_value(value); }
  };
  std::unordered_map<mlir::Value, Value, Hash> values;
};

} // namespace encdec::reference
