// Tuning.h: the choices that were measured best on one machine, as a file. Free of MLIR.
#pragma once
#include "compiler/PipelineOptions.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <vector>

namespace encdec {

/// A file of encdec-tune: {"cpu": …, "versions": …, "choices": {"groups": "step", "near-bytes":
/// 131072, …}}. Choices change how fast code is and no bit of what it computes.
struct Tuning {
  std::string cpu, versions; ///< What they were measured with.
  std::string groups = PipelineOptions().groups;
  std::vector<std::pair<std::string, int64_t>> choices; ///< Of the target.

  /// "NAME=NUMBER", for PipelineOptions::tuning.
  std::vector<std::string> texts() const;
  std::string toJson() const;
};

/// All choices of `target` (compiler/lower/Target.h) as they are where nothing is chosen.
Tuning defaultTuning(llvm::StringRef target);

/// Reads such a file; choices that it does not name stay as they are. Error: Usage, with the
/// file, for one that cannot be read, is none, or has a choice or a number that `target` does
/// not have.
Result<Tuning> readTuning(const std::string &file, llvm::StringRef target);

} // namespace encdec
