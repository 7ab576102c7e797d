// Whole random models: fused, placed, lowered and run by threads, against the
// reference interpreter on the same (dequantized) weights.
#include "KernelCall.h"
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Weights.h"
#include "dialect/ReferenceRun.h"
#include "tests/support/RandomModel.h"
#include "mlir/Pass/PassManager.h"
#include <barrier>
#include <cmath>
#include <gtest/gtest.h>
#include <thread>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

/// A compiled model with its buffers, driven as a runtime would.
class Compiled {
public:
  Compiled(ModuleOp module, WeightType type, bool fuseAll) {
    PassManager place(module.getContext());
    if (fuseAll)
      buildFusePipeline(place);
    else // linear, activation, add, norm and argmax stay single
      place.addPass(createFuseAttentionPass());
    PipelineOptions options;
    options.weights = type;
    buildPlacePipeline(place, options);
    ok = succeeded(place.run(module));
    if (!ok)
      return;
    auto plan = module->getAttrOfType<DictionaryAttr>("encdec.memory_plan");
    for (NamedAttribute entry : plan)
      sizes[entry.getName().str()] = cast<IntegerAttr>(entry.getValue()).getInt();
    weights = Buffer(weightsSectionBytes(module) / 4);
    WeightStore store("");
    for (WeightOp weight : placedWeights(module))
      ok &= succeeded(store.write(
          weight, {weights.bytes(), size_t(weightsSectionBytes(module))}));
    ok &= succeeded(lowerToLLVMDialect(module, "v3"));
    if (ok)
      jit = std::make_unique<KernelJit>(module);
  }

  void run(const char *entry, encdec_abi_context &context, int64_t workers) {
    auto *function = jit->get<void(const encdec_abi_context *, int64_t, int64_t)>(entry);
    context.weights = weights.bytes();
    std::barrier<> barrier(workers);
    context.barrier = workers == 1 ? nullptr : [](void *data, int64_t) {
      static_cast<std::barrier<> *>(data)->arrive_and_wait();
    };
    context.barrier_data = &barrier;
    std::vector<std::thread> team;
    for (int64_t w = 1; w < workers; ++w)
      team.emplace_back([&, w] { function(&context, w, workers); });
    function(&context, 0, workers);
    for (std::thread &thread : team)
      thread.join();
  }

  bool ok = false;
  std::map<std::string, int64_t> sizes;

private:
  Buffer weights;
  std::unique_ptr<KernelJit> jit;
};

constexpr int64_t capacity = 16, slotCount = 6;

/// Logits of every step of one batch.
struct Batch {
  std::vector<int32_t> tokens, offsets{0}, rowSource, positions;
  std::vector<int64_t> memoryOffset;
  Buffer memory, cache;
  int64_t longest = 0;

  Batch(const std::vector<std::vector<int64_t>> &sources, Compiled &model)
      : cache(model.sizes["cache_per_key"] * capacity * slotCount / 4) {
    int64_t keys = 0;
    for (auto [b, source] : llvm::enumerate(sources)) {
      memoryOffset.push_back(keys * model.sizes["memory_per_key"]);
      keys += pad16(source.size());
      longest = std::max<int64_t>(longest, pad16(source.size()));
      for (auto [i, token] : llvm::enumerate(source)) {
        tokens.push_back(int32_t(token));
        rowSource.push_back(int32_t(b));
        positions.push_back(int32_t(i));
      }
      offsets.push_back(int32_t(tokens.size()));
    }
    memory = Buffer(keys * model.sizes["memory_per_key"] / 4);
  }

  encdec_abi_context context(Compiled &model, int64_t workers) {
    int64_t stride = model.sizes["scratch_fixed"] + model.sizes["scratch_per_key"] * longest;
    scratch = Buffer(stride * workers / 4);
    encdec_abi_context c = {};
    c.scratch = scratch.bytes();
    c.scratch_stride = stride;
    c.memory = memory.bytes();
    c.memory_offset = memoryOffset.data();
    c.cache = cache.bytes();
    c.cache_stride = model.sizes["cache_per_key"] * capacity;
    c.cache_capacity = capacity;
    c.sources = int64_t(offsets.size()) - 1;
    c.source_offset = offsets.data();
    return c;
  }

  void encode(Compiled &model, int64_t workers) {
    encdec_abi_context c = context(model, workers);
    int64_t units = 0;
    for (size_t b = 1; b < offsets.size(); ++b)
      units += pad16(offsets[b] - offsets[b - 1]);
    Buffer arena(model.sizes["encode_arena_per_row"] * units / 4);
    c.arena = arena.bytes();
    c.rows = int64_t(tokens.size());
    c.tokens = tokens.data();
    c.positions = positions.data();
    c.row_source = rowSource.data();
    model.run("encdec_encode", c, workers);
  }

  struct Rows {
    std::vector<int64_t> tokens, positions, slots, sources;
  };
  /// [R][pad16(V)]
  std::vector<float> step(Compiled &model, const Rows &rows, int64_t vocabulary,
                          int64_t workers) {
    encdec_abi_context c = context(model, workers);
    int64_t count = int64_t(rows.tokens.size());
    Buffer arena((model.sizes["step_arena_fixed"] +
                  model.sizes["step_arena_per_row"] * count) / 4);
    auto narrow = [](const std::vector<int64_t> &v) {
      return std::vector<int32_t>(v.begin(), v.end());
    };
    auto ids = narrow(rows.tokens), at = narrow(rows.positions),
         slots = narrow(rows.slots), sources = narrow(rows.sources);
    std::vector<int32_t> rowBias(count, 0), token(count);
    std::vector<float> bias(pad16(vocabulary)), logProb(count);
    std::vector<float> logits(count * pad16(vocabulary));
    c.arena = arena.bytes();
    c.rows = count;
    c.tokens = ids.data();
    c.positions = at.data();
    c.row_slot = slots.data();
    c.row_source = sources.data();
    c.logit_bias = bias.data();
    c.row_bias = rowBias.data();
    c.out_token = token.data();
    c.out_log_prob = logProb.data();
    c.out_logits = logits.data();
    model.run("encdec_step", c, workers);
    tokensOut = token;
    logProbsOut = logProb;
    return logits;
  }
  std::vector<int32_t> tokensOut;
  std::vector<float> logProbsOut;

private:
  Buffer scratch;
};

class Model : public testing::TestWithParam<ModelSizes> {};

TEST_P(Model, LikeTheReference) {
  const ModelSizes &sizes = GetParam();
  using Variant = std::pair<WeightType, bool>;
  for (auto [type, fuseAll] : {Variant{WeightType::f32, true},
                               Variant{WeightType::int8, true},
                               Variant{WeightType::f32, false}}) {
    SCOPED_TRACE(sizes.text() + (type == WeightType::int8 ? " int8" : " f32") +
                 (fuseAll ? "" : " attention fused only"));
    MLIRContext context(MLIRContext::Threading::DISABLED);
    DialectRegistry registry;
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    OwningOpRef<ModuleOp> plain = randomModel(context, sizes);
    ASSERT_TRUE(plain);
    OwningOpRef<ModuleOp> module = plain->clone();
    // Decomposed, so that logits can be seen; weights stored as the model's are.
    PassManager pm(&context);
    pm.addPass(createHoistEncoderPass());
    pm.addPass(createQuantizeWeightsPass({type == WeightType::int8 ? "int8" : "f32"}));
    ASSERT_TRUE(succeeded(pm.run(*plain)));
    Compiled model(*module, type, fuseAll);
    ASSERT_TRUE(model.ok);

    std::mt19937 random(sizes.seed);
    int64_t sourceIds = sizes.sourceVocabulary ? sizes.sourceVocabulary
                                               : sizes.vocabulary;
    std::vector<std::vector<int64_t>> sources(3);
    for (auto [b, source] : llvm::enumerate(sources))
      for (size_t i = 0; i < std::vector<size_t>{17, 1, 6}[b]; ++i)
        source.push_back(random() % sourceIds);

    reference::BatchRun judge(*plain);
    reference::Tensor logits;
    judge.interpreter.observer = [&](Operation *op, ArrayRef<reference::Value> results) {
      if (isa<LinearOp>(op) && isa<ArgmaxOp>(*op->user_begin()))
        logits = std::get<reference::Tensor>(results[0]);
    };
    ASSERT_TRUE(succeeded(judge.encode(sources)));

    // The same batch on 1, 2 and 3 workers, and its first row alone on 2.
    std::vector<std::unique_ptr<Batch>> runs;
    for (int64_t workers : {1, 2, 3, 2}) {
      runs.push_back(std::make_unique<Batch>(sources, model));
      runs.back()->encode(model, workers);
    }
    Batch::Rows rows{{}, {}, {4, 0, 2, 5}, {0, 2, 1, 0}};
    int64_t stride = pad16(sizes.vocabulary);
    for (int64_t step = 0; step < 6; ++step) {
      if (step == 4) { // a row leaves, the others move up
        rows.slots = {4, 2, 5};
        rows.sources = {0, 1, 0};
      }
      rows.tokens.clear();
      for (size_t r = 0; r < rows.slots.size(); ++r)
        rows.tokens.push_back(random() % sizes.vocabulary);
      rows.positions.assign(rows.slots.size(), step);
      auto expected =
          judge.step(rows.tokens, rows.positions, rows.slots, rows.sources);
      ASSERT_TRUE(succeeded(expected));
      ASSERT_EQ(logits.rows(), int64_t(rows.tokens.size()));
      double largest = 0;
      for (double l : logits.values)
        largest = std::max(largest, std::abs(l));
      std::vector<float> got = runs[0]->step(model, rows, sizes.vocabulary, 1);
      for (int64_t r = 0; r < logits.rows(); ++r) {
        for (int64_t v = 0; v < sizes.vocabulary; ++v)
          ASSERT_NEAR(got[r * stride + v], logits.at(r, v), 1e-5 * largest)
              << "step " << step << " row " << r << " token " << v;
        float chosen = got[r * stride + runs[0]->tokensOut[r]];
        // Another token only where the two are as good as equal.
        EXPECT_NEAR(chosen, logits.at(r, expected->tokens[r]), 2e-5 * largest);
        EXPECT_NEAR(runs[0]->logProbsOut[r], expected->logProbs[r],
                    1e-5 * std::max(largest, -expected->logProbs[r]) * 2);
      }
      for (int64_t workers : {2, 3})
        ASSERT_EQ(bits(runs[workers - 1]->step(model, rows, sizes.vocabulary, workers).data(),
                       got.size()),
                  bits(got.data(), got.size()))
            << workers << " workers change the bits at step " << step;
      Batch::Rows one{{rows.tokens[0]}, {step}, {4}, {0}};
      ASSERT_EQ(bits(runs[3]->step(model, one, sizes.vocabulary, 2).data(), stride),
                bits(got.data(), stride))
          << "company changes the bits at step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Random, Model, testing::ValuesIn(randomSizes(16, 2024)));

} // namespace
