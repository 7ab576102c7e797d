// Whole random models: fused, placed, lowered and run by threads, against the
// reference interpreter on the same (dequantized) weights. The lowest level that this
// machine runs is judged so; the others must give its bits.
#include "ModelRun.h"
#include "compiler/Register.h"
#include "dialect/ReferenceRun.h"
#include "tests/support/RandomModel.h"
#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

/// A format drawn for each matrix and token table.
std::vector<std::string> drawFormats(ModuleOp module, std::mt19937 &random) {
  std::set<std::string> names;
  module.walk([&](WeightUserOpInterface op) {
    op.visitWeights([&](FlatSymbolRefAttr name, WeightRole role) {
      if (role == WeightRole::Matrix || role == WeightRole::Table)
        names.insert(name.getValue().str());
    });
  });
  std::vector<std::string> choices;
  for (const std::string &name : names) {
    ArrayRef<WeightFormat> formats = weightFormats();
    choices.push_back(name + "=" + formats[random() % formats.size()].name.str());
  }
  return choices;
}

class Model : public testing::TestWithParam<ModelSizes> {};

TEST_P(Model, LikeTheReference) {
  const ModelSizes &sizes = GetParam();
  struct Variant {
    const char *type;
    const char *keys;
    double tolerance; // of the largest logit
    bool fuseAll;
    bool mixed = false; // a format drawn for each weight
  };
  // A key or value that lies between two bf16 numbers may be rounded to the other one
  // than the interpreter's: 1 part in 256 of one element.
  for (auto [type, keys, tolerance, fuseAll, mixed] :
       {Variant{"f32", "f32", 1e-5, true},
        Variant{"int8", "f32", 1e-5, true},
        Variant{"bf16", "f32", 1e-5, true},
        Variant{"int8-dynamic", "f32", 1e-5, true},
        Variant{"f32", "f32", 1e-5, true, true},
        Variant{"f32", "f32", 1e-5, false},
        Variant{"f32", "bf16", 5e-4, true},
        Variant{"int8-dynamic", "bf16", 5e-4, true}}) {
    SCOPED_TRACE(sizes.text() + " " + std::string(type) + ", keys " + keys +
                 (fuseAll ? "" : " attention fused only") + (mixed ? " mixed" : ""));
    MLIRContext context(MLIRContext::Threading::DISABLED);
    DialectRegistry registry;
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    OwningOpRef<ModuleOp> plain = randomModel(context, sizes);
    ASSERT_TRUE(plain);
    OwningOpRef<ModuleOp> module = plain->clone();
    std::mt19937 random(sizes.seed);
    std::vector<std::string> formats;
    if (mixed)
      formats = drawFormats(*plain, random);
    // Decomposed, so that logits can be seen; weights stored as the model's
    // are.
    PassManager pm(&context);
    pm.addPass(createHoistEncoderPass());
    pm.addPass(
        createQuantizeWeightsPass({std::string(type), llvm::to_vector(formats)}));
    pm.addPass(createNarrowKeysPass({keys}));
    ASSERT_TRUE(succeeded(pm.run(*plain)));
    PipelineOptions options;
    options.weights = type;
    options.weightsFor = formats;
    options.keys = keys;
    Placed placed(*module, options, fuseAll);
    ASSERT_TRUE(placed.ok);
    std::vector<std::unique_ptr<Compiled>> levels;
    for (llvm::StringRef level : hostLevels()) {
      levels.push_back(std::make_unique<Compiled>(*module, placed, level));
      ASSERT_TRUE(levels.back()->ok) << level.str();
    }
    ASSERT_FALSE(levels.empty()) << "this machine runs none of the levels";
    Compiled &model = *levels.front();

    int64_t sourceIds =
        sizes.sourceVocabulary ? sizes.sourceVocabulary : sizes.vocabulary;
    std::vector<std::vector<int64_t>> sources(3);
    for (auto [b, source] : llvm::enumerate(sources))
      for (size_t i = 0; i < std::vector<size_t>{17, 1, 6}[b]; ++i)
        source.push_back(random() % sourceIds);

    reference::BatchRun judge(*plain);
    reference::Tensor logits;
    judge.interpreter.observer = [&](Operation *op,
                                     ArrayRef<reference::Value> results) {
      if (isa<LinearOp>(op) && isa<TopTokensOp>(*op->user_begin()))
        logits = std::get<reference::Tensor>(results[0]);
    };
    ASSERT_TRUE(succeeded(judge.encode(sources)));

    // The same batch on 1, 2 and 3 workers, and its first row alone on 2.
    std::vector<std::unique_ptr<Batch>> runs;
    for (int64_t workers : {1, 2, 3, 2}) {
      runs.push_back(std::make_unique<Batch>(sources, model));
      runs.back()->encode(model, workers);
    }
    std::vector<std::unique_ptr<Batch>> others; // of each further level
    for (auto &other : llvm::drop_begin(levels)) {
      others.push_back(std::make_unique<Batch>(sources, *other));
      others.back()->encode(*other, 2);
    }
    Batch::Rows rows{{}, {}, {{4}, {0}, {2}, {5}}, {0, 2, 1, 0}};
    int64_t stride = pad16(sizes.vocabulary);
    for (int64_t step = 0; step < 6; ++step) {
      if (step == 4) { // one leaves, one forks: two rows share their past
        rows.ancestors = {{4, 4, 4, 4, 4}, {4, 4, 4, 4, 0}, {2, 2, 2, 2, 2}};
        rows.sources = {0, 0, 1};
      } else if (step > 0) {
        for (std::vector<int64_t> &past : rows.ancestors)
          past.push_back(past.back());
      }
      rows.tokens.clear();
      for (size_t r = 0; r < rows.ancestors.size(); ++r)
        rows.tokens.push_back(random() % sizes.vocabulary);
      rows.positions.assign(rows.ancestors.size(), step);
      reference::Tensor ancestors({int64_t(rows.ancestors.size()), step + 1});
      for (int64_t r = 0; r < ancestors.rows(); ++r)
        for (int64_t p = 0; p <= step; ++p)
          ancestors.at(r, p) = double(rows.ancestors[r][p]);
      auto expected =
          judge.step(rows.tokens, rows.positions, ancestors, rows.sources);
      ASSERT_TRUE(succeeded(expected));
      ASSERT_EQ(logits.rows(), int64_t(rows.tokens.size()));
      double largest = 0;
      for (double l : logits.values)
        largest = std::max(largest, std::abs(l));
      std::vector<float> got = runs[0]->step(model, rows, sizes.vocabulary, 1);
      for (int64_t r = 0; r < logits.rows(); ++r) {
        for (int64_t v = 0; v < sizes.vocabulary; ++v)
          ASSERT_NEAR(got[r * stride + v], logits.at(r, v), tolerance * largest)
              << "step " << step << " row " << r << " token " << v;
        float chosen = got[r * stride + runs[0]->tokensOut[r]];
        // Another token only where the two are as good as equal.
        EXPECT_NEAR(chosen, logits.at(r, expected->tokens[r]), 2 * tolerance * largest);
        EXPECT_NEAR(runs[0]->logProbsOut[r], expected->logProbs[r],
                    tolerance * std::max(largest, -expected->logProbs[r]) * 2);
      }
      for (int64_t workers : {2, 3})
        ASSERT_EQ(bits(runs[workers - 1]
                           ->step(model, rows, sizes.vocabulary, workers)
                           .data(),
                       got.size()),
                  bits(got.data(), got.size()))
            << workers << " workers change the bits at step " << step;
      for (size_t i = 0; i < others.size(); ++i)
        ASSERT_EQ(
            bits(others[i]->step(*levels[i + 1], rows, sizes.vocabulary, 2).data(),
                 got.size()),
            bits(got.data(), got.size()))
            << "level " << hostLevels()[i + 1].str() << " changes the bits";
      Batch::Rows one{{rows.tokens[0]}, {step}, {rows.ancestors[0]}, {0}};
      ASSERT_EQ(
          bits(runs[3]->step(model, one, sizes.vocabulary, 2).data(), stride),
          bits(got.data(), stride))
          << "company changes the bits at step " << step;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Random, Model,
                         testing::ValuesIn(randomSizes(16, 2024)));

} // namespace
