// Derived weights: values that are an expression over other weights of the module, such
// as a projection with the scale of the scores in it. One evaluator serves interpreter and
// packer; they differ in where the values of checkpoint weights come from.
//
//   scaled<@w, c>        c * w[i, j]
//   product<@a, @b>      sum over k of a[i, k] * b[k, j]
//   sum<@a, @b>          a[i, j] + b[i, j]
//   rows<@w, f, t>       w[f + i, j],  i < t - f
//   gathered<@w, [r, …]> w[r[i], j]
//   columns<@w, f, t>    w[i, f + j],  j < t - f
//   concat<[@a, @b]>     rows of a, then rows of b
//
// Here a vector [n] is n rows of one value. An expression takes the f32 of each number of
// the checkpoint, whatever the named weight's format; where it names derived weights, it
// takes their expressions. It is evaluated in f64 and rounded to f32 once, at its end; the
// derived weight's own format then takes the result as it takes any weight's values.
#pragma once
#include "dialect/Ops.h"
#include <functional>
#include <map>
#include <vector>

namespace encdec {

/// Whether `origin` is one of the expressions above.
bool isDerived(mlir::Attribute origin);

/// The weights that a derived `origin` names, in its order; none for any other origin.
llvm::SmallVector<mlir::FlatSymbolRefAttr> derivedFrom(mlir::Attribute origin);

/// The shape of a weight that is derived by `origin` from weights that `at` sees. Fails, with
/// an error at `at`, where the expression breaks one of C9 … C12 of encdec.weight (Ops.td).
mlir::FailureOr<llvm::SmallVector<int64_t, 2>>
derivedShape(mlir::Operation *at, mlir::Attribute origin, mlir::SymbolTableCollection &symbols);

/// Reads elements `from` … `from + to.size() - 1`, row-major, of a weight that is not
/// derived, as f32. Emits a diagnostic on failure.
using ElementReader = std::function<mlir::LogicalResult(
    WeightOp weight, int64_t from, llvm::MutableArrayRef<float> to)>;

/// Evaluates blocks of rows of one derived weight of a verified module, so that a large
/// weight is never in memory whole. Of the weights that it names, only right operands of
/// products are: 8 bytes for each of their elements, until the evaluator goes. Not for use
/// by several threads; the module outlives it.
class DerivedWeight {
public:
  DerivedWeight(WeightOp weight, ElementReader reader)
      : weight(weight), reader(std::move(reader)) {}

  /// Elements `from` … `from + to.size() - 1`, row-major: whole rows. Emits a
  /// diagnostic on failure, an f64 beyond the range of f32 becomes infinite.
  mlir::LogicalResult read(int64_t from, llvm::MutableArrayRef<float> to);

private:
  /// A block of rows [count, width], in f64.
  using Block = llvm::MutableArrayRef<double>;
  mlir::LogicalResult rows(WeightOp of, int64_t from, Block to);
  /// Calls body(i, row from + i) for each i below `count`, with a block of rows in memory.
  mlir::LogicalResult
  forEachRow(WeightOp of, int64_t from, int64_t count,
             llvm::function_ref<void(int64_t, llvm::ArrayRef<double>)> body);
  mlir::LogicalResult leafRows(WeightOp of, int64_t from, Block to);
  mlir::LogicalResult productRows(ProductAttr product, int64_t from, Block to);
  mlir::LogicalResult gatheredRows(GatheredAttr gathered, int64_t from, Block to);
  mlir::LogicalResult columnRows(ColumnsAttr columns, int64_t from, Block to);
  mlir::LogicalResult concatRows(ConcatAttr concat, int64_t from, Block to);
  WeightOp named(mlir::FlatSymbolRefAttr name) {
    return lookupWeight(symbols, weight, name);
  }

  WeightOp weight;
  ElementReader reader;
  mlir::SymbolTableCollection symbols;
  std::map<mlir::Operation *, std::vector<double>> rightOperands; // whole, [k, m]
};

/// All values of `weight` as f32, row-major, before its format takes them: `read` gives
/// those of a weight that is not derived. Fails after a diagnostic.
mlir::FailureOr<std::vector<float>>
storedValues(WeightOp weight,
             llvm::function_ref<mlir::FailureOr<std::vector<float>>(WeightOp)> read);

} // namespace encdec
