// Run.h: IR in a file, compiled and asked, or interpreted. Free of MLIR.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace encdec {

class JitModel;

/// What is asked of a model: greedy steps, all sources in one batch.
struct Query {
  std::vector<std::vector<int64_t>> sources; ///< Token ids, at least one each.
  int64_t steps = 8;
  /// The tokens that steps 1, 2, … are fed, a list for each source; none: each source's
  /// best token of the step before.
  std::vector<std::vector<int64_t>> forced;
};

/// What a step found best for each source.
struct StepAnswer {
  std::vector<int64_t> tokens;
  std::vector<double> logProbs;
};

struct RunOptions {
  std::string checkpoint;     ///< Folder with the files that weights name, or empty.
  std::string weights = "f32"; ///< The format that placing gives weights.
  bool perfMap = false;       ///< Whether jit() names its code for Linux's perf.
  bool fuse = false;          ///< Runs the fusions first; else the IR is lowered as it is.
};

/// A module of encdec ops from a file: with `encode`, `step`, encdec.model and
/// encdec.generation, in decomposed, fused or placed form.
class IrModel {
public:
  /// Errors: BadModel, with the place in the file.
  static Result<IrModel> read(const std::string &file, const RunOptions &options);
  IrModel(IrModel &&) noexcept;
  ~IrModel();

  /// Compiles into this process. An error whose message holds a code in brackets is of an
  /// op that has no kernel.
  Result<std::unique_ptr<JitModel>> jit() const;
  /// Compiles into a bundle.
  Status bundle(const std::string &out, std::vector<std::string> &warnings) const;
  /// Asks the float64 interpreter.
  Result<std::vector<StepAnswer>> interpret(const Query &query) const;

private:
  struct Parts;
  IrModel(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts;
};

/// The code of a message about an op that has no kernel, "decomposed-attention"; else
/// empty.
std::string notLowerable(const std::string &message);

} // namespace encdec
