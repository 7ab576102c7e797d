// Plugins with passes of a user's own, checked before anything of them runs.
#pragma once
#include "llvm/Support/Error.h"
#include <string>

namespace encdec {

/// An error where `file` is no plugin for this compiler: it is missing, is no shared object,
/// does not define the entry point mlirGetPassPluginInfo, cannot be loaded, or is for another
/// version of MLIR's plugin interface. A plugin is code of the user's that this process runs.
/// It stays loaded; its passes are not registered.
llvm::Error checkPassPlugin(const std::string &file);

/// The same, and registers its passes (process-wide), so that pipelines as text name them.
llvm::Error loadPassPlugin(const std::string &file);

} // namespace encdec
