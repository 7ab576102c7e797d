//===- Generate.h - what `encdec generate` was asked to do ----------------===//

#pragma once

#include "runtime/tools/Input.h"
#include "runtime/tools/OptionArguments.h"
#include "runtime/tools/Prefix.h"

#include <cstdint>
#include <string>

namespace encdec::tools {

struct GenerateArguments : SourceArguments {
  OptionArguments generation;
  PrefixArguments prefixes;
  std::string alignments;
  uint64_t alignmentLayer = 0; ///< from 1; 0: the last
  bool json = false, stream = false, keepEmpty = false, failFast = false;
};

/// Runs the model on all sources; returns the exit code or throws a Failure.
int generate(const GenerateArguments &arguments);

} // namespace encdec::tools
