// Groups: row-wise ops side by side in one encdec.fused, which a target may turn into few
// kernel calls; and ops of plugins' dialects that stand for textbook ops. Making a group and
// taking either apart change no number.
#pragma once
#include "dialect/Ops.h"
#include "mlir/IR/PatternMatch.h"
#include <variant>

namespace encdec {

/// Why ops cannot form a group. `code` is stable; `op` is the one that prevents it.
struct GroupRefusal {
  llvm::StringLiteral code;
  std::string why;
  mlir::Operation *op;
};

/// Moves `ops`, in any order, into a new encdec.fused in their place, and replaces what they
/// gave to others by its results. An op among them that is a group itself is dissolved into
/// the new one. Refuses, changing nothing, with
///   empty         no op is given
///   row-wise      an op may mix rows, or makes something else than rows
///   block         the ops stand in different blocks
///   sides         some ops are of the encoder and some of the decoder
///   not-convex    an op outside lies between them: it reads one and is read by another
///   effects       an op between them reads or writes a handle and cannot make way
std::variant<FusedOp, GroupRefusal> groupOps(mlir::RewriterBase &rewriter,
                                             llvm::ArrayRef<mlir::Operation *> ops);

/// Why groupOps would refuse them; nothing where it would not.
std::optional<GroupRefusal> whyNoGroup(llvm::ArrayRef<mlir::Operation *> ops);

/// Replaces `group` by its ops.
void inlineGroup(mlir::RewriterBase &rewriter, FusedOp group);

/// Whether `op` is of another dialect and stands for ops of this one: verifiers, interpreter
/// and targets take it for those.
bool standsForOthers(mlir::Operation *op);

/// Replaces such an op; fails with an error where it says nothing that it stands for.
mlir::LogicalResult expand(mlir::RewriterBase &rewriter, mlir::Operation *op);

/// Replaces every group below `root` by its ops, and every op of another dialect that
/// stands for some.
mlir::LogicalResult expandAll(mlir::Operation *root);

/// Whether there is one of either below `root`.
bool hasExpandable(mlir::Operation *root);

} // namespace encdec
