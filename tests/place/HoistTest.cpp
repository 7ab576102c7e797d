// hoist-encoder changes where keys and values are computed, never their
// numbers: the interpreter finds the same bits before and after, fused or not.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/place/Layout.h"
#include "dialect/ReferenceRun.h"
#include "mlir/Parser/Parser.h"
#include "tests/support/RandomModel.h"
#include "llvm/Support/FormatVariadic.h"
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
    // Run twice: a hoisted module stays as it is.
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

// Two cross-attentions that share what they read, in one way or another.
struct Sharing {
  const char *name, *projections;
  const char *keys[2], *values[2];
  int heads[2] = {2, 2};
};
void PrintTo(const Sharing &sharing, std::ostream *os) { *os << sharing.name; }
const Sharing kSharings[] = {
    {"Nothing", "", {"%k", "%k2"}, {"%v", "%v2"}},
    {"Both", "", {"%k", "%k"}, {"%v", "%v"}},
    {"Keys", "", {"%k", "%k"}, {"%v", "%v2"}},
    {"Values", "", {"%k", "%k2"}, {"%v", "%v"}},
    {"RolesSwapped", "", {"%k", "%v"}, {"%v", "%k"}},
    {"KeysAsValues", "", {"%k", "%k"}, {"%v", "%k"}},
    {"OneForAll", "", {"%k", "%k"}, {"%k", "%k"}},
    {"OtherHeads", "", {"%k", "%k"}, {"%v", "%v"}, {2, 4}},
    {"AnInputToo",
     "%far = encdec.linear %k, @v : !e -> !e\n"
     "%near = encdec.linear %k, @k2 : !e -> !e\n",
     {"%k", "%far"},
     {"%v", "%near"}},
    {"OutputsOfOneLinear",
     "%a, %b, %c = encdec.linear %memory, [@k, @v, @k2] : !e -> !e, !e, !e\n",
     {"%c", "%a"},
     {"%a", "%b"}}};

/// A step of two cross-attentions, each on the sum of all before.
std::string textOf(const Sharing &sharing, bool fused) {
  std::string text = R"mlir(
!d = tensor<?x8xf32, #encdec.side<decoder>>
!e = tensor<?x8xf32, #encdec.side<encoder>>
!i = tensor<?xi32>
encdec.weight @t : tensor<11x8xf32> = #encdec.seeded<1, 1.0>
encdec.weight @k : tensor<8x8xf32> = #encdec.seeded<2, 0.9>
encdec.weight @v : tensor<8x8xf32> = #encdec.seeded<3, 0.9>
encdec.weight @k2 : tensor<8x8xf32> = #encdec.seeded<4, 0.9>
encdec.weight @v2 : tensor<8x8xf32> = #encdec.seeded<5, 0.9>
func.func @encode(%t: tensor<?xi32, #encdec.side<encoder>> {encdec.arg = "tokens"},
    %p: !i {encdec.arg = "positions"}, %o: !i {encdec.arg = "offsets"}) -> !e
    attributes {encdec.entry = "encode"} {
  %x = encdec.embed %t at %p, @t {scale = 1.0} : tensor<?xi32, #encdec.side<encoder>> -> !e
  return %x : !e
}
func.func @step(%t: tensor<?xi32, #encdec.side<decoder>> {encdec.arg = "tokens"},
    %p: !i {encdec.arg = "positions"}, %sources: !i {encdec.arg = "sources"},
    %o: !i {encdec.arg = "offsets"}, %bias: tensor<?x11xf32> {encdec.arg = "logit_bias"},
    %row_bias: !i {encdec.arg = "row_bias"}, %top: i64 {encdec.arg = "top_k"},
    %memory: !e {encdec.arg = "memory"})
    -> (tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>)
    attributes {encdec.entry = "step"} {
  %y0 = encdec.embed %t at %p, @t {scale = 1.0} : tensor<?xi32, #encdec.side<decoder>> -> !d
  %k = encdec.linear %memory, @k : !e -> !e
  %v = encdec.linear %memory, @v : !e -> !e
  %k2 = encdec.linear %memory, @k2 : !e -> !e
  %v2 = encdec.linear %memory, @v2 : !e -> !e
)mlir";
  text += sharing.projections;
  const char *plain = R"mlir(
  %s{0} = encdec.scores %y{0}, {2} of %sources in %o {{heads = {4}, scale = 0.5} : !d, !e
  %p{0} = encdec.softmax %s{0} : tensor<{4}x?x?xf32, #encdec.side<decoder>>
  %c{0} = encdec.context %p{0}, {3} of %sources in %o {{heads = {4}} : tensor<{4}x?x?xf32, #encdec.side<decoder>>, !e
  %y{1} = encdec.add %c{0}, %y{0} : !d, !d)mlir";
  const char *whole = R"mlir(
  %c{0} = encdec.cross_attention %y{0}, {2}, {3} of %sources in %o {{heads = {4}, scale = 0.5} : !d, !e, !e
  %y{1} = encdec.add %c{0}, %y{0} : !d, !d)mlir";
  for (int i = 0; i < 2; ++i)
    text += llvm::formatv(false, fused ? whole : plain, i, i + 1,
                          sharing.keys[i], sharing.values[i], sharing.heads[i])
                .str();
  return text + R"mlir(
  %best, %log_probs = encdec.vocabulary %y2, @t biased %bias by %row_bias keep %top : !d, tensor<?x11xf32>
  return %best, %log_probs : tensor<?x?xi32, #encdec.side<decoder>>, tensor<?x?xf32>
})mlir";
}

class HoistShared : public testing::TestWithParam<std::tuple<Sharing, bool>> {};

// The bits stay the same, and kernels and runtime get what they need: each attention's
// keys and values come from one memory, which has its heads and belongs to it alone.
TEST_P(HoistShared, GivesEachAttentionItsMemory) {
  auto [sharing, fused] = GetParam();
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry);
  auto module = parseSourceString<ModuleOp>(textOf(sharing, fused), &context);
  ASSERT_TRUE(module);
  Found before = run(*module);
  PassManager pm(&context);
  pm.addPass(createHoistEncoderPass());
  pm.addPass(createFuseAttentionPass());
  ASSERT_TRUE(succeeded(pm.run(*module)));
  EXPECT_EQ(run(*module), before);

  llvm::SmallSetVector<Value, 2> memories;
  findEntries(*module).step.walk([&](CrossAttentionOp op) {
    auto read = op.getKey().getDefiningOp<MemoryReadOp>();
    ASSERT_TRUE(read);
    EXPECT_EQ(op.getKey(), read.getKey());
    EXPECT_EQ(op.getValue(), read.getValue());
    EXPECT_EQ(op.getOffsets(), read.getOffsets());
    EXPECT_EQ(op.getHeads(), uint64_t(read.getMemory().getType().getHeads()));
    memories.insert(read.getMemory());
  });
  EXPECT_EQ(memories.size(), 2u);
  int projections = 0;
  findEntries(*module).encode.walk([&](MemoryProjectOp) { ++projections; });
  EXPECT_EQ(projections, 2);
}
INSTANTIATE_TEST_SUITE_P(All, HoistShared,
                         testing::Combine(testing::ValuesIn(kSharings),
                                          testing::Bool()),
                         [](const auto &info) {
                           return std::string(std::get<0>(info.param).name) +
                                  (std::get<1>(info.param) ? "Fused" : "Plain");
                         });

} // namespace
