//===- BenchReport.h - what bench measured, as a table and as JSON --------===//

#pragma once

#include "runtime/tools/Profile.h"
#include "runtime/tools/Support.h"

#include <optional>
#include <string>
#include <vector>

namespace encdec::tools {

struct BenchArguments {
  std::string model, weights, kernel, shortlist;
  uint64_t sourceLength = 32, newTokens = 64, batch = 1, beams = 1, repeat = 7;
  uint64_t seed = 0; // of the sources, which are then others in each repeat; 0: always the same
  uint32_t threads = 0;
  bool json = false, profile = false, noScores = false, noBandwidth = false;
};

/// All times in milliseconds, bandwidths in bytes a second.
struct Measured {
  double open = 0, create = 0, startToFirstToken = 0;
  std::vector<double> encode, firstToken, step, bandwidth;
};

struct BenchReport {
  const BenchArguments &arguments;
  encdec_model_info info;
  encdec_state_info state;
  const Measured &measured;
  const std::optional<Profile> &profile;

  void printTable() const;
  void printJson() const;

private:
  double stepMs() const;
  double bestBandwidth() const;
  /// Blocks of the vocabulary that the sketch leaves open, of a step.
  double candidateBlocks() const;
  uint64_t blocks() const { return (info.vocab_size + 127) / 128; }
  /// Bytes of weights that a step has read.
  double stepBytes() const;
  /// Bytes of weights a second that the median step reads.
  double stepRate() const { return stepBytes() / stepMs() * 1e3; }
};

} // namespace encdec::tools
