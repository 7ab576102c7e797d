// Whole random models: fused, placed, lowered and run by threads, against the
// reference interpreter on the same (dequantized) weights. The lowest level that this
// machine runs is judged so; the others must give its bits.
#include "Judge.h"
#include "compiler/Register.h"
#include "tests/support/DeriveWeights.h"
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
      if (role == WeightRole::Matrix || role == WeightRole::TokenTable)
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

/// How a model is compiled, and how near the reference its logits must come.
struct Variant {
  const char *type;
  const char *keys;
  double tolerance; // of the largest logit
  bool fuseAll;
  bool mixed = false; // a format drawn for each weight
  bool derived = false; // with derived weights; in f32 judged by the model without them
};

// A key or value that lies between two bf16 numbers may be rounded to the other one
// than the interpreter's: 1 part in 256 of one element. int8-dynamic then rounds rows that
// differ a little, and an element between two whole numbers may again go the other way: 1
// part in 254 of the row's greatest, in each layer. With f32 keys both take the same way.
constexpr Variant variants[] = {
    {"f32", "f32", 1e-5, true},       {"int8", "f32", 1e-5, true},
    {"bf16", "f32", 1e-5, true},      {"int8-dynamic", "f32", 1e-5, true},
    {"f32", "f32", 1e-5, true, true}, {"f32", "f32", 1e-5, false},
    {"f32", "bf16", 5e-4, true},      {"int8-dynamic", "bf16", 2e-2, true}};
constexpr Variant derivedVariants[] = {{"f32", "f32", 1e-5, true, false, true},
                                       {"int8", "f32", 1e-5, true, false, true}};

std::vector<std::vector<int64_t>> drawSources(const ModelSizes &sizes,
                                              std::mt19937 &random) {
  int64_t sourceIds = sizes.sourceVocabulary ? sizes.sourceVocabulary : sizes.vocabulary;
  std::vector<std::vector<int64_t>> sources;
  for (size_t length : {17, 1, 6})
    for (std::vector<int64_t> &source = sources.emplace_back(); source.size() < length;)
      source.push_back(random() % sourceIds);
  return sources;
}

/// The rows of step `step`, from those of the step before it.
void advance(Batch::Rows &rows, int64_t step, int64_t vocabulary, std::mt19937 &random) {
  if (step == 4) { // one leaves, one forks: two rows share their past
    rows.ancestors = {{4, 4, 4, 4, 4}, {4, 4, 4, 4, 0}, {2, 2, 2, 2, 2}};
    rows.sources = {0, 0, 1};
  } else if (step > 0) {
    for (std::vector<int64_t> &past : rows.ancestors)
      past.push_back(past.back());
  }
  rows.tokens.clear();
  for (size_t r = 0; r < rows.ancestors.size(); ++r)
    rows.tokens.push_back(random() % vocabulary);
  rows.positions.assign(rows.ancestors.size(), step);
}

/// Runs one step in both; `got` becomes the logits of `batch`.
void stepLikeTheJudge(Judge &judge, Batch &batch, Compiled &model,
                      const Batch::Rows &rows, int64_t vocabulary, double tolerance,
                      std::vector<float> &got) {
  auto expected = judge.step(rows);
  ASSERT_TRUE(succeeded(expected));
  const reference::Tensor &logits = judge.logits;
  ASSERT_EQ(logits.rows(), int64_t(rows.tokens.size()));
  double largest = 0;
  for (double l : logits.values)
    largest = std::max(largest, std::abs(l));
  int64_t stride = pad16(vocabulary);
  got = batch.step(model, rows, vocabulary, 1);
  for (int64_t r = 0; r < logits.rows(); ++r) {
    for (int64_t v = 0; v < vocabulary; ++v)
      ASSERT_NEAR(got[r * stride + v], logits.at(r, v), tolerance * largest)
          << "row " << r << " token " << v;
    float chosen = got[r * stride + batch.tokensOut[r]];
    // Another token is allowed only where the two logits are nearly equal.
    EXPECT_NEAR(chosen, logits.at(r, expected->tokens[r]), 2 * tolerance * largest);
    EXPECT_NEAR(batch.logProbsOut[r], expected->logProbs[r],
                tolerance * std::max(largest, -expected->logProbs[r]) * 2);
  }
}

/// Runs one batch at every level, with several workers and in company, and expects the
/// bits of the first run everywhere.
class Runs {
public:
  Runs(const std::vector<std::vector<int64_t>> &sources,
       ArrayRef<std::unique_ptr<Compiled>> levels)
      : levels(levels) {
    for (int64_t workers : {1, 2, 3, 2})
      add(sources, *levels.front(), workers, same);
    for (auto &other : levels.drop_front())
      add(sources, *other, 2, others);
  }

  Batch &first() { return *same[0]; }

  /// A step that gave `first` the logits `got`.
  void expectBits(const Batch::Rows &rows, int64_t vocabulary, std::vector<float> &got) {
    Compiled &model = *levels.front();
    for (int64_t workers : {2, 3})
      ASSERT_EQ(bits(same[workers - 1]->step(model, rows, vocabulary, workers).data(),
                     got.size()),
                bits(got.data(), got.size()))
          << workers << " workers change the bits";
    for (size_t i = 0; i < others.size(); ++i)
      ASSERT_EQ(
          bits(others[i]->step(*levels[i + 1], rows, vocabulary, 2).data(), got.size()),
          bits(got.data(), got.size()))
          << "level " << hostLevels()[i + 1].str() << " changes the bits";
    Batch::Rows one{{rows.tokens[0]}, {rows.positions[0]}, {rows.ancestors[0]}, {0}};
    int64_t stride = pad16(vocabulary);
    ASSERT_EQ(bits(same[3]->step(model, one, vocabulary, 2).data(), stride),
              bits(got.data(), stride))
        << "company changes the bits";
  }

private:
  using Batches = std::vector<std::unique_ptr<Batch>>;
  static void add(const std::vector<std::vector<int64_t>> &sources, Compiled &model,
                  int64_t workers, Batches &to) {
    to.push_back(std::make_unique<Batch>(sources, model));
    to.back()->encode(model, workers);
  }
  ArrayRef<std::unique_ptr<Compiled>> levels;
  Batches same;   // on 1, 2 and 3 workers, and its first row alone on 2
  Batches others; // of each further level
};

class Model : public testing::TestWithParam<ModelSizes> {
protected:
  void compare(const Variant &variant);
  void compare(ArrayRef<Variant> variants);
};

void Model::compare(const Variant &variant) {
  const ModelSizes &sizes = GetParam();
  MLIRContext context(MLIRContext::Threading::DISABLED);
  DialectRegistry registry;
  registerEncDecDialects(registry);
  context.appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> plain = randomModel(context, sizes);
  ASSERT_TRUE(plain);
  OwningOpRef<ModuleOp> module = plain->clone();
  if (variant.derived) {
    // Of each encoder layer and each cross-attention.
    int attentions = sizes.encoderLayers + sizes.decoderLayers;
    bool isOneHead = sizes.heads == 1 && sizes.inner() == sizes.width();
    ASSERT_EQ(deriveWeights(*module), isOneHead ? attentions : 0);
    if (variant.type != StringRef("f32"))
      plain = module->clone();
  }
  std::mt19937 random(sizes.seed);
  PipelineOptions options;
  options.weights = variant.type;
  options.keys = variant.keys;
  std::vector<std::string> formats;
  if (variant.mixed)
    formats = drawFormats(*plain, random);
  options.weightsFor = formats;
  ASSERT_TRUE(succeeded(storeLike(*plain, options)));
  Placed placed(*module, options, variant.fuseAll);
  ASSERT_TRUE(placed.ok);
  std::vector<std::unique_ptr<Compiled>> levels;
  for (llvm::StringRef level : hostLevels()) {
    levels.push_back(std::make_unique<Compiled>(*module, placed, level));
    ASSERT_TRUE(levels.back()->ok) << level.str();
  }
  ASSERT_FALSE(levels.empty()) << "this machine runs none of the levels";

  std::vector<std::vector<int64_t>> sources = drawSources(sizes, random);
  Judge judge(*plain);
  ASSERT_TRUE(succeeded(judge.run.encode(sources)));
  Runs runs(sources, levels);
  Batch::Rows rows{{}, {}, {{4}, {0}, {2}, {5}}, {0, 2, 1, 0}};
  for (int64_t step = 0; step < 6; ++step) {
    SCOPED_TRACE("step " + std::to_string(step));
    advance(rows, step, sizes.vocabulary, random);
    std::vector<float> got;
    ASSERT_NO_FATAL_FAILURE(stepLikeTheJudge(judge, runs.first(), *levels.front(), rows,
                                             sizes.vocabulary, variant.tolerance, got));
    ASSERT_NO_FATAL_FAILURE(runs.expectBits(rows, sizes.vocabulary, got));
  }
}

void Model::compare(ArrayRef<Variant> variants) {
  for (const Variant &variant : variants) {
    SCOPED_TRACE(GetParam().text() + " " + std::string(variant.type) + ", keys " +
                 variant.keys + (variant.fuseAll ? "" : " attention fused only") +
                 (variant.mixed ? " mixed" : "") + (variant.derived ? " derived" : ""));
    ASSERT_NO_FATAL_FAILURE(compare(variant));
  }
}

TEST_P(Model, LikeTheReference) { compare(variants); }
INSTANTIATE_TEST_SUITE_P(Random, Model,
                         testing::ValuesIn(randomSizes(12, 2024)));

/// The encoder's output, of a whole model and of its encoder alone: what the interpreter
/// finds, the same bits on any number of workers, and no bit of the memories depends on
/// whether it is asked for.
class EncoderStates : public testing::TestWithParam<ModelSizes> {};
TEST_P(EncoderStates, LikeTheReference) {
  for (int decoderLayers : {GetParam().decoderLayers, 0}) {
    ModelSizes sizes = GetParam();
    sizes.decoderLayers = decoderLayers;
    SCOPED_TRACE(sizes.text());
    MLIRContext context(MLIRContext::Threading::DISABLED);
    DialectRegistry registry;
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    OwningOpRef<ModuleOp> plain = randomModel(context, sizes);
    ASSERT_TRUE(plain);
    OwningOpRef<ModuleOp> module = plain->clone();
    Placed placed(*module, {});
    ASSERT_TRUE(placed.ok);
    std::mt19937 random(sizes.seed);
    std::vector<std::vector<int64_t>> sources = drawSources(sizes, random);
    reference::BatchRun judge(*plain);
    ASSERT_TRUE(succeeded(judge.encode(sources)));
    const reference::Tensor &expected = judge.encoderOutput();
    int64_t stride = pad16(sizes.width());
    std::string first;
    for (llvm::StringRef level : hostLevels()) {
      Compiled compiled(*module, placed, level);
      ASSERT_TRUE(compiled.ok) << level.str();
      for (int64_t workers : {1, 3}) {
        Buffer states(expected.rows() * stride);
        Batch batch(sources, compiled), without(sources, compiled);
        batch.encode(compiled, workers, reinterpret_cast<float *>(states.bytes()));
        without.encode(compiled, workers);
        EXPECT_EQ(std::memcmp(batch.memory.bytes(), without.memory.bytes(),
                              batch.memory.size() * 4),
                  0);
        auto *row = reinterpret_cast<float *>(states.bytes());
        for (int64_t r = 0; r < expected.rows(); ++r, row += stride)
          for (int64_t j = 0; j < stride; ++j)
            ASSERT_NEAR(row[j], j < sizes.width() ? expected.at(r, j) : 0, 2e-5)
                << "row " << r << ", column " << j;
        auto all = bits(reinterpret_cast<float *>(states.bytes()), expected.rows() * stride);
        if (first.empty())
          first = all;
        ASSERT_EQ(all, first) << level.str() << ", " << workers << " workers";
      }
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Random, EncoderStates, testing::ValuesIn(randomSizes(4, 77)));

class DerivedModel : public Model {};
TEST_P(DerivedModel, LikeTheReference) { compare(derivedVariants); }
INSTANTIATE_TEST_SUITE_P(Random, DerivedModel, testing::ValuesIn(randomSizes(4, 2024)));

} // namespace
