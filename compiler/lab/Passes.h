// Passes.h: what each pass makes of a model, and which one changes its numbers. Free of
// MLIR.
#pragma once
#include "compiler/PipelineOptions.h"
#include "llvm/Support/JSON.h"
#include "runtime/base/Status.h"

#include <functional>
#include <string>
#include <vector>

namespace encdec::lab {

struct PassOptions {
  std::string model; ///< A checkpoint folder.
  PipelineOptions pipeline; ///< Extensions and plugins included.
  bool ablate = false;      ///< Leaves each pass out in turn, too.
  double tolerance = 3e-5;  ///< Of log-probabilities, beside those of the textbook IR.
  std::function<void(const std::string &)> progress; ///< Of each pass; may be empty.
};

/// A row for each prefix of the pipelines up to placed IR, from none on: "after" (a pass, or
/// ""), "ops" of the dialect in functions, "error" (greatest difference of a log-probability,
/// in the interpreter), and of the model that is placed, scheduled and lowered from there:
/// "calls", "barriers", "step_bytes", "code_bytes" and "arena" (bytes by row, encode and
/// step); or "code", why it cannot be lowered. With `ablate` also rows that have "without".
/// A signal that the caller holds (HeldSignals) is an error of the next pass, of this function
/// and of the other.
Result<llvm::json::Array> passRows(const PassOptions &options);

/// Which of a pass's fusions (compiler/fuse/FusionAction.h) run: `count` behind the first `skip`.
struct Fusions {
  unsigned skip = 0, count = 0;
};

/// The first pass that changes numbers and, where it makes fusions, the one that does: alone, or
/// the last of the fewest from the first on that do.
struct Bisected {
  std::string pass;   ///< As text; empty: none does.
  std::string format; ///< Where none does, the pass that gives weights another format.
  double error = 0;   ///< Greatest difference of a log-probability, by either.
  std::string before; ///< The IR that the pass gets.
  unsigned fusions = 0; ///< That the pass makes of it.
  Fusions guilty;       ///< Of these.
  std::string reduced;  ///< Of `before` the function that is changed, with the weights it uses.
  std::string function; ///< Its name.
  Fusions inReduced;    ///< The same fusions there.
};
Result<Bisected> bisectPasses(const PassOptions &options);

} // namespace encdec::lab
