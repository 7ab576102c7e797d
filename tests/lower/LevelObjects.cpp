// Writes what levels.sh needs to run models outside this process:
//
//   encdec_level_objects FOLDER LEVEL…
//
// makes FOLDER/<model>-<weights>/ with one object file for each level, the packed
// weights, and model.h with the sizes that a caller needs.
#include "ModelRun.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "tests/support/RandomModel.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

[[noreturn]] void fail(const llvm::Twine &message) {
  llvm::errs() << "encdec_level_objects: " << message << "\n";
  std::exit(1);
}

void writeFile(const std::string &path, llvm::StringRef bytes) {
  std::error_code error;
  llvm::raw_fd_ostream(path, error) << bytes;
  if (error)
    fail(path + ": " + error.message());
}

std::string header(const std::map<std::string, int64_t> &plan,
                   const ModelSizes &sizes) {
  std::map<std::string, int64_t> values = plan;
  values["vocabulary"] = sizes.vocabulary;
  values["source_vocabulary"] =
      sizes.sourceVocabulary ? sizes.sourceVocabulary : sizes.vocabulary;
  values["attentions"] = sizes.decoderLayers * sizes.heads;
  std::string text;
  for (auto &[name, value] : values)
    text += "#define " + name + " " + std::to_string(value) + "\n";
  return text;
}

void writeModel(const ModelSizes &sizes, const char *type, const std::string &folder,
                llvm::ArrayRef<char *> levels) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  DialectRegistry registry;
  registerEncDecDialects(registry);
  context.appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> module = randomModel(context, sizes);
  PipelineOptions options;
  options.weights = type;
  options.sketch = llvm::StringRef(type) == "f32";
  Placed placed(*module, options);
  if (!placed.ok)
    fail("the model is not placed");
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    fail(folder + ": " + error.message());
  writeFile(folder + "/model.h", header(placed.sizes, sizes));
  writeFile(folder + "/weights",
            {reinterpret_cast<const char *>(placed.weights.bytes()),
             size_t(placed.weightSize)});
  for (llvm::StringRef level : levels) {
    OwningOpRef<ModuleOp> lowered = module->clone();
    if (failed(lowerToLLVMDialect(*lowered, level)))
      fail("level " + level + " is not lowered");
    auto target = findObjectTarget(level);
    if (!target)
      fail(llvm::toString(target.takeError()));
    auto object = emitObject(*lowered, **target);
    if (!object)
      fail(llvm::toString(object.takeError()));
    writeFile((folder + "/" + level + ".o").str(), {object->data(), object->size()});
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3)
    fail("usage: encdec_level_objects FOLDER LEVEL...");
  int model = 0;
  for (const ModelSizes &sizes : randomSizes(3, 11)) {
    for (const char *type : {"f32", "bf16", "int8", "int8-dynamic"})
      writeModel(sizes, type,
                 llvm::formatv("{0}/{1}-{2}", argv[1], model, type),
                 {argv + 2, size_t(argc - 2)});
    ++model;
  }
  return 0;
}
