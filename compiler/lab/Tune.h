// Tune.h: which of the target's choices are fastest on this machine. Free of MLIR.
#pragma once
#include "compiler/Tuning.h"
#include "compiler/lab/Timing.h"

#include <functional>
#include <string>
#include <vector>

namespace encdec::lab {

struct TuneOptions {
  std::string model;              ///< A checkpoint folder.
  std::vector<std::string> words; ///< Arguments of encdec-compile for every bundle.
  std::string target = "cpu";
  double seconds = 240; ///< For timing, all in all.
  std::vector<unsigned> rows = {1, 16};
  unsigned sourceLength = 32;
  uint64_t seed = 1;
  unsigned threads = 0;   ///< 0: all.
  VerdictOptions verdict; ///< `error` is of all trials together.
  /// The programs, where they are not those beside this one.
  std::string compileWith, benchWith;
  std::function<void(const std::string &)> progress; ///< May be empty.
  /// Gets what is worth knowing before the end; may be empty.
  std::function<void(const std::string &)> note;
  std::function<void(const std::string &)> report;   ///< A line for each trial; may be empty.
};

/// One change at a time: groups, then half and twice each number of the target's, each held
/// against the best so far. It is kept where some figure of some cell is faster and none
/// slower. What makes the same bundle, byte for byte, is not timed. Errors: a compilation or
/// a timing that fails.
Result<Tuning> tune(const TuneOptions &options);

} // namespace encdec::lab
