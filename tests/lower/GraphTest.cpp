// Random graphs: a lowered graph computes the reference interpreter's results for the
// same module, or it is refused by an error with a code. So no operand, name or type is
// ever ignored.
//
//   ENCDEC_GRAPHS=2000 encdec_lower_tests --gtest_filter='Graphs.*'   that many
//   ENCDEC_GRAPHS=1 ENCDEC_GRAPH_SEED=17 …                            one of them, printed
#include "ModelRun.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "dialect/Interpreter.h"
#include "tests/support/RandomGraph.h"
#include "tests/support/RandomGroups.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/PrettyStackTrace.h"
#include "llvm/Support/Regex.h"
#include <cmath>
#include <gtest/gtest.h>
#include <iostream>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;
using reference::Tensor;

namespace {

/// Tokens and log-probabilities of one step, [rows * top].
struct Step {
  std::vector<int32_t> tokens;
  std::vector<double> logProbs;
};

/// What a graph is run on, drawn from its seed.
struct Inputs {
  std::vector<std::vector<int64_t>> sources;
  std::vector<Batch::Rows> steps;
  int64_t vocabulary;

  Inputs(const RandomGraph &graph, uint64_t seed) : vocabulary(graph.vocabulary) {
    std::mt19937_64 random(seed);
    auto draw = [&](int64_t below) { return int64_t(random() % uint64_t(below)); };
    // Groups have calls for few rows, for some and for many; tiles have 1 to 12 rows.
    const int64_t counts[] = {1, 2, 3, 4, 5, 7, 11, 12, 13, 16, 17, 24, 25, 31, 32, 33, 47, 48, 49};
    sources.resize(3);
    int64_t mostTokens = draw(3) ? 19 : draw(2) ? 1 : 40;
    for (std::vector<int64_t> &source : sources)
      for (int64_t i = 0, length = 1 + draw(mostTokens); i < length; ++i)
        source.push_back(draw(graph.sourceVocabulary));
    // In the third step a row goes on, another forks from it, and a third begins; in the last,
    // of any number of rows, each begins or forks from one of those.
    steps = {{{}, {}, {{4}, {0}, {2}, {5}}, {0, 2, 1, 0}},
             {{}, {}, {{2, 2}, {4, 4}, {0, 0}}, {1, 0, 2}},
             {{}, {}, {{4, 4, 4}, {4, 4, 0}, {3}}, {0, 0, 2}},
             {}};
    const Batch::Rows &before = steps[2];
    for (int64_t row = 0, count = counts[draw(std::size(counts))]; row < count; ++row) {
      size_t from = size_t(draw(6)); // with a slot of its own: no other row reads it
      bool forks = from < before.sources.size();
      std::vector<int64_t> past = forks ? before.ancestors[from] : std::vector<int64_t>();
      past.push_back(6 + row);
      steps[3].ancestors.push_back(past);
      steps[3].sources.push_back(forks ? before.sources[from] : draw(3));
    }
    for (Batch::Rows &rows : steps) {
      for (const std::vector<int64_t> &past : rows.ancestors) {
        rows.tokens.push_back(draw(vocabulary));
        rows.positions.push_back(int64_t(past.size()) - 1);
        rows.rowBias.push_back(draw(2));
      }
      int64_t most = std::min<int64_t>(vocabulary, ENCDEC_ABI_MAX_TOP_K);
      rows.top = draw(2) ? most : 1 + draw(std::min<int64_t>(vocabulary + 2, ENCDEC_ABI_MAX_TOP_K));
      rows.logitBias.assign(2 * pad16(vocabulary), 0);
      for (int64_t v = 0; v < vocabulary; ++v)
        if (draw(4) == 0)
          rows.logitBias[pad16(vocabulary) + v] = -INFINITY;
    }
  }
};

/// The reference interpreter on the module as it was written.
class Judge {
public:
  explicit Judge(ModuleOp module) : interpreter(module), module(module) {}

  LogicalResult encode(const Inputs &inputs) {
    std::vector<int64_t> tokens, positions, rows, starts{0};
    for (auto [b, source] : llvm::enumerate(inputs.sources)) {
      for (auto [i, token] : llvm::enumerate(source)) {
        tokens.push_back(token);
        positions.push_back(int64_t(i));
        rows.push_back(int64_t(b));
      }
      starts.push_back(int64_t(tokens.size()));
    }
    offsets = numbers(starts);
    auto results = run("encode", {{"tokens", numbers(tokens)},
                                  {"positions", numbers(positions)},
                                  {"rows", numbers(rows)},
                                  {"offsets", offsets}});
    if (succeeded(results) && !results->empty())
      memory = std::get<Tensor>(results->front());
    return results;
  }

  FailureOr<Step> step(const Batch::Rows &rows, int64_t vocabulary) {
    size_t longest = 0;
    for (const std::vector<int64_t> &past : rows.ancestors)
      longest = std::max(longest, past.size());
    Tensor ancestors({int64_t(rows.ancestors.size()), int64_t(longest)});
    for (auto [r, past] : llvm::enumerate(rows.ancestors))
      for (size_t p = 0; p < longest; ++p)
        ancestors.at(int64_t(r), int64_t(p)) = double(past[std::min(p, past.size() - 1)]);
    Tensor bias({2, vocabulary});
    for (int64_t i = 0; i < 2; ++i)
      for (int64_t v = 0; v < vocabulary; ++v)
        bias.at(i, v) = rows.logitBias[size_t(i * pad16(vocabulary) + v)];
    auto results = run("step", {{"tokens", numbers(rows.tokens)},
                                {"positions", numbers(rows.positions)},
                                {"ancestors", ancestors},
                                {"sources", numbers(rows.sources)},
                                {"offsets", offsets},
                                {"memory", memory},
                                {"logit_bias", bias},
                                {"row_bias", numbers(rows.rowBias)},
                                {"top_k", Tensor({1}, {double(rows.top)})}});
    if (failed(results))
      return failure();
    auto &tokens = std::get<Tensor>((*results)[0]).values;
    return Step{{tokens.begin(), tokens.end()}, std::get<Tensor>((*results)[1]).values};
  }

private:
  static Tensor numbers(const std::vector<int64_t> &values) {
    return Tensor({int64_t(values.size())}, {values.begin(), values.end()});
  }
  FailureOr<std::vector<reference::Value>> run(StringRef name,
                                               const std::map<std::string, Tensor> &given) {
    auto function = module.lookupSymbol<func::FuncOp>(name);
    std::vector<reference::Value> values;
    for (BlockArgument argument : function.getArguments()) {
      auto role = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(), kArgAttr);
      std::string key = role ? role.str() : "";
      if (isa<MemoryType>(argument.getType()))
        values.push_back(handleNamed<reference::Memory>(key));
      else if (isa<CacheType>(argument.getType()))
        values.push_back(handleNamed<reference::Cache>(key));
      else if (given.count(key))
        values.push_back(given.at(key));
      else if (argument.use_empty())
        values.push_back(nothing(argument.getType()));
      else
        return function.emitError("nothing says what argument #")
               << argument.getArgNumber() << " is";
    }
    return interpreter.run(function, std::move(values));
  }
  /// A value of `type` that no op reads.
  static Tensor nothing(Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      return Tensor(std::vector<int64_t>(size_t(tensor.getRank()), 0));
    return Tensor({1}, {0});
  }
  template <typename Handle> reference::Value handleNamed(const std::string &name) {
    auto handle = std::make_shared<Handle>();
    if (name.empty()) // no other argument can name the same handle
      return handle;
    return handles.try_emplace(name, handle).first->second;
  }

  reference::Interpreter interpreter;
  ModuleOp module;
  std::map<std::string, reference::Value> handles;
  Tensor offsets, memory;
};

/// How a graph is compiled, drawn from its seed.
struct Choices {
  PipelineOptions options;
  std::vector<unsigned> fusions; // passes, in the order they run
  int groupsBefore, groupsAfter; // tries of random groups before fusions and after them
  int64_t workers;               // when they are several
  double tolerance = 1e-4;

  explicit Choices(uint64_t seed) {
    std::mt19937_64 random(seed + 1000003);
    uint64_t type = random() % 16;
    options.weights = type == 0   ? "bf16"
                      : type == 1 ? "int8"
                      : type == 2 ? "int8-dynamic"
                                  : "f32";
    options.keys = "f32";
    options.sketch = random() % 4 == 0;
    // The levels take turns.
    if (const ObjectTarget *best = hostObjectTarget(); best && seed % 2)
      options.level = best->name.str();
    // Where rows of activations are rounded, one of them may be rounded to the other
    // side.
    if (options.weights == "int8-dynamic")
      tolerance = 0.1;
    // Attention is mostly fused: plain attention has no kernels.
    unsigned some = random() % 4 == 0 ? unsigned(random() % 32) : 31;
    if (random() % 8)
      some |= 1;
    for (unsigned i = 0; i < 5; ++i)
      if (some & 1u << i)
        fusions.push_back(i);
    if (random() % 4 == 0)
      std::shuffle(fusions.begin(), fusions.end(), random);
    groupsBefore = random() % 4 ? 0 : int(random() % 4);
    groupsAfter = random() % 2 ? 0 : int(random() % 16);
    workers = 2 + int64_t(random() % 2);
  }
  void fuse(OpPassManager &pm) const {
    std::unique_ptr<Pass> (*passes[])() = {
        createFuseAttentionPass, createFuseProjectionsPass, createFuseFfnPass,
        createFuseAddNormPass, createFuseVocabularyPass};
    for (unsigned i : fusions)
      pm.addPass(passes[i]());
  }
};

/// Empty if the numbers are equal; another token is allowed only where it is as good.
std::string difference(const Step &got, const Step &expected, int64_t top, bool tokensOnly,
                       double tolerance) {
  double largest = 1;
  for (double p : expected.logProbs)
    if (std::isfinite(p))
      largest = std::max(largest, std::abs(p));
  auto near = [&](double a, double b) {
    return a == b || std::abs(a - b) <= tolerance * largest;
  };
  for (size_t i = 0; i < expected.tokens.size(); ++i) {
    double p = expected.logProbs[i];
    size_t first = i / size_t(top) * size_t(top), end = first + size_t(top);
    double chosen = expected.logProbs[end - 1]; // at least, if it is not among them
    for (size_t j = first; j < end; ++j)
      if (expected.tokens[j] == got.tokens[i] && std::isfinite(expected.logProbs[j]))
        chosen = expected.logProbs[j];
    bool isSame = got.tokens[i] == expected.tokens[i] || near(chosen, p);
    if (!isSame || (!tokensOnly && !near(got.logProbs[i], p)))
      return llvm::formatv("row {0}, place {1}: token {2} at {3}, expected {4} at {5}",
                           i / size_t(top), i % size_t(top), got.tokens[i],
                           tokensOnly ? NAN : got.logProbs[i], expected.tokens[i], p);
  }
  return "";
}

class Graphs : public testing::Test {
protected:
  Graphs() {
    registerEncDecDialects(registry);
    llvm::EnablePrettyStackTrace(); // a crash names the seed
  }

  void check(uint64_t seed, bool print) {
    RandomGraph graph = randomGraph(seed);
    if (print)
      std::cout << graph.text;
    Inputs inputs(graph, seed);
    Choices choices(seed);
    MLIRContext context(registry, MLIRContext::Threading::DISABLED);
    std::vector<std::string> errors;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
        errors.push_back(diagnostic.str());
    });
    auto said = [&] { return errors.empty() ? std::string("nothing") : errors.front(); };
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(graph.text, &context);
    if (!module) { // verifiers know the names of arguments and the heads of handles
      ASSERT_TRUE(StringRef(said()).contains("expected one argument with encdec.arg = ") ||
                  StringRef(said()).contains("heads by which the keys are held"))
          << "does not verify: " << said();
      ++refused["verifier"];
      return;
    }

    OwningOpRef<ModuleOp> lowered = module->clone();
    std::mt19937_64 random(seed + 3);
    groups += groupAtRandom(*lowered, choices.groupsBefore, random);
    PassManager fusions(&context);
    choices.fuse(fusions);
    ASSERT_TRUE(succeeded(fusions.run(*lowered)));
    groups += groupAtRandom(*lowered, choices.groupsAfter, random);
    Placed placed(*lowered, choices.options, [&](OpPassManager &) {});
    std::string level = choices.options.level.empty() ? "v3" : choices.options.level;
    Compiled model(*lowered, placed, level, llvm::CodeGenOptLevel::None);
    if (!model.ok) {
      SmallVector<StringRef> found;
      std::string error = said();
      ASSERT_TRUE(llvm::Regex("\\[([a-z0-9-]+)\\]: ").match(error, &found))
          << "refused without a code: " << error;
      if (print)
        std::cout << "refused: " << error << "\n";
      ++refused[found[1].str()];
      return;
    }

    // Weights have the compiled model's formats; the rest stays as it was written.
    PassManager pm(&context);
    pm.addPass(createQuantizeWeightsPass({choices.options.weights, {}}));
    ASSERT_TRUE(succeeded(pm.run(*module)));
    Judge judge(*module);
    std::vector<Step> expected;
    bool isDefined = succeeded(judge.encode(inputs));
    for (const Batch::Rows &rows : inputs.steps) {
      if (!isDefined)
        break;
      FailureOr<Step> step = judge.step(rows, inputs.vocabulary);
      isDefined = succeeded(step);
      if (isDefined)
        expected.push_back(*step);
    }
    ASSERT_TRUE(isDefined) << "lowered, but it has no meaning: " << said();
    bool same = compare(model, inputs, expected, 1, /*tokensOnly=*/false, choices.tolerance) &&
                compare(model, inputs, expected, 1, /*tokensOnly=*/true, choices.tolerance) &&
                compare(model, inputs, expected, choices.workers, /*tokensOnly=*/false,
                        choices.tolerance);
    equal += same;
  }

  bool compare(Compiled &model, const Inputs &inputs, ArrayRef<Step> expected,
               int64_t workers, bool tokensOnly, double tolerance) {
    Batch batch(inputs.sources, model);
    batch.inTurns = true; // threads would be most of the time
    batch.encode(model, workers);
    for (auto [i, given] : llvm::enumerate(inputs.steps)) {
      Batch::Rows rows = given;
      rows.tokensOnly = tokensOnly;
      batch.step(model, rows, inputs.vocabulary, workers);
      Step got{batch.tokensOut, {batch.logProbsOut.begin(), batch.logProbsOut.end()}};
      std::string found = difference(got, expected[i], rows.top, tokensOnly, tolerance);
      EXPECT_EQ(found, "") << "step " << i << ", " << workers << " workers"
                           << (tokensOnly ? ", tokens only" : "");
      if (!found.empty())
        return false;
    }
    return true;
  }

  static uint64_t number(const char *variable, uint64_t otherwise) {
    const char *text = std::getenv(variable);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
  }

  DialectRegistry registry;
  int64_t equal = 0, groups = 0;
  std::map<std::string, int64_t> refused; // by code
};

TEST_F(Graphs, AreEqualOrRefused) {
  uint64_t first = number("ENCDEC_GRAPH_SEED", 1), count = number("ENCDEC_GRAPHS", 150);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    std::string text = "ENCDEC_GRAPH_SEED=" + std::to_string(seed);
    llvm::PrettyStackTraceString crash(text.c_str());
    SCOPED_TRACE(text);
    check(seed, /*print=*/count == 1);
  }
  int64_t wrong = int64_t(count) - equal;
  std::cout << count << " graphs with " << groups << " groups: " << equal << " equal";
  for (auto &[code, number] : refused) {
    std::cout << ", " << number << " refused [" << code << "]";
    wrong -= number;
  }
  std::cout << ", " << wrong << " wrong\n";
  if (count > 1)
    EXPECT_GE(equal * 10, int64_t(count) * 3) << "too few graphs were run at all";
}

} // namespace
