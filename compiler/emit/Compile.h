// The whole way: checkpoint folder to bundle, or to a model in this process.
#pragma once
#include "compiler/Pipelines.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Status.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace encdec {

class JitModel;

struct CompileOptions {
  /// Format of all matrices and token tables (dialect/WeightFormat.h), and "GLOB=FORMAT" for
  /// those whose names match: the last match counts.
  std::string weights = "f32";
  std::vector<std::string> weightsFor;
  /// Of an f32 vocabulary also an int8 sketch: a step that is asked for
  /// the best token alone reads it instead of most of them, for the same tokens.
  bool sketch = false;
  /// CPU levels that code is made for; names as in Object.h. None: those of
  /// x86-64 that make a difference to these weights.
  std::vector<std::string> levels;
  /// Warnings of the import become errors.
  bool strict = false;
  /// Called, if set, as each stage begins ("lowering for v3").
  std::function<void(const std::string &stage)> progress;
  /// Judges, if set, the whole bundle under its temporary name before it takes
  /// its own; an error leaves what was there before.
  std::function<Status(const std::string &file)> check;
};

/// The file that a bundle of `folder` at `out` makes or replaces: links are
/// followed. A usage error for what is no regular file, and for a file of the
/// checkpoint itself.
Result<std::string> outputFile(const std::string &folder,
                               const std::string &out);

/// Imports, fuses, places, generates code, links and writes outputFile(folder,
/// out) (in place only when whole, see BundleWriter.h). Equal folders and options give equal
/// bytes. Nothing on success. LLVM may end the process on its own bugs: a
/// program that must not die runs this in a child, as encdec-compile does.
Status compileToBundle(const std::string &folder, const std::string &out,
                       const CompileOptions &options,
                       std::vector<std::string> &warnings);

/// The same, but linked into this process, for the best level this machine runs
/// (`options.levels` does not matter). For checkpoints the user trusts.
Result<std::unique_ptr<JitModel>>
jitCheckpoint(const std::string &folder, const CompileOptions &options,
              std::vector<std::string> &warnings);

/// The same for IR at hand: `module`, in decomposed or fused form, with
/// attributes encdec.model and encdec.generation, is taken through the
/// pipelines (and is of no more use). `folder` holds the files its weights
/// name.
Result<std::unique_ptr<JitModel>> jitModule(mlir::ModuleOp module,
                                            const std::string &folder,
                                            const CompileOptions &options);

} // namespace encdec
