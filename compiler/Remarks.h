// What a pass gained and what it left undone, told through MLIR's remark engine
// (mlir/IR/Remarks.h): `encdec-opt --remarks-filter='fuse-.*' …` shows it.
//
// The engine is not safe under threads, and greedy drivers visit an op more
// than once. So remarks come only from passes that run on the module, from a
// walk in program order: each op is told about once, and two runs say the same.
#pragma once
#include "mlir/IR/Operation.h"
#include "llvm/ADT/StringRef.h"
#include <string>

namespace encdec {

/// Why a rewrite did not happen. `code` is stable: tests, tools and the README
/// of the pass's folder name it.
struct Refusal {
  llvm::StringLiteral code;
  std::string why;    // expected …, but …
  std::string remedy; // what would make it happen
  mlir::Operation *blocker =
      nullptr; // the op that broke the pattern, if another
};

/// Says under category `pass` that `op` is now what it should be, and what was
/// gained. `code` names the gain.
void reportPassed(llvm::StringLiteral pass, llvm::StringLiteral code,
                  mlir::Operation *op, std::string gain);

/// Says under category `pass` why `op` was left as it is.
void reportMissed(llvm::StringLiteral pass, mlir::Operation *op,
                  const Refusal &refusal);

} // namespace encdec
