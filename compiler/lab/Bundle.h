// Bundle.h: what a bundle says about itself. Free of MLIR.
#pragma once
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>

namespace encdec::lab {

/// Of entries that stand once for each range of rows, those for so many rows and one worker are
/// counted: one row, and a source of 32 tokens.
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
