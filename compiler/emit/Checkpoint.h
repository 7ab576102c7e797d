// What emission reads in the checkpoint's folder besides weights: the tokenizer's files,
// which become a table, and all files that the result depends on, for a hash.
#pragma once
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Status.h"
#include <string>
#include <vector>

namespace encdec {

struct CheckpointTokenizer {
  std::string kind;  // "marian", or "" where there is no tokenizer
  std::string bytes; // the table of encdec/tokenizer.h; empty without a kind
};

/// Reads the tokenizer files of a checkpoint into a table. Where one is missing, the model
/// takes and gives token ids alone, and a warning says so.
Result<CheckpointTokenizer> readTokenizer(const std::string &folder,
                                     std::vector<std::string> &warnings);

/// XXH3-128 over name, size and bytes of config, generation config, the weight
/// files that `module` names, and tokenizer files.
Result<std::string> hashCheckpoint(const std::string &folder,
                                   mlir::ModuleOp module);

} // namespace encdec
