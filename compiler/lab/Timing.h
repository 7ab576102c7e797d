// Timing.h: two bundles, timed in turn. Free of MLIR.
#pragma once
#include "compiler/lab/Verdict.h"
#include "runtime/base/Status.h"

#include <functional>

namespace encdec::lab {

/// What is timed.
struct Cell {
  unsigned rows = 1, sourceLength = 32;
  std::string weights = "f32"; ///< The format that both bundles were compiled with.
  std::string base, idea;      ///< Paths of the bundles.
};

/// There is time for fewer rounds than any verdict needs.
struct Shortage {
  unsigned rounds = 0, needed = 0;
  double seconds = 0; ///< That have time for `needed`.
};

struct TimingOptions {
  /// The program and its first words that time a bundle; the path, --json and others follow.
  std::vector<std::string> bench;
  std::string folder; ///< For copies of the bundles.
  double seconds = 45;
  unsigned threads = 0; ///< 0: all.
  uint64_t seed = 1;    ///< Of orders and of the bundles' inputs.
  VerdictOptions verdict;
  std::function<void(const std::string &)> progress; ///< Of each round; may be empty.
  std::function<void(const Shortage &)> shortage;    ///< Called at once; may be empty.
};

/// The comparison of one figure of one cell.
struct Timed {
  Cell cell;
  std::string figure; ///< "step" or "encode".
  Finding finding = Finding::NotDecided;
  Ratio ratio = {};
  unsigned rounds = 0;
  double baseMs = 0, ideaMs = 0; ///< Medians over rounds.
};

/// Rounds, until each comparison is settled or the time is spent. In a round each open cell
/// is measured twice with both bundles, in the order ABBA, order of cells and which bundle is A
/// drawn anew, and the faster of a bundle's processes counts, by the lower quartile of its
/// steps; each measurement is a process of its own on a copy of the bundle made for it, so that neither
/// the layout of a process nor that of a file in memory sticks to a bundle. Inputs differ
/// from round to round and are the same for both bundles. `options.verdict.error` is of all
/// comparisons together. Errors: a process that fails, or that did other work than asked.
Result<std::vector<Timed>> timeBundles(const std::vector<Cell> &cells,
                                       const TimingOptions &options);

} // namespace encdec::lab
