// Reading a file of rewrite patterns: PDLL, or the pdl dialect that PDLL becomes.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Rewrite/FrozenRewritePatternSet.h"
#include <string>
#include <vector>

namespace encdec {

/// One pattern, ready to be tried.
struct ReadPattern {
  std::string name;        // "line 7" where the file gives none
  mlir::Location location; // in the user's file
  unsigned benefit = 0;
  std::string root; // the op that it replaces; "" for any
  std::vector<std::string> named; // the ops that it matches, those without a name left out
  mlir::FrozenRewritePatternSet set;
};

struct PatternFile {
  /// By descending benefit, then in the file's order.
  std::vector<ReadPattern> patterns;
  /// The patterns as IR without locations: the same for the same patterns, wherever they are.
  std::string text;
};

/// Reads `file`, .pdll or .mlir, and checks it: every error is emitted with its code
/// (README.md), at its line and column where it has one. `context` has the dialects pdl and
/// pdl_interp, and those that the patterns name.
///
/// PDLL is translated by the program mlir-pdll 22, as a child process with limits:
/// $ENCDEC_PDLL, else `mlir-pdll-22` on PATH or in LLVM 22's own folder.
mlir::FailureOr<PatternFile> readPatternFile(llvm::StringRef file, mlir::MLIRContext *context);

/// What a message of mlir-pdll or of the pdl dialect means in the words of who writes patterns,
/// to be put behind it; "" for most.
llvm::StringRef explanationOfPdl(llvm::StringRef message);

/// Translates a .pdll file to the text of a module of pdl, as readPatternFile does.
mlir::FailureOr<std::string> translatePdll(llvm::StringRef file, mlir::MLIRContext *context);

} // namespace encdec
