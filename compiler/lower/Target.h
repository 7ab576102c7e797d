// The interface of targets: a target turns ops of the fused form into kernel calls, and
// calls into kernel bodies of one level. The passes between the two (barriers, places,
// entries) are the same for all targets and know none of them.
#pragma once
#include "compiler/schedule/Schedule.h"
#include <memory>

namespace encdec {

/// The kernels of one target at one level, made in a module on first request: calls of
/// one shape share one body.
///
/// A body is func.func private (frame: !llvm.ptr, table: !llvm.ptr), run by all workers
/// of a call, each doing its share. `frame` is what entries prepare (Frame.h). `table`
/// holds what differs from layer to layer: int32 entries for the operands (a place in the
/// arena or a layer's bytes per key; two for the place of a value of keys; three for a
/// place in scratch; none for an input),
/// the weights' offsets, the results (as operands) and the numbers, in the call's order.
/// No body contains a barrier.
class KernelBodies {
public:
  virtual ~KernelBodies() = default;
  /// The body that `call` needs; fails with an error at a call that names no kernel.
  virtual mlir::FailureOr<mlir::func::FuncOp> bodyOf(kernel::CallOp call) = 0;
};

/// A number that changes how fast code is and no bit of what it computes; `encdec-tune`
/// measures the best one of a machine.
struct Choice {
  llvm::StringLiteral name;
  int64_t value; // unless another is chosen
  int64_t least, most;
  llvm::StringLiteral meaning;
};

class Target {
public:
  virtual ~Target() = default;
  virtual llvm::StringRef name() const = 0;
  /// Names of the levels that bodies can be made for, the least first.
  virtual llvm::ArrayRef<llvm::StringRef> levels() const = 0;
  virtual llvm::ArrayRef<Choice> choices() const = 0;
  /// The numbers of rows, ascending, from which `entry` should be selected in another way.
  virtual llvm::SmallVector<kernel::RowsFromAttr> ranges(mlir::func::FuncOp entry) const = 0;
  /// Replaces every op of `entry`, in fused form with packed weights, by kernel calls, for
  /// numbers of rows from what `entry` states on (rowsFrom). An op that no kernel can honour is an error `not lowerable [code]`.
  virtual mlir::LogicalResult select(mlir::func::FuncOp entry) const = 0;
  /// Adds bodies for `level` to the end of `module`, which outlives them; null where the
  /// level is unknown.
  virtual std::unique_ptr<KernelBodies> bodies(mlir::ModuleOp module,
                                               llvm::StringRef level) const = 0;
};

/// The choice called `name`, one of the target's, as `module` has it (kTuningAttr), or its
/// default.
int64_t chosen(mlir::ModuleOp module, const Target &target, llvm::StringRef name);

/// All targets (compiler/Targets.cpp), the default one first.
llvm::ArrayRef<const Target *> targets();
/// The target called `name`, or null.
const Target *findTarget(llvm::StringRef name);

} // namespace encdec
