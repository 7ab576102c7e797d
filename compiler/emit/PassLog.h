// Which passes ran, for the manifest.
#pragma once
#include "mlir/Pass/PassInstrumentation.h"
#include <string>
#include <vector>

namespace encdec {

/// Appends the flag of each pass that ended well to `passes`; one that runs on every function
/// once. Of a file of patterns, which ran as one pass, it says
///
///   encdec-apply-patterns mine.pdll 0123…ef: AddNorm 14, FoldScale 0
///
/// with the hash of the patterns (those of equal files are equal, wherever they lie) and how
/// often each was applied.
class PassLog : public mlir::PassInstrumentation {
public:
  explicit PassLog(std::vector<std::string> &passes) : passes(passes) {}
  void runAfterPass(mlir::Pass *pass, mlir::Operation *op) override;

private:
  std::vector<std::string> &passes;
};

/// "plugin my_fusion.so 0123…ef": name and hash of a plugin whose passes may run.
std::string describePlugin(const std::string &file);

} // namespace encdec
