// Plugins with passes of a user's own, checked before anything of them runs.
#pragma once
#include "compiler/PipelineOptions.h"
#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/Error.h"
#include <string>

namespace encdec {

/// An error where `file` is no plugin for this compiler: it is missing, is no shared object,
/// does not define the entry point mlirGetPassPluginInfo, cannot be loaded, or is for another
/// version of MLIR's plugin interface. A plugin is code of the user's that this process runs.
/// It stays loaded; its passes are not registered. Where the file is a dialect plugin too
/// (mlirGetDialectPluginInfo), its dialects go to `registry`, and what it registers with them,
/// such as kernels (compiler/lower/KernelPlugin.h), to this process.
llvm::Error checkPassPlugin(const std::string &file, mlir::DialectRegistry &registry);

/// The same for several, whose passes are registered (process-wide), so that pipelines as text
/// name them, and whose dialects `context` knows.
llvm::Error loadPassPlugins(llvm::ArrayRef<std::string> files, mlir::MLIRContext &context);

/// A warning for each plugin of `options` of which nothing runs: it has no dialects (hence no ops
/// or kernels), and there is no --pass-pipeline that may name its passes. After loadExtensions.
std::vector<std::string> idlePlugins(const PipelineOptions &options);

/// Loads the plugins of `options`, whose dialects `context` then knows, and checks that its
/// passes can be read: pipelines may be built of it then. Passes stay registered for the
/// process; those of ours must be (registerAllPasses).
llvm::Error loadExtensions(const PipelineOptions &options, mlir::MLIRContext &context);

} // namespace encdec
