// MLIR's own loader goes on without a plugin that it cannot load. Here each way to be none is an
// error of its own, and symbols are read from the file before it is loaded.
#include "compiler/Plugins.h"
#include "mlir/Tools/Plugins/DialectPlugin.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "mlir/Pass/PassRegistry.h"
#include "runtime/base/Suggest.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace encdec {

static constexpr StringLiteral entryPoint = "mlirGetPassPluginInfo";
static constexpr StringLiteral dialectEntryPoint = "mlirGetDialectPluginInfo";

static Error noPlugin(const std::string &file, const Twine &why) {
  return createStringError("'" + file + "' is no pass plugin: " + why);
}

/// Whether the file is a shared object that defines the entry point; and whether it defines
/// that of a dialect plugin too.
static Error checkSymbols(const std::string &file, bool &hasDialects) {
  auto binary = object::ObjectFile::createObjectFile(file);
  if (!binary) {
    consumeError(binary.takeError());
    return noPlugin(file, "expected a shared object");
  }
  auto *elf = dyn_cast<object::ELFObjectFileBase>(binary->getBinary());
  if (!elf || elf->getEType() != ELF::ET_DYN)
    return noPlugin(file, "expected a shared object");
  bool hasPasses = false;
  hasDialects = false;
  for (const object::ELFSymbolRef &symbol : elf->getDynamicSymbolIterators()) {
    Expected<StringRef> name = symbol.getName();
    Expected<uint32_t> flags = symbol.getFlags();
    bool defined = flags && !(*flags & object::SymbolRef::SF_Undefined);
    hasPasses |= name && defined && *name == entryPoint;
    hasDialects |= name && defined && *name == dialectEntryPoint;
    consumeError(name.takeError());
    consumeError(flags.takeError());
  }
  if (hasPasses)
    return Error::success();
  return noPlugin(file, "expected it to define " + entryPoint +
                            " (extern \"C\"; examples/my_fusion.cpp shows one)");
}

static Expected<mlir::PassPlugin> load(const std::string &file, mlir::DialectRegistry &registry) {
  sys::fs::file_status status;
  if (std::error_code error = sys::fs::status(file, status))
    return noPlugin(file, error.message());
  if (status.type() != sys::fs::file_type::regular_file)
    return noPlugin(file, "expected a file");
  bool hasDialects;
  if (Error error = checkSymbols(file, hasDialects))
    return error;
  // A name without a slash would be looked for in the system's folders.
  std::string path = file.find('/') == file.npos ? "./" + file : file;
  Expected<mlir::PassPlugin> plugin = mlir::PassPlugin::load(path);
  if (!plugin)
    return noPlugin(file, "loading it fails: " + toString(plugin.takeError()) +
                              " (it must be built against this LLVM, " LLVM_VERSION_STRING ")");
  if (hasDialects) {
    Expected<mlir::DialectPlugin> dialects = mlir::DialectPlugin::load(path);
    if (!dialects)
      return noPlugin(file, "its dialects cannot be loaded: " + toString(dialects.takeError()));
    dialects->registerDialectRegistryCallbacks(registry);
  }
  return plugin;
}

Error checkPassPlugin(const std::string &file, mlir::DialectRegistry &registry) {
  return load(file, registry).takeError();
}

Error loadPassPlugins(ArrayRef<std::string> files, mlir::MLIRContext &context) {
  mlir::DialectRegistry registry;
  for (const std::string &file : files) {
    Expected<mlir::PassPlugin> plugin = load(file, registry);
    if (!plugin)
      return plugin.takeError();
    plugin->registerPassRegistryCallbacks();
  }
  context.appendDialectRegistry(registry);
  return Error::success();
}

/// The passes and pipelines of a loaded plugin, those whose names have a dash. MLIR's registry
/// finds names and lists none, so it is asked about each word in the file.
static std::vector<std::string> passesOf(const std::string &file) {
  std::vector<std::string> passes;
  auto buffer = MemoryBuffer::getFile(file);
  StringRef rest = buffer ? (*buffer)->getBuffer() : StringRef();
  auto isPart = [](char letter) { return isAlnum(letter) || letter == '-' || letter == '_'; };
  while (!(rest = rest.drop_until(isPart)).empty()) {
    StringRef word = rest.take_while(isPart);
    rest = rest.drop_front(word.size());
    bool known = word.contains('-') &&
                 (mlir::PassInfo::lookup(word) || mlir::PassPipelineInfo::lookup(word));
    if (known && !is_contained(passes, word))
      passes.push_back(word.str());
  }
  return passes;
}

std::vector<std::string> idlePlugins(const PipelineOptions &options) {
  std::vector<std::string> warnings;
  if (any_of(options.extensions, [](auto &each) { return each.kind == Extension::passes; }))
    return warnings;
  for (const std::string &file : options.plugins) {
    bool hasDialects = false;
    if (Error error = checkSymbols(file, hasDialects)) {
      consumeError(std::move(error));
      continue;
    }
    if (hasDialects)
      continue;
    std::vector<std::string> passes = passesOf(file);
    warnings.push_back(file + ": nothing of this plugin runs, since no --pass-pipeline names its "
                              "passes" +
                       (passes.empty() ? "" : " (" + join(passes, ", ") + ")"));
  }
  return warnings;
}

Error loadExtensions(const PipelineOptions &options, mlir::MLIRContext &context) {
  if (Error error = loadPassPlugins(options.plugins, context))
    return error;
  for (const Extension &extension : options.extensions) {
    Error error = checkExtension(extension);
    if (!error)
      continue;
    std::string message = toString(std::move(error)), hint;
    auto [before, after] = StringRef(message).split("' does not refer to a registered pass");
    std::vector<std::string> passes;
    for (const std::string &file : options.plugins)
      append_range(passes, passesOf(file));
    if (!after.empty() && !passes.empty())
      hint = didYouMean(before.rsplit('\'').second.str(), passes,
                        "the plugins have " + join(passes, ", "));
    return createStringError(message + hint);
  }
  return Error::success();
}

} // namespace encdec
