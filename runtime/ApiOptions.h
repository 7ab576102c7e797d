//===- ApiOptions.h - the options behind encdec_options -------------------===//

#pragma once

#include "encdec/options.h"
#include "runtime/base/GenerationOptions.h"

struct encdec_options {
  encdec::GenerationOptions options;
};

namespace encdec::runtime::api {

/// What a caller asks for; of NULL, nothing.
inline const GenerationOptions &optionsOf(const encdec_options *options) {
  static const GenerationOptions none;
  return options ? options->options : none;
}

} // namespace encdec::runtime::api
