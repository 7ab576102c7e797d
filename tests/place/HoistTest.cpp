// hoist-encoder changes where keys and values are computed, never their
// numbers: the interpreter finds the same bits before and after, fused or not.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/place/Layout.h"
#include "dialect/ReferenceRun.h"
#include "tests/support/RandomModel.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace encdec;

namespace {

struct Found {
  std::vector<int64_t> tokens;
  std::vector<double> logProbs;
  bool operator==(const Found &) const = default;
};

/// Three sources, four greedy steps.
Found run(ModuleOp module) {
  reference::BatchRun batch(module);
  Found found;
  auto steps = batch.greedy({{1, 2, 3}, {4}, {5, 6, 0, 2, 1}}, 4, 0);
  EXPECT_TRUE(succeeded(steps));
  if (succeeded(steps))
    for (const reference::StepResult &step : *steps) {
      llvm::append_range(found.tokens, step.tokens);
      llvm::append_range(found.logProbs, step.logProbs);
    }
  return found;
}

class Hoist : public testing::TestWithParam<test::ModelSizes> {
protected:
  void SetUp() override {
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    module = test::randomModel(context, GetParam());
    ASSERT_TRUE(module);
    before = run(*module);
    ASSERT_EQ(before.tokens.size(), 12u);
  }
  void apply(bool fuseFirst, bool fuseAfter) {
    PassManager pm(&context);
    if (fuseFirst)
      buildFusePipeline(pm);
    pm.addPass(createHoistEncoderPass());
    // Twice: what is hoisted already stays as it is.
    pm.addPass(createHoistEncoderPass());
    if (fuseAfter)
      buildFusePipeline(pm);
    ASSERT_TRUE(succeeded(pm.run(*module)));
  }
  DialectRegistry registry;
  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  Found before;
};

TEST_P(Hoist, KeepsEveryBitOfDecomposedModels) {
  apply(false, false);
  EXPECT_EQ(run(*module), before);
}
TEST_P(Hoist, FusionMayComeBeforeOrAfter) {
  OwningOpRef<ModuleOp> original = module->clone();
  apply(true, false);
  Found first = run(*module);
  EXPECT_EQ(first, before);
  module = std::move(original);
  apply(false, true);
  EXPECT_EQ(run(*module), before);
  // Both orders leave one projection for each decoder layer, in encode.
  int projections = 0;
  findEntries(*module).encode.walk([&](MemoryProjectOp) { ++projections; });
  EXPECT_EQ(projections, GetParam().decoderLayers);
}
INSTANTIATE_TEST_SUITE_P(Random, Hoist,
                         testing::ValuesIn(test::randomSizes(8, 5)));

} // namespace
