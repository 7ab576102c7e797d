// Any subset of the fusions, in the pipeline's order or in another, computes
// what the plain module computes. The judge is the reference interpreter,
// float64 on both sides, so the tolerance is only for sums in another order.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "dialect/Form.h"
#include "dialect/ReferenceRun.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/RandomModel.h"
#include "gtest/gtest.h"
#include <cmath>

using namespace mlir;
using namespace encdec;
using test::ModelSizes;

namespace {

constexpr double kTolerance = 1e-12; // relative

using Create = std::unique_ptr<Pass> (*)();
struct Fusion {
  const char *name;
  Create create;
};
// In the order of the pipeline.
const Fusion kFusions[] = {
    {"attention", [] { return createFuseAttentionPass(); }},
    {"projections", [] { return createFuseProjectionsPass(); }},
    {"ffn", [] { return createFuseFfnPass(); }},
    {"add-norm", [] { return createFuseAddNormPass(); }},
    {"vocabulary", [] { return createFuseVocabularyPass(); }}};
constexpr unsigned kCount = std::size(kFusions);

class Fuse : public testing::TestWithParam<ModelSizes> {
protected:
  void SetUp() override {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    context.disableMultithreading();
    module = test::randomModel(context, GetParam());
    ASSERT_TRUE(module) << GetParam().text() << "\n"
                        << test::randomModelText(GetParam());
  }

  OwningOpRef<ModuleOp> clone() { return module->clone(); }

  static LogicalResult run(ModuleOp module,
                           llvm::function_ref<void(OpPassManager &)> build) {
    PassManager pm(module.getContext());
    build(pm);
    return pm.run(module);
  }

  static std::string print(ModuleOp module) {
    std::string text;
    llvm::raw_string_ostream os(text);
    module.print(os);
    return text;
  }

  /// All numbers that come out: of each function alone on seeded arguments, and
  /// of a batch decoded greedily, whose later steps read what earlier ones
  /// cached.
  static std::vector<double> numbers(ModuleOp module, const ModelSizes &sizes) {
    std::vector<double> all;
    auto take = [&](const reference::Tensor &tensor) {
      all.insert(all.end(), tensor.values.begin(), tensor.values.end());
    };
    reference::Interpreter interpreter(module);
    for (auto function : module.getOps<func::FuncOp>()) {
      auto results = interpreter.run(
          function, *reference::seededArguments(function, 5, sizes.seed));
      EXPECT_TRUE(succeeded(results)) << function.getName().str();
      if (failed(results))
        return {};
      for (const reference::Value &value : *results)
        take(std::get<reference::Tensor>(value));
    }
    int64_t source =
        sizes.sourceVocabulary ? sizes.sourceVocabulary : sizes.vocabulary;
    std::vector<std::vector<int64_t>> batch(3); // of 1, 3 and 5 tokens
    for (auto [b, sentence] : llvm::enumerate(batch))
      for (size_t i = 0; i < 2 * b + 1; ++i)
        sentence.push_back((7 * b + 3 * i + 1) % source);
    auto steps = reference::BatchRun(module).greedy(batch, 4, 1);
    EXPECT_TRUE(succeeded(steps));
    if (failed(steps))
      return {};
    for (const reference::StepResult &step : *steps) {
      all.insert(all.end(), step.tokens.begin(), step.tokens.end());
      all.insert(all.end(), step.logProbs.begin(), step.logProbs.end());
    }
    return all;
  }

  /// `changed` computes what the plain module computes.
  void expectSameNumbers(ModuleOp changed, const std::string &how) {
    if (plain.empty())
      plain = numbers(*module, GetParam());
    std::vector<double> after = numbers(changed, GetParam());
    ASSERT_EQ(plain.size(), after.size()) << how << ", " << GetParam().text();
    for (size_t i = 0; i < plain.size(); ++i) {
      ASSERT_TRUE(std::isfinite(plain[i]));
      ASSERT_NEAR(plain[i], after[i],
                  kTolerance * std::max(1.0, std::abs(plain[i])))
          << "number " << i << " after " << how << ", " << GetParam().text();
    }
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::vector<double> plain; // numbers(*module), once computed
};

std::string nameOf(const testing::TestParamInfo<ModelSizes> &info) {
  return "model" + std::to_string(info.index);
}

// The numbers that the tests below compare differ from each other.
TEST_P(Fuse, NumbersVary) {
  std::vector<double> all = numbers(*module, GetParam());
  ASSERT_GT(all.size(), 20u);
  std::sort(all.begin(), all.end());
  auto different = std::unique(all.begin(), all.end()) - all.begin();
  EXPECT_GT(different, int64_t(all.size() / 2)) << GetParam().text();
}

// Every subset in the pipeline's order, its prefixes among them.
TEST_P(Fuse, EverySubset) {
  for (unsigned subset = 1; subset < 1u << kCount; ++subset) {
    auto changed = clone();
    std::string how;
    ASSERT_TRUE(succeeded(run(*changed, [&](OpPassManager &pm) {
      for (unsigned i = 0; i < kCount; ++i)
        if (subset >> i & 1) {
          pm.addPass(kFusions[i].create());
          how += std::string(how.empty() ? "" : ",") + kFusions[i].name;
        }
    }))) << how;
    // Every subset changes something but projections alone, which need the attention.
    EXPECT_EQ(how == "projections", print(*module) == print(*changed)) << how;
    expectSameNumbers(*changed, how);
    if (HasFatalFailure())
      return;
  }
}

// A rotation of the order at each start; the order decides what fuses, never
// what is computed.
TEST_P(Fuse, OtherOrders) {
  for (unsigned first = 1; first < kCount; ++first)
    for (bool backwards : {false, true}) {
      auto changed = clone();
      std::string how;
      ASSERT_TRUE(succeeded(run(*changed, [&](OpPassManager &pm) {
        for (unsigned n = 0; n < kCount; ++n) {
          unsigned i = (backwards ? first + kCount - n : first + n) % kCount;
          pm.addPass(kFusions[i].create());
          how += std::string(how.empty() ? "" : ",") + kFusions[i].name;
        }
      }))) << how;
      expectSameNumbers(*changed, how);
      if (HasFatalFailure())
        return;
    }
}

// The pipeline leaves the fused form, and nothing to do for a second run.
TEST_P(Fuse, PipelineReachesFusedForm) {
  EXPECT_TRUE(succeeded(verifyForm(*module, Form::decomposed)));
  auto build = [](OpPassManager &pm) { buildFusePipeline(pm); };
  auto changed = clone();
  ASSERT_TRUE(succeeded(run(*changed, build)));
  EXPECT_TRUE(succeeded(verifyForm(*changed, Form::fused))) << print(*changed);
  std::string once = print(*changed);
  ASSERT_TRUE(succeeded(run(*changed, build)));
  EXPECT_EQ(once, print(*changed));
}

// decompose undoes the pipeline, and the pipeline undoes decompose.
TEST_P(Fuse, RoundTrip) {
  auto changed = clone();
  // A group makes way for what stands between its ops, so that lines change places.
  PipelineOptions options;
  options.groups = "none";
  ASSERT_TRUE(succeeded(
      run(*changed, [&](OpPassManager &pm) { buildFusePipeline(pm, options); })));
  std::string fused = print(*changed);
  ASSERT_TRUE(succeeded(run(
      *changed, [](OpPassManager &pm) { pm.addPass(createDecomposePass()); })));
  EXPECT_TRUE(succeeded(verifyForm(*changed, Form::decomposed)))
      << print(*changed);
  EXPECT_EQ(print(*module), print(*changed));
  expectSameNumbers(*changed, "fuse, decompose");
  ASSERT_TRUE(succeeded(
      run(*changed, [&](OpPassManager &pm) { buildFusePipeline(pm, options); })));
  EXPECT_EQ(fused, print(*changed));
}

INSTANTIATE_TEST_SUITE_P(Random, Fuse,
                         testing::ValuesIn(test::randomSizes(12, 4)), nameOf);

} // namespace
