// Encode and greedy steps on a whole module in the reference interpreter:
// builds the arguments by their encdec.arg names, whether the encoder's output
// is handed over as a tensor or through memories.
#pragma once
#include "dialect/Interpreter.h"
#include "dialect/Schema.h"

namespace encdec::reference {

/// What one step found best, per row.
struct StepResult {
  std::vector<int64_t> tokens;
  std::vector<double> logProbs;
};

/// One batch from encode through its steps. Not thread-safe; errors are emitted
/// at the op or function that met them.
class BatchRun {
public:
  explicit BatchRun(mlir::ModuleOp module, WeightReader reader = {})
      : interpreter(module, std::move(reader)) {}

  /// Whether the module has one encode and one step, and they take what a batch
  /// can give them and return what it asks for.
  mlir::LogicalResult verify();

  /// Runs encode on token ids of each source, one or more tokens each.
  mlir::LogicalResult encode(llvm::ArrayRef<std::vector<int64_t>> sources);

  /// What encode returned: the encoder's rows of all sources, end to end [S, E]; of no
  /// numbers where it returns nothing.
  const Tensor &encoderOutput() const { return memory; }

  /// Runs one step with one row per entry. Row r is token tokens[r] at
  /// positions[r], its past in slots ancestors[r], for source sources[r].
  /// Nothing is biased.
  mlir::FailureOr<StepResult> step(llvm::ArrayRef<int64_t> tokens,
                                   llvm::ArrayRef<int64_t> positions,
                                   const Tensor &ancestors,
                                   llvm::ArrayRef<int64_t> sources);

  /// verify, encode, then `steps` steps, each source's best token fed to the
  /// next; the first is `start`.
  mlir::FailureOr<std::vector<StepResult>>
  greedy(llvm::ArrayRef<std::vector<int64_t>> sources, int64_t steps,
         int64_t start);

  /// Token ids of an entry, "encode" or "step", must be below it; 0 if the
  /// entry does not embed its tokens.
  int64_t vocabulary(llvm::StringRef entry);

  Interpreter interpreter;

private:
  using Given = std::map<Role, Tensor>;
  Given givenToEncode(llvm::ArrayRef<std::vector<int64_t>> sources);
  Given givenToStep(llvm::ArrayRef<int64_t> tokens,
                    llvm::ArrayRef<int64_t> positions, const Tensor &ancestors,
                    llvm::ArrayRef<int64_t> sources);
  mlir::FailureOr<mlir::func::FuncOp> entry(llvm::StringRef name);
  mlir::FailureOr<std::vector<Value>> arguments(mlir::func::FuncOp function,
                                                const Given &given);

  std::map<NumberedRole, std::pair<mlir::Type, Value>> handles;
  Tensor memory;  // encode's output, if it has one
  Tensor offsets; // [B + 1]
};

/// Ancestors of rows that share nothing: row r lives in slots[r] up to position
/// `last`. [rows, last + 1]
Tensor ownSlots(llvm::ArrayRef<int64_t> slots, int64_t last);

/// Deterministic values in (-1, 1), never 0.
Tensor seededTensor(std::vector<int64_t> shape, uint64_t seed);

/// A value for each argument of a function or fragment, made from `seed`: one
/// segment of `rows` keys, `rows` rows in as many slots, handles filled. What
/// an index argument is (offsets, rows, …) is read from encdec.arg or from its
/// uses. Emits an error for an argument that no value can be made for.
mlir::FailureOr<std::vector<Value>>
seededArguments(mlir::func::FuncOp function, int64_t rows, uint64_t seed);

} // namespace encdec::reference
