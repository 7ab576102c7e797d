// What a run of encdec-apply-patterns did, for those who write it down.
#pragma once
#include "mlir/Pass/Pass.h"
#include <string>
#include <utility>
#include <vector>

namespace encdec {

struct AppliedPatterns {
  std::string file; // as it was given
  std::string text; // the patterns as IR, without locations
  std::vector<std::pair<std::string, unsigned>> fired; // each pattern and how often
};

/// Of the pass's last run; null where `pass` is another one, or has not run.
const AppliedPatterns *appliedPatterns(const mlir::Pass &pass);

} // namespace encdec
