// Writes what levels.sh needs to run models outside this process:
//
//   encdec_level_objects FOLDER LEVEL…
//
// makes FOLDER/<model>-<weights>/ with one object file for each level, the packed
// weights, and model.h with the sizes that a caller needs.
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Weights.h"
#include "compiler/schedule/Kernel.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/RandomModel.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace encdec;

namespace {

[[noreturn]] void fail(const llvm::Twine &message) {
  llvm::errs() << "encdec_level_objects: " << message << "\n";
  std::exit(1);
}

void writeFile(const std::string &path, llvm::ArrayRef<char> bytes) {
  std::error_code error;
  llvm::raw_fd_ostream out(path, error);
  if (error)
    fail(path + ": " + error.message());
  out.write(bytes.data(), bytes.size());
}

std::string header(ModuleOp module, const test::ModelSizes &sizes) {
  std::string text;
  auto define = [&](llvm::StringRef name, int64_t value) {
    text += llvm::formatv("#define {0} {1}\n", name, value);
  };
  kernel::MemoryPlan plan = *kernel::memoryPlanOf(module);
  define("encode_arena_per_row", plan.encodeArena.getPerRow());
  define("step_arena_fixed", plan.stepArena.getFixed());
  define("step_arena_per_row", plan.stepArena.getPerRow());
  define("scratch_fixed", plan.scratch.getFixed());
  define("scratch_per_key", plan.scratch.getPerKey());
  define("scratch_per_row", plan.scratch.getPerRow());
  define("memory_per_key", plan.memoryPerKey);
  define("cache_per_key", plan.cachePerKey);
  define("vocabulary", sizes.vocabulary);
  define("source_vocabulary",
         sizes.sourceVocabulary ? sizes.sourceVocabulary : sizes.vocabulary);
  define("attentions", sizes.decoderLayers * sizes.heads);
  return text;
}

void writeModel(const test::ModelSizes &sizes, const char *type,
                const std::string &folder, llvm::ArrayRef<char *> levels) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  DialectRegistry registry;
  registerEncDecDialects(registry);
  context.appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> module = test::randomModel(context, sizes);
  PassManager place(&context);
  PipelineOptions options;
  options.weights = type;
  options.sketch = StringRef(type) == "f32";
  buildFusePipeline(place, options);
  buildPlacePipeline(place, options);
  buildSchedulePipeline(place, options);
  if (!module || failed(place.run(*module)))
    fail("the model is not placed");
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    fail(folder + ": " + error.message());
  writeFile(folder + "/model.h", header(*module, sizes));
  std::vector<uint8_t> weights(weightsSectionBytes(*module));
  WeightStore store("");
  for (WeightOp weight : placedWeights(*module))
    if (failed(store.write(weight, weights)))
      fail("a weight is not written");
  writeFile(folder + "/weights",
            {reinterpret_cast<const char *>(weights.data()), weights.size()});
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
    writeFile((folder + "/" + level + ".o").str(), *object);
  }
}

} // namespace

int main(int argc, char **argv) {
  if (argc < 3)
    fail("usage: encdec_level_objects FOLDER LEVEL...");
  int model = 0;
  for (const test::ModelSizes &sizes : test::randomSizes(3, 11)) {
    for (const char *type : {"f32", "bf16", "int8",
                            "int8-dynamic"})
      writeModel(sizes, type,
                 llvm::formatv("{0}/{1}-{2}", argv[1], model, type),
                 {argv + 2, size_t(argc - 2)});
    ++model;
  }
  return 0;
}
