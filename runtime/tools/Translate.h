//===- Translate.h - what `encdec translate` was asked to do --------------===//

#pragma once

#include "runtime/tools/OptionArguments.h"
#include "runtime/tools/Prefix.h"

#include <string>
#include <vector>

namespace encdec::tools {

struct TranslateArguments {
  std::string model, weights;
  std::vector<std::string> files;
  OptionArguments generation;
  PrefixArguments prefixes;
  std::string standIn;
  uint32_t threads = 0;
  bool json = false, split = false, languages = false, failFast = false, markup = false;
};

/// Translates all lines; returns the exit code or throws a Failure.
int translate(const TranslateArguments &arguments);

} // namespace encdec::tools
