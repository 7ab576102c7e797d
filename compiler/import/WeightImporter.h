// WeightImporter.h: declares the module's weights from a checkpoint's tensors, and
// remembers which tensors are missing, misshapen or used by no weight.
#pragma once
#include "compiler/import/Safetensors.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <set>

namespace encdec {

/// A tensor that a model asks its checkpoint for.
struct AskedTensor {
  std::string symbol; ///< The weight that it becomes: "encoder.l0.self.q.w".
  std::string name;   ///< In the checkpoint.
  std::vector<uint64_t> shape;
};

class WeightImporter {
public:
  /// Without files nothing is declared: `asked` lists what would be read.
  WeightImporter(mlir::ModuleOp module, const checkpoint::CheckpointFiles *files);

  /// Declares @symbol from `tensor`, which must have `shape`; does nothing if
  /// the symbol is there already. Leading dimensions of 1 that `shape` has are
  /// dropped when it has more than `rank` (a stored [1, V] is a [V] here).
  void need(llvm::StringRef symbol, const std::string &tensor,
            llvm::ArrayRef<uint64_t> shape, unsigned rank = 2);
  /// The same for a 2-D tensor without its first `skipped` rows.
  void needRows(llvm::StringRef symbol, const std::string &tensor,
                llvm::ArrayRef<uint64_t> shape, uint64_t skipped);
  /// As need, if the checkpoint has the tensor. Returns whether it has.
  bool want(llvm::StringRef symbol, const std::string &tensor,
            llvm::ArrayRef<uint64_t> shape, unsigned rank = 2);
  /// Declares a weight whose values `origin` computes.
  void compute(llvm::StringRef symbol, llvm::ArrayRef<int64_t> shape,
               mlir::Attribute origin);

  const std::vector<AskedTensor> &asked() const { return asks; }
  /// Keeps `tensor` out of the warning of unused tensors.
  void markSeen(const std::string &tensor);
  void noteMissing(const std::string &tensor) { missing.push_back(tensor); }
  /// The first problem; one message names all missing tensors.
  Status status() const;
  /// A warning that names the tensors that no weight uses and that are not `ignored`;
  /// empty if there are none.
  std::string unusedWarning(llvm::function_ref<bool(const std::string &)> ignored) const;

private:
  void take(llvm::StringRef symbol, const std::string &tensor,
            llvm::ArrayRef<uint64_t> shape, unsigned rank, uint64_t skippedRows);
  void declare(llvm::StringRef symbol, llvm::ArrayRef<int64_t> shape,
               mlir::Type element, mlir::Attribute origin);
  mlir::OpBuilder builder;
  const checkpoint::CheckpointFiles *files;
  std::vector<AskedTensor> asks;
  std::set<std::string> declared, seen;
  std::vector<std::string> missing;
  Status first;
};

} // namespace encdec
