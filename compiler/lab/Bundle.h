// Bundle.h: what a bundle says about itself. Free of MLIR.
#pragma once
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

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

/// Asks `encdec inspect`; `encdec` is the path of that program.
Result<BundleFacts> inspectBundle(const std::string &encdec, const std::string &bundle);

} // namespace encdec::lab
