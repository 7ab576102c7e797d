// The whole way: checkpoint folder to bundle, or to a model in this process.
#pragma once
#include "compiler/PipelineOptions.h"
#include "compiler/import/Import.h"
#include "compiler/tokenizer/Describe.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/base/Status.h"
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace encdec {

class JitModel;

/// PipelineOptions::level is of no matter: code is made for `levels`. Passes that extensions name
/// must be registered in this process (registerAllPasses), or come from plugins.
struct CompileOptions : PipelineOptions {
  /// Whether plain ops are fused. Without, IR at hand is lowered as it is.
  bool fuse = true;
  /// CPU levels that code is made for, by their names in Object.h, or "host": the best level of
  /// this machine for these weights. If empty, the levels of x86-64 whose code differs for the
  /// weights' formats.
  std::vector<std::string> levels;
  /// A file of IR to compile instead of what the checkpoint's folder would be imported as; empty
  /// for none. Decomposed, mixed, fused, hoisted or placed: passes that have run are not run
  /// again. The folder holds the files that its weights name, and the tokenizer's.
  std::string ir;
  /// How the checkpoint is read, without a file of IR.
  ImportOptions import;
  /// Which tokenizer the folder has, and whose behaviour it gets.
  tokenizer::Options tokenizer;
  /// Whether code that is linked into this process gets names for Linux's perf, in
  /// /tmp/perf-PID.map.
  bool perfMap = false;
  /// Called, if set, as each stage begins ("lowering for v3").
  std::function<void(const std::string &stage)> progress;
  /// Called, if set, with the temporary name of the finished bundle. After an error
  /// the bundle is dropped, and the file that was there before stays.
  std::function<Status(const std::string &file)> check;
};

/// The file that a bundle of `folder` at `out` makes or replaces; links are followed.
/// A usage error if something other than a regular file is there, a file of the
/// checkpoint itself, or a file that the options name.
Result<std::string> outputFile(const std::string &folder, const std::string &out,
                               const CompileOptions &options);

/// Imports, fuses, places, generates code, links and writes outputFile(folder, out, options),
/// which is replaced once the bundle is whole (BundleWriter.h). Equal folders and
/// options give equal bytes. A bug of LLVM may end the process: a program that must
/// not die runs this in a child, as encdec-compile does.
Status compileToBundle(const std::string &folder, const std::string &out,
                       const CompileOptions &options,
                       std::vector<std::string> &warnings);

/// The same, but linked into this process, for the best level this machine runs
/// (`options.levels` does not matter). For checkpoints the user trusts.
Result<std::unique_ptr<JitModel>>
jitCheckpoint(const std::string &folder, const CompileOptions &options,
              std::vector<std::string> &warnings);

/// The same for IR at hand: `module`, in decomposed or fused form or placed already, with
/// the attributes encdec.model and encdec.generation, runs through the pipelines (those that
/// placed IR has behind it are left out) and is of no use afterwards. A module without a
/// step has neither the second nor the first one's keys of the decoder. `folder` holds the
/// files that its weights name.
Result<std::unique_ptr<JitModel>> jitModule(mlir::ModuleOp module,
                                            const std::string &folder,
                                            const CompileOptions &options);

/// The same, to a bundle as compileToBundle makes it. It has a tokenizer where `folder` has
/// one.
Status bundleModule(mlir::ModuleOp module, const std::string &folder, const std::string &out,
                    const CompileOptions &options, std::vector<std::string> &warnings);

} // namespace encdec
