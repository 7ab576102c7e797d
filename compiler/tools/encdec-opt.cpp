// Runs passes on encdec IR: mlir-opt with our dialect, passes and pipelines. Values keep the
// names that they have in the text.
#include "compiler/Plugins.h"
#include "compiler/ReadModule.h"
#include "compiler/Register.h"
#include "mlir/Pass/Pass.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

static constexpr int usageError = 2;

// For --help; the words of the command line are rewritten before it is parsed.
static llvm::cl::list<std::string>
    patterns("patterns", llvm::cl::value_desc("file"),
             llvm::cl::desc("apply rewrite patterns, of PDLL or the pdl dialect"));

/// The command line with "--option=value" for "-option value" of the options that are looked
/// at here.
static std::vector<std::string> wordsOf(int argc, char **argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    StringRef word = argv[i];
    if (!word.consume_front("--"))
      word.consume_front("-");
    bool ours = argv[i][0] == '-' &&
                llvm::is_contained({"patterns", "load-pass-plugin"}, word.split('=').first);
    words.push_back(ours ? "--" + word.str() : argv[i]);
    if (ours && !word.contains('=') && i + 1 < argc)
      words.back() += std::string("=") + argv[++i];
  }
  return words;
}

namespace {
/// Comes before the first pass: names values, since MLIR's main function parses the file by
/// itself, and writes the reproducer, since that function would put what the passes make in it.
class Beginning : public PassInstrumentation {
public:
  Beginning(StringRef file, StringRef text, OpPassManager &pm, StringRef reproducer)
      : file(file), text(text), pm(pm), reproducer(reproducer) {}
  void runBeforePass(Pass *, Operation *op) override {
    if (std::exchange(done, true))
      return; // the first pass, or what runs passes on functions, is given the whole module
    encdec::nameValues(op, file, text);
    if (!reproducer.empty())
      makeReproducer(op->getName().getStringRef(), pm.getPasses(), op, reproducer);
  }

private:
  StringRef file, text;
  OpPassManager &pm;
  std::string reproducer;
  bool done = false;
};

/// MLIR's options, without the reproducer.
struct Config : MlirOptMainConfig {
  Config(const MlirOptMainConfig &all) : MlirOptMainConfig(all) {
    generateReproducerFileFlag.clear();
  }
};

/// Stands in an empty pipeline, so that there is a first pass.
struct Nothing : PassWrapper<Nothing, OperationPass<>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(Nothing)
  void runOnOperation() override {}
};
} // namespace

/// MLIR's main function, with names.
static LogicalResult run(int argc, char **argv, DialectRegistry &registry) {
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, "encdec-opt: passes on encoder-decoder IR\n",
                                 registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects() || config.shouldListPasses())
    return MlirOptMain(argc, argv, input, output, registry);
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> file = openInputFile(input, &error);
  std::unique_ptr<llvm::ToolOutputFile> out =
      file ? openOutputFile(output, &error) : nullptr;
  if (!out)
    return llvm::errs() << error << "\n", failure();
  std::string name = file->getBufferIdentifier().str(), text = file->getBuffer().str();
  bool printsPasses = config.shouldDumpPassPipeline() || !config.getReproducerFilename().empty();
  Config named = config;
  named.setPassPipelineSetupFn([&](PassManager &pm) -> LogicalResult {
    if (failed(config.setupPassPipeline(pm)))
      return failure();
    if (pm.empty() && !printsPasses)
      pm.addPass(std::make_unique<Nothing>());
    pm.addInstrumentation(
        std::make_unique<Beginning>(name, text, pm, config.getReproducerFilename()));
    return success();
  });
  if (failed(MlirOptMain(out->os(), std::move(file), registry, named)))
    return failure();
  out->keep();
  return success();
}

int main(int argc, char **argv) {
  llvm::InitLLVM signals(argc, argv);
  std::vector<std::string> words = wordsOf(argc, argv);
  std::vector<char *> arguments;
  DialectRegistry registry;
  for (std::string &word : words) {
    StringRef value = word;
    if (value.consume_front("--load-pass-plugin=")) {
      if (llvm::Error error = encdec::checkPassPlugin(value.str(), registry)) {
        llvm::errs() << "encdec-opt: error: " << llvm::toString(std::move(error)) << "\n";
        return usageError;
      }
    } else if (value.consume_front("--patterns=")) {
      // The pass's own option: so dumped pipelines and reproducers hold it.
      word = ("--encdec-apply-patterns=file='" + value + "'").str();
    }
    arguments.push_back(word.data());
  }
  encdec::registerEncDecDialects(registry);
  encdec::registerAllPasses();
  return asMainReturnCode(run(arguments.size(), arguments.data(), registry));
}
