// Bundle.h: how bundles are made, and what they say about themselves. Free of MLIR.
#pragma once
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace encdec::lab {

/// Counts of calls and segments are of the variant of an entry that one worker runs for so many
/// rows: a step of one row, and the encoding of one source of 32 tokens.
inline constexpr int64_t stepRows = 1, encodeRows = 32;

struct BundleFacts {
  llvm::json::Object record; ///< As the record has it: bytes, code, weights, segments, memory.
  uint64_t sourceVocabulary = 0, vocabulary = 0, maxPositions = 0;
  /// Checksums of code and weights, and what else of a bundle has a say in how fast it runs.
  /// Bundles of equal work differ in what they say about their making, or in defaults.
  std::string work;
};

/// The command that compiles `model` to `bundle` with the arguments `words`: for this machine
/// alone, as no other one is timed, unless these name CPU levels.
std::vector<std::string> compileCommand(const std::string &compiler, const std::string &model,
                                        const std::string &bundle,
                                        const std::vector<std::string> &words);

/// Asks `encdec inspect`; `encdec` is the path of that program.
Result<BundleFacts> inspectBundle(const std::string &encdec, const std::string &bundle);

} // namespace encdec::lab
