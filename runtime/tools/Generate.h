//===- Generate.h - what `encdec generate` was asked to do ----------------===//

#pragma once

#include "runtime/tools/Input.h"

#include <cstdint>
#include <optional>
#include <string>

namespace encdec::tools {

struct GenerateArguments : SourceArguments {
  std::string alignments, sourceLanguage, targetLanguage;
  std::optional<int64_t> maxNewTokens, minNewTokens;
  std::optional<int64_t> noRepeatNgramSize, encoderNoRepeatNgramSize;
  std::optional<double> lengthPenalty;
  std::optional<int64_t> beams; ///< None: as the model says.
  uint64_t returned = 1;
  std::string earlyStopping; ///< Empty: as the model says.
  uint64_t alignmentLayer = 0; ///< from 1; 0: the last
  bool json = false, truncate = false, specialTokens = false;
  bool keepEmpty = false, failFast = false;
};

/// Runs the model on all sources; returns the exit code or throws a Failure.
int generate(const GenerateArguments &arguments);

} // namespace encdec::tools
