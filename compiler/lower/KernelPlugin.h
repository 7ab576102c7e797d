// How a plugin brings kernels to a target: what an op of its own dialect calls, and the body
// of the kernel that is called. Barriers, memory, proof, profile and code follow from the
// call as for the target's own kernels (compiler/schedule/README.md).
#pragma once
#include "compiler/lower/Frame.h"
#include "compiler/schedule/CallBuilder.h"
#include "mlir/IR/BuiltinOps.h"
#include <functional>
#include <string>

namespace encdec {

/// One kernel of a plugin, and the op that it computes.
struct KernelPlugin {
  std::string target; // "cpu"
  std::string op;     // "mine.add3"
  std::string kernel; // its name in calls; none of the target's own

  /// Declares what the kernel for `op` touches: operands with their accesses, results with
  /// their buffers, one for each result of the op and then temporaries, split, weights, cost,
  /// and in the dictionary all that is folded into the body. Operands of the op are
  /// activations that calls have made, or handles. Fails after an error at `op`.
  std::function<mlir::LogicalResult(mlir::Operation *op, kernel::CallBuilder &call)> declare;

  /// Writes the body for `call` at a CPU level: each worker does its share (Frame::share),
  /// without a barrier and without a call to a library. The table's entries are in the order
  /// of Target.h. Bodies of calls with equal dictionaries, types and weights' formats are shared.
  std::function<void(kernel::CallOp call, llvm::StringRef level, lower::KernelBuilder &,
                     lower::Frame &)>
      body;
};

/// Called while a plugin is loaded, before any pass runs; of two for one op the last counts.
/// Process-wide, as MLIR's registry of passes is.
void registerKernel(KernelPlugin plugin);

/// Null where no plugin has one for the op, or of the name.
const KernelPlugin *findKernelOf(llvm::StringRef target, mlir::Operation *op);
const KernelPlugin *findKernel(llvm::StringRef target, llvm::StringRef kernel);

/// The function of `call`'s kernel, made in `module` on first request.
mlir::func::FuncOp bodyOf(const KernelPlugin &plugin, mlir::ModuleOp module, kernel::CallOp call,
                          llvm::StringRef level);

} // namespace encdec
