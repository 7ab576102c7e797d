// encdec-run-reference: runs a module of encdec IR in the reference interpreter and
// prints the results, so that tests can compare forms of one model, and compiled code
// with float64.
#include "compiler/ReadModule.h"
#include "compiler/Register.h"
#include "compiler/place/Weights.h"
#include "compiler/tools/Streams.h"
#include "dialect/ReferenceRun.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <algorithm>
#include <new>
#include <sys/resource.h>
#include <unistd.h>

using namespace mlir;
using namespace encdec;
using namespace encdec::reference;
namespace cl = llvm::cl;

static constexpr const char *program = "encdec-run-reference";
static constexpr int usageError = 2, badModel = 3;

static cl::OptionCategory category("Options");
static cl::opt<std::string> file(cl::Positional, cl::init("-"),
                                 cl::desc("<file of IR>"), cl::cat(category));
static cl::opt<std::string>
    checkpoint("checkpoint", cl::value_desc("folder"), cl::cat(category),
               cl::desc("where the files are that #encdec.file names"));
static cl::opt<uint64_t> seed("seed", cl::init(1), cl::cat(category),
                              cl::desc("seed of the inputs"));
static cl::opt<int64_t> steps("steps", cl::init(4), cl::cat(category),
                              cl::desc("greedy steps"));
static cl::opt<int64_t>
    start("start", cl::init(0), cl::cat(category),
          cl::desc("first target token; default: the one that the module's "
                   "encdec.generation says, or 0"));
static cl::list<int64_t>
    lengths("lengths", cl::CommaSeparated, cl::cat(category),
            cl::desc("lengths of the seeded sources (5,2,3)"));
static cl::list<std::string>
    ids("ids", cl::cat(category),
        cl::desc("token ids of one source, \"5 17 2\"; repeatable"));
static cl::opt<bool>
    encoder("encoder", cl::cat(category),
            cl::desc("print the encoder's rows of all sources, and run no step"));
static cl::opt<std::string>
    functionName("function", cl::cat(category),
                 cl::desc("run this one function on seeded arguments"));
static cl::opt<int64_t>
    rows("rows", cl::init(3), cl::cat(category),
         cl::desc("with --function: rows of the arguments"));

/// Reports an error of the command line; returns the exit code.
static int misused(const Twine &what) {
  llvm::errs() << program << ": error: " << what << "\n";
  return usageError;
}

// "-0.000000" and "0.000000" are one number to a test.
static void printNumber(double value) {
  llvm::outs() << " "
               << llvm::format("%.6f", std::abs(value) < 5e-7 ? 0.0 : value);
}

static void outOfMemory() {
  static const char message[] = "encdec-run-reference: error: the values of "
                                "this module and these inputs need "
                                "more memory than there is\n";
  (void)!::write(STDERR_FILENO, message, sizeof(message) - 1);
  ::_exit(badModel);
}

/// Makes a result that RAM cannot hold an error message, not an abort.
static void limitAddressSpace() {
  std::set_new_handler(outOfMemory);
#if !LLVM_ADDRESS_SANITIZER_BUILD // which reserves far more than it uses
  rlimit limit;
  if (getrlimit(RLIMIT_AS, &limit) == 0) {
    limit.rlim_cur = std::min(limit.rlim_cur, rlim_t(16) << 30);
    setrlimit(RLIMIT_AS, &limit);
  }
#endif
}

/// Reports the first option that is out of range.
static bool optionsAreInRange() {
  constexpr int64_t most = 4096;
  bool good = true;
  auto check = [&](StringRef option, int64_t least, int64_t value) {
    if (good && (value < least || value > most)) {
      misused("--" + option + ": expected " + Twine(least) + " to " +
              Twine(most) + " but got " + Twine(value));
      good = false;
    }
  };
  check("steps", 0, steps);
  check("rows", 1, rows);
  for (int64_t length : lengths)
    check("lengths", 1, length);
  return good;
}

static int runFunction(ModuleOp module, WeightReader reader) {
  auto function = module.lookupSymbol<func::FuncOp>(functionName);
  if (!function)
    return misused("--function: the module has no function @" + functionName);
  auto arguments = seededArguments(function, rows, seed);
  if (failed(arguments))
    return badModel;
  auto results = Interpreter(module, std::move(reader))
                     .run(function, std::move(*arguments));
  if (failed(results))
    return badModel;
  for (auto [i, result] : llvm::enumerate(*results)) {
    auto *tensor = std::get_if<Tensor>(&result);
    if (!tensor)
      continue; // a handle
    llvm::outs() << "result " << i << ": [";
    llvm::interleaveComma(tensor->shape, llvm::outs());
    llvm::outs() << "]";
    for (double value : tensor->values)
      printNumber(value);
    llvm::outs() << "\n";
  }
  return 0;
}

/// Reports the first id that is no token of the vocabulary (0: of unknown size).
static bool areTokens(StringRef option, ArrayRef<int64_t> tokens,
                      int64_t vocabulary) {
  for (int64_t token : tokens)
    if (token < 0 || (vocabulary && token >= vocabulary)) {
      misused("--" + option + ": expected token ids below " +
              Twine(vocabulary) + " but got " + Twine(token));
      return false;
    }
  return true;
}

static FailureOr<std::vector<std::vector<int64_t>>>
readSources(int64_t vocabulary) {
  std::vector<std::vector<int64_t>> sources;
  for (StringRef text : ids) {
    SmallVector<StringRef> words;
    text.split(words, ' ', -1, /*KeepEmpty=*/false);
    sources.emplace_back();
    for (StringRef word : words)
      if (word.getAsInteger(10, sources.back().emplace_back())) {
        misused("--ids: expected token ids but got '" + word + "'");
        return failure();
      }
    if (words.empty()) {
      misused("--ids: expected one token id or more but got none");
      return failure();
    }
    if (!areTokens("ids", sources.back(), vocabulary))
      return failure();
  }
  if (!sources.empty())
    return sources;
  std::vector<int64_t> sizes(lengths.begin(), lengths.end());
  if (sizes.empty())
    sizes = {5, 2, 3};
  for (int64_t size : sizes) { // (-1, 1) to 0 … vocabulary-1
    Tensor draw = seededTensor({size}, seed + sources.size());
    sources.emplace_back();
    for (double value : draw.values)
      sources.back().push_back(int64_t((value + 1) / 2 * vocabulary));
  }
  return sources;
}

/// The token that decoding starts from.
static int64_t startOf(ModuleOp module) {
  auto generation = module->getAttrOfType<DictionaryAttr>(kGenerationAttr);
  auto token = generation
                   ? generation.getAs<IntegerAttr>("decoder_start_token_id")
                   : IntegerAttr();
  return start.getNumOccurrences() || !token ? int64_t(start) : token.getInt();
}

/// Prints what encode returns, a line a token.
static int runEncoder(ModuleOp module, WeightReader reader) {
  BatchRun run(module, std::move(reader));
  auto sources = readSources(run.vocabulary("encode"));
  if (failed(sources))
    return usageError;
  if (failed(run.encode(*sources)))
    return badModel;
  const Tensor &rows = run.encoderOutput();
  if (rows.values.empty()) {
    emitError(module.getLoc(), "expected encode to return the encoder's rows");
    return badModel;
  }
  for (int64_t row = 0; row < rows.rows(); ++row) {
    llvm::outs() << "row " << row << ":";
    for (int64_t column = 0; column < rows.shape[1]; ++column)
      printNumber(rows.at(row, column));
    llvm::outs() << "\n";
  }
  return 0;
}

static int runBatch(ModuleOp module, WeightReader reader) {
  BatchRun run(module, std::move(reader));
  if (failed(run.verify()))
    return badModel;
  int64_t first = startOf(module);
  auto sources = readSources(run.vocabulary("encode"));
  if (failed(sources) || !areTokens("start", first, run.vocabulary("step")))
    return usageError;
  auto results = run.greedy(*sources, steps, first);
  if (failed(results))
    return badModel;
  double sum = 0;
  for (auto [i, step] : llvm::enumerate(*results)) {
    llvm::outs() << "step " << i << ": tokens";
    for (int64_t token : step.tokens)
      llvm::outs() << " " << token;
    llvm::outs() << " log_probs";
    for (double logProb : step.logProbs) {
      printNumber(logProb);
      sum += logProb;
    }
    llvm::outs() << "\n";
  }
  llvm::outs() << "sum of log_probs:";
  printNumber(sum);
  llvm::outs() << "\n";
  return 0;
}

static constexpr const char *overview =
    "Runs encode and greedy steps of encdec IR, or one function, in float64\n\n"
    "  encdec-run-reference model.mlir --seed 1 --steps 4\n"
    "  encdec-run-reference model.mlir --checkpoint models/en-fr --ids \"5 17 "
    "0\"\n"
    "  encdec-run-reference part.mlir --function f --rows 3\n\n"
    "exit codes: 0 ok, 1 failure, 2 usage, 3 bad model\n";

int main(int argc, char **argv) {
  holdStandardStreams();
  limitAddressSpace();
  cl::HideUnrelatedOptions(category);
  if (!cl::ParseCommandLineOptions(argc, argv, overview, &llvm::errs()))
    return usageError;
  if (!optionsAreInRange())
    return usageError;
  if (!checkpoint.empty() && !llvm::sys::fs::is_directory(checkpoint))
    return misused("--checkpoint: expected a folder but got '" + checkpoint +
                   "'");
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = readModule(file, &context);
  if (!module)
    return badModel;
  WeightStore store(checkpoint);
  auto reader = [&](WeightOp weight) -> FailureOr<std::vector<float>> {
    if (checkpoint.empty())
      return weight.emitError("expected --checkpoint to name the folder that "
                              "holds the file of this weight");
    return store.stored(weight);
  };
  int code = !functionName.empty() ? runFunction(*module, reader)
             : encoder             ? runEncoder(*module, reader)
                                   : runBatch(*module, reader);
  return code ? code : finishOutput(program);
}
