// encdec-run-reference: runs a module of encdec IR in the reference interpreter
// and prints what came out, so that tests can compare forms of one model.
#include "dialect/ReferenceRun.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace encdec;
using namespace encdec::reference;

static llvm::cl::opt<std::string> file(llvm::cl::Positional,
                                       llvm::cl::init("-"),
                                       llvm::cl::desc("<file of IR>"));
static llvm::cl::opt<uint64_t> seed("seed", llvm::cl::init(1),
                                    llvm::cl::desc("seed of the inputs"));
static llvm::cl::opt<int64_t> steps("steps", llvm::cl::init(4),
                                    llvm::cl::desc("greedy steps"));
static llvm::cl::opt<int64_t> start("start", llvm::cl::init(0),
                                    llvm::cl::desc("first target token"));
static llvm::cl::list<int64_t>
    lengths("lengths", llvm::cl::CommaSeparated,
            llvm::cl::desc("lengths of the seeded sources (5,2,3)"));
static llvm::cl::list<std::string>
    ids("ids",
        llvm::cl::desc("token ids of one source, \"5 17 2\"; repeatable"));
static llvm::cl::opt<std::string>
    functionName("function",
                 llvm::cl::desc("run this one function on seeded arguments"));
static llvm::cl::opt<int64_t>
    rows("rows", llvm::cl::init(3),
         llvm::cl::desc("with --function: rows of the arguments"));

// "-0.000000" and "0.000000" are one number to a test.
static void printNumber(double value) {
  llvm::outs() << " "
               << llvm::format("%.6f", std::abs(value) < 5e-7 ? 0.0 : value);
}

static int runFunction(ModuleOp module) {
  auto function = module.lookupSymbol<func::FuncOp>(functionName);
  if (!function) {
    llvm::errs() << "error: no function @" << functionName
                 << " in the module\n";
    return 1;
  }
  auto results =
      Interpreter(module).run(function, seededArguments(function, rows, seed));
  if (failed(results))
    return 1;
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

static FailureOr<std::vector<std::vector<int64_t>>>
readSources(int64_t vocabulary) {
  std::vector<std::vector<int64_t>> sources;
  for (StringRef text : ids) {
    SmallVector<StringRef> words;
    text.split(words, ' ', -1, /*KeepEmpty=*/false);
    sources.emplace_back();
    for (StringRef word : words)
      if (word.getAsInteger(10, sources.back().emplace_back())) {
        llvm::errs() << "error: --ids: expected token ids but got '" << word
                     << "'\n";
        return failure();
      }
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

static int runBatch(ModuleOp module) {
  BatchRun run(module);
  auto sources = readSources(run.sourceVocabulary());
  if (failed(sources))
    return 1;
  auto results = run.greedy(*sources, steps, start);
  if (failed(results))
    return 1;
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

int main(int argc, char **argv) {
  llvm::cl::ParseCommandLineOptions(
      argc, argv,
      "Runs encode and greedy steps of encdec IR, or one function, in float64\n"
      "  encdec-run-reference model.mlir --seed 1 --steps 4\n"
      "  encdec-run-reference part.mlir --function f --rows 3\n");
  DialectRegistry registry;
  registry.insert<EncDecDialect, func::FuncDialect, arith::ArithDialect>();
  MLIRContext context(registry);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(file, &context);
  if (!module)
    return 1;
  return functionName.empty() ? runBatch(*module) : runFunction(*module);
}
