// The frame of every fusion: collect the candidates, try each once in program order, and
// report what was gained or why nothing was.
//
// One walk is enough: no fusion of a pass makes a candidate for the same pass
// (tests/fuse/FuseTest.cpp runs the pipeline twice).
#pragma once
#include "compiler/Remarks.h"
#include "dialect/Ops.h"
#include "compiler/fuse/FusionAction.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/PatternMatch.h"
#include <variant>

namespace encdec {

/// A fusion that happened.
struct Gain {
  mlir::Operation *fused; // the op that now stands for all of them
  llvm::StringLiteral code;
  std::string text;
};

/// The op is no candidate, and no remark is made about it.
struct NoCandidate {};

using Outcome = std::variant<NoCandidate, Refusal, Gain>;

/// Whether control may come to `op`. In unreachable code an op may read its own result,
/// so that no place is below all of its operands.
inline bool isReached(mlir::Operation *op, mlir::DominanceInfo &dominance) {
  for (; mlir::Block *block = op->getBlock(); op = block->getParentOp())
    if (!dominance.isReachableFromEntry(block))
      return false;
  return true;
}

/// Tries `fuse` (RootOp, RewriterBase &) -> Outcome on every RootOp of `module`
/// and reports under category `pass`. A refusal must leave the IR untouched.
/// `fuse` may erase the root it was given, but no other root.
template <typename RootOp, typename Fuse>
void fuseEach(mlir::ModuleOp module, llvm::StringLiteral pass, Fuse fuse) {
  llvm::SmallVector<RootOp> roots;
  module.walk([&](RootOp root) {
    if (!isa<FusedOp>(root->getParentOp())) // a group's inside is its target's affair
      roots.push_back(root);
  });
  mlir::IRRewriter rewriter(module.getContext());
  mlir::DominanceInfo dominance; // of blocks, which no fusion changes
  for (RootOp root : roots) {
    if (!isReached(root, dominance)) {
      reportMissed(pass, root,
                   Refusal{"unreachable",
                           "expected an op that the function reaches",
                           "none: it is never run", nullptr});
      continue;
    }
    rewriter.setInsertionPoint(root);
    Outcome outcome = NoCandidate();
    runFusion(root, pass, [&] { outcome = fuse(root, rewriter); });
    if (auto *gain = std::get_if<Gain>(&outcome))
      reportPassed(pass, gain->code, gain->fused, gain->text);
    else if (auto *refusal = std::get_if<Refusal>(&outcome))
      reportMissed(pass, root, *refusal);
  }
}

/// The first reader of `value` that is not `known`; null if there is none.
inline mlir::Operation *otherUser(mlir::Value value, mlir::Operation *known) {
  for (mlir::Operation *user : value.getUsers())
    if (user != known)
      return user;
  return nullptr;
}

} // namespace encdec
