// What emission reads in the checkpoint's folder besides weights: the tokenizer's files,
// which it copies, and all files that the result depends on, for a hash.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Status.h"
#include <string>
#include <utility>
#include <vector>

namespace encdec {

struct TokenizerFiles {
  std::string kind; // "marian", or "" where files are missing
  /// Names and contents in a fixed order; empty without a kind.
  std::vector<std::pair<std::string, std::string>> files;
};

/// Reads the tokenizer files of a `family` checkpoint. Where one is missing, the model
/// takes and gives token ids alone, and a warning says so.
Result<TokenizerFiles> readTokenizer(const std::string &folder,
                                     llvm::StringRef family,
                                     std::vector<std::string> &warnings);

/// XXH3-128 over name, size and bytes of config, generation config, the weight
/// files that `module` names, and tokenizer files.
Result<std::string> hashCheckpoint(const std::string &folder,
                                   mlir::ModuleOp module);

} // namespace encdec
