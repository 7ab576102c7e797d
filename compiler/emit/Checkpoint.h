// What emission reads in the checkpoint's folder besides weights: the tokenizer's files,
// which become a table, and all files that the result depends on, for a hash.
#pragma once
#include "compiler/tokenizer/Describe.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Status.h"
#include <string>
#include <vector>

namespace encdec {

struct CheckpointTokenizer {
  std::string kind;  // of tokenizer files, "" where there is no tokenizer
  std::string bytes; // the table of encdec/tokenizer.h; empty without a kind
  std::vector<std::string> files; // that were read
};

/// Reads the tokenizer files of a checkpoint into a table. Where one is missing, the model
/// takes and gives token ids alone, and a warning says so.
Result<CheckpointTokenizer> readTokenizer(const std::string &folder,
                                          const tokenizer::Options &options,
                                          std::vector<std::string> &warnings);

/// XXH3-128 over name, size and bytes of config, generation config, the weight
/// files that `module` names, and tokenizer files.
Result<std::string> hashCheckpoint(const std::string &folder, mlir::ModuleOp module,
                                   llvm::ArrayRef<std::string> tokenizerFiles);

} // namespace encdec
