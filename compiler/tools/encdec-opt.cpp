// Runs passes on encdec IR: mlir-opt with our dialect, passes and pipelines.
#include "compiler/Plugins.h"
#include "compiler/Register.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"

static constexpr int usageError = 2;

/// Our option --patterns becomes the pass's own, so that dumped pipelines and reproducers hold
/// it.
static std::string rewritten(llvm::StringRef word) {
  if (word.consume_front("--patterns="))
    return ("--encdec-apply-patterns=file='" + word + "'").str();
  return word.str();
}

/// The command line with "--option=value" for "--option value" of the options that are looked
/// at here.
static std::vector<std::string> wordsOf(int argc, char **argv) {
  std::vector<std::string> words;
  for (int i = 0; i < argc; ++i) {
    llvm::StringRef word = argv[i];
    if (word.starts_with("-") && !word.starts_with("--") && word.size() > 1)
      word = word.drop_front(); // one dash or two
    else
      word.consume_front("--");
    bool ours = argv[i][0] == '-' && llvm::is_contained({"patterns", "load-pass-plugin"},
                                                        word.split('=').first);
    std::string text = ours ? "--" + word.str() : argv[i];
    if (ours && !word.contains('=') && i + 1 < argc)
      text += std::string("=") + argv[++i];
    words.push_back(text);
  }
  return words;
}

// For --help; the words of the command line are rewritten before it is parsed.
static llvm::cl::list<std::string>
    patterns("patterns", llvm::cl::value_desc("file"),
             llvm::cl::desc("apply rewrite patterns, of PDLL or the pdl dialect"));

int main(int argc, char **argv) {
  std::vector<std::string> words = wordsOf(argc, argv);
  for (std::string &word : words) {
    llvm::StringRef plugin = word;
    if (plugin.consume_front("--load-pass-plugin="))
      if (llvm::Error error = encdec::checkPassPlugin(plugin.str())) {
        llvm::errs() << "encdec-opt: error: " << llvm::toString(std::move(error)) << "\n";
        return usageError;
      }
    word = rewritten(word);
  }
  std::vector<char *> arguments;
  for (std::string &word : words)
    arguments.push_back(word.data());

  mlir::DialectRegistry registry;
  encdec::registerEncDecDialects(registry);
  encdec::registerAllPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(arguments.size(), arguments.data(),
                        "encdec-opt: passes on encoder-decoder IR\n", registry));
}
