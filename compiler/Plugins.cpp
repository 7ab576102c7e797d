// MLIR's own loader goes on without a plugin that it cannot load. Here each way to be none is an
// error of its own, and symbols are read from the file before it is loaded.
#include "compiler/Plugins.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"

using namespace llvm;

namespace encdec {

static constexpr StringLiteral entryPoint = "mlirGetPassPluginInfo";

static Error noPlugin(const std::string &file, const Twine &why) {
  return createStringError("'" + file + "' is no pass plugin: " + why);
}

/// Whether the file is a shared object that defines the entry point.
static Error checkSymbols(const std::string &file) {
  auto binary = object::ObjectFile::createObjectFile(file);
  if (!binary) {
    consumeError(binary.takeError());
    return noPlugin(file, "expected a shared object");
  }
  auto *elf = dyn_cast<object::ELFObjectFileBase>(binary->getBinary());
  if (!elf || elf->getEType() != ELF::ET_DYN)
    return noPlugin(file, "expected a shared object");
  for (const object::ELFSymbolRef &symbol : elf->getDynamicSymbolIterators()) {
    Expected<StringRef> name = symbol.getName();
    Expected<uint32_t> flags = symbol.getFlags();
    bool defined = flags && !(*flags & object::SymbolRef::SF_Undefined);
    if (name && defined && *name == entryPoint)
      return Error::success();
    consumeError(name.takeError());
    consumeError(flags.takeError());
  }
  return noPlugin(file, "expected it to define " + entryPoint +
                            " (extern \"C\"; examples/my_fusion.cpp shows one)");
}

static Expected<mlir::PassPlugin> load(const std::string &file) {
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(file, status))
    return noPlugin(file, error.message());
  if (status.type() != sys::fs::file_type::regular_file)
    return noPlugin(file, "expected a file");
  if (Error error = checkSymbols(file))
    return error;
  // A name without a slash would be looked for in the system's folders.
  Expected<mlir::PassPlugin> plugin =
      mlir::PassPlugin::load(file.find('/') == file.npos ? "./" + file : file);
  if (!plugin)
    return noPlugin(file, "loading it fails: " + toString(plugin.takeError()) +
                              " (it must be built against this LLVM, " LLVM_VERSION_STRING ")");
  return plugin;
}

Error checkPassPlugin(const std::string &file) { return load(file).takeError(); }

Error loadPassPlugin(const std::string &file) {
  Expected<mlir::PassPlugin> plugin = load(file);
  if (!plugin)
    return plugin.takeError();
  plugin->registerPassRegistryCallbacks();
  return Error::success();
}

} // namespace encdec
