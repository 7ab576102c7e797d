// Lab.h: an idea on trial: is it faster, and does it compute the same? Free of MLIR.
#pragma once
#include "compiler/PipelineOptions.h"
#include "compiler/lab/Verdict.h"
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace encdec::lab {

/// An idea is a set of arguments of encdec-compile, and so is what it is held against.
struct LabOptions {
  std::string model; ///< A checkpoint folder.
  std::vector<std::string> idea, against;
  PipelineOptions pipeline; ///< What the idea's arguments say of the pipelines: for `passes`.
  double seconds = 45; ///< For timing, of all cells together.
  std::vector<unsigned> rows = {1, 16};
  std::vector<unsigned> sourceLengths = {32};
  std::vector<std::string> weights; ///< Formats; empty: what the arguments say.
  std::string sentences;            ///< A file with a text a line, or empty.
  double tolerance = 3e-5;          ///< Of log-probabilities, absolute.
  uint64_t seed = 1;
  unsigned threads = 0; ///< 0: all.
  VerdictOptions verdict;
  bool passes = true;  ///< Measures each pass, too.
  bool timeEqual = false; ///< Times bundles whose code and weights are equal, too.
  bool ablate = false; ///< The table of passes also leaves each fusion out in turn.
  /// The programs, where they are not those beside this one.
  std::string compileWith, benchWith, runWith;
  std::function<void(const std::string &)> progress; ///< May be empty.
  /// Gets what is worth knowing before the end; may be empty.
  std::function<void(const std::string &)> note;
};

/// Compiles both, times them, then compares their numbers: after timing, since a program that
/// knows what it is timed on must not have seen the inputs. Returns the record, which Report.h
/// shows; README.md of this folder has its keys. Leaves nothing behind. Errors: those of
/// the base's compilation and of timing; an idea that does not compile is one, too.
Result<llvm::json::Object> runLab(const LabOptions &options);

} // namespace encdec::lab
