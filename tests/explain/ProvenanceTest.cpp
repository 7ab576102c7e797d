// Each imported op is found again in every stage: in exactly one op of the fused form, and in
// at least one kernel call, unless it is a view. No other numbers appear, and no op of a later
// stage comes from nowhere.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/explain/Provenance.h"
#include "compiler/schedule/Schedule.h"
#include "dialect/Ops.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/RandomModel.h"
#include <gtest/gtest.h>
#include <map>

using namespace mlir;
using namespace encdec;
using test::ModelSizes;

namespace {

using Build = void(OpPassManager &, const PipelineOptions &);

class Provenance : public testing::TestWithParam<ModelSizes> {
protected:
  void SetUp() override {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    module = test::randomModel(context, GetParam());
    ASSERT_TRUE(module);
    explain::numberOps(*module);
    for (Operation *op : explain::workOf(*module))
      imported.push_back(op->getName().getStringRef().str());
  }

  void run(std::initializer_list<Build *> pipelines, const PipelineOptions &options = {}) {
    PassManager pm(&context);
    for (Build *build : pipelines)
      build(pm, options);
    ASSERT_TRUE(succeeded(pm.run(*module)));
  }

  /// How many ops name each number; every op but a barrier must name some.
  std::map<int64_t, int> counts() {
    std::map<int64_t, int> counts;
    for (Operation *op : explain::workOf(*module)) {
      if (isa<kernel::BarrierOp>(op))
        continue;
      auto numbers = explain::numbersIn(op->getLoc());
      EXPECT_FALSE(numbers.empty()) << op->getName().getStringRef().str();
      for (int64_t number : numbers)
        ++counts[number];
    }
    return counts;
  }

  bool isFree(int64_t number) { // no kernel does anything for it
    const std::string &name = imported[number];
    return name == "encdec.cache_read" || name == "encdec.memory_read" ||
           name == "func.return";
  }

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::vector<std::string> imported; // names of ops
};

TEST_P(Provenance, IsInOneOpOfTheFusedForm) {
  run({buildFusePipeline});
  auto found = counts();
  for (size_t i = 0; i < imported.size(); ++i)
    EXPECT_EQ(found[i], 1) << imported[i] << " number " << i;
  EXPECT_EQ(found.size(), imported.size());
}

TEST_P(Provenance, ReachesKernelCalls) {
  PipelineOptions options;
  options.weights = "int8-dynamic"; // whose rows are quantized by a call of its own
  run({buildFusePipeline, buildPlacePipeline, buildSchedulePipeline}, options);
  auto found = counts();
  for (size_t i = 0; i < imported.size(); ++i)
    if (!isFree(i)) {
      EXPECT_GE(found[i], 1) << imported[i] << " number " << i;
    }
}

// What `quantize` makes is read by every product of the rows.
TEST_P(Provenance, OfAQuantizationIsAllThatReadIt) {
  PipelineOptions options;
  options.weights = "int8-dynamic";
  run({buildFusePipeline, buildPlacePipeline, buildSchedulePipeline}, options);
  module->walk([](kernel::CallOp call) {
    if (call.getKernel() != "quantize")
      return;
    auto serves = explain::numbersIn(call.getLoc());
    for (Operation *user : call->getUsers()) {
      auto reader = explain::numbersIn(user->getLoc());
      EXPECT_TRUE(llvm::any_of(reader, [&](int64_t n) { return llvm::is_contained(serves, n); }));
    }
  });
}

// The plain ops that a fused op is taken apart into have their own locations again.
TEST_P(Provenance, ComesBackFromDecomposition) {
  run({buildFusePipeline});
  PassManager pm(&context);
  pm.addPass(createDecomposePass());
  ASSERT_TRUE(succeeded(pm.run(*module)));
  for (Operation *op : explain::workOf(*module)) {
    auto numbers = explain::numbersIn(op->getLoc());
    ASSERT_EQ(numbers.size(), 1u) << op->getName().getStringRef().str();
    EXPECT_EQ(op->getName().getStringRef().str(), imported[numbers[0]]);
  }
}

// Where a pass has joined the projections of several memories, each memory is of its own two.
TEST_P(Provenance, OfAMemoryIsItsOwnKeysAndValues) {
  SmallVector<LinearOp> linears;
  module->walk([&](LinearOp linear) {
    if (entryOf(linear) == "step" && sideOf(linear.getInput()) == Side::encoder)
      linears.push_back(linear);
  });
  if (linears.empty())
    return; // an encoder alone
  IRRewriter rewriter(linears.front());
  SmallVector<Type> types;
  SmallVector<Attribute> weights, biases;
  SmallVector<Location> locations;
  for (LinearOp linear : linears) {
    types.push_back(linear.getType(0));
    llvm::append_range(weights, linear.getWeights());
    llvm::append_range(biases, linear.getBiases());
    locations.push_back(linear.getLoc());
  }
  auto joined = LinearOp::create(rewriter, rewriter.getFusedLoc(locations), types,
                                 linears.front().getInput(), rewriter.getArrayAttr(weights),
                                 rewriter.getArrayAttr(biases));
  for (auto [linear, output] : llvm::zip(linears, joined.getOutputs()))
    rewriter.replaceOp(linear, output);
  run({buildPlacePipeline});
  module->walk([](MemoryProjectOp project) {
    EXPECT_EQ(explain::numbersIn(project.getLoc()).size(), 2u);
  });
}

INSTANTIATE_TEST_SUITE_P(Random, Provenance, testing::ValuesIn(test::randomSizes(24, 5)));

} // namespace
