// Passes.h: what each pass makes of a model, and which one changes its numbers. Free of
// MLIR.
#pragma once
#include "compiler/PipelineOptions.h"
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace encdec::lab {

struct PassOptions {
  std::string model; ///< A checkpoint folder.
  PipelineOptions pipeline; ///< Extensions and plugins included.
  bool ablate = false;      ///< Leaves each pass out in turn, too.
  double tolerance = 3e-5;  ///< Of log-probabilities, beside those of the textbook IR.
};

/// A row for each prefix of the pipelines up to placed IR, from none on: "after" (a pass, or
/// ""), "ops" of the dialect in functions, "error" (greatest difference of a log-probability,
/// in the interpreter), and of the model that is placed, scheduled and lowered from there:
/// "calls", "barriers", "step_bytes", "code_bytes" and "arena" (bytes by row, encode and
/// step); or "code", why it cannot be lowered. With `ablate` also rows that have "without".
Result<llvm::json::Array> passRows(const PassOptions &options);

/// The first pass that changes numbers.
struct Bisected {
  std::string pass;  ///< As text; empty: none does.
  double error = 0;  ///< Greatest difference of a log-probability.
  std::string before; ///< The IR that it gets.
};
Result<Bisected> bisectPasses(const PassOptions &options);

} // namespace encdec::lab
