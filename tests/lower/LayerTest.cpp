// What each layer of every family costs in exactness. A golden checkpoint of the family is
// cut after its first layer, its second, and so on, compiled with each type of weights and
// forced along the reference's tokens. The encoder's states and the logits must be what the
// reference interpreter finds in float64 on the values that the type keeps of the weights.
// The differences are printed; a layer's share is what they grow by with it.
#include "Judge.h"
#include "compiler/import/Import.h"
#include "tests/support/Goldens.h"
#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;
using nlohmann::json;
using reference::Tensor;

namespace {

constexpr int64_t mostSteps = 8;

/// The layer that a weight belongs to: 1 for "encoder.l1.ffn.up.w".
std::optional<int64_t> layerOf(StringRef weight) {
  auto [side, rest] = weight.split('.');
  int64_t layer;
  if (!rest.consume_front("l") || rest.split('.').first.getAsInteger(10, layer))
    return std::nullopt;
  return layer;
}

/// The rows that enter each layer of a decomposed function, then those that leave the last.
std::vector<Value> streamOf(func::FuncOp function) {
  std::vector<Value> stream;
  Operation *last = nullptr;
  for (Operation &op : function.front()) {
    if (!isa<LinearOp, NormOp>(op))
      continue;
    cast<WeightUserOpInterface>(op).visitWeights([&](FlatSymbolRefAttr name, WeightRole) {
      std::optional<int64_t> layer = layerOf(name.getValue());
      if (!layer)
        return;
      last = &op;
      if (*layer == int64_t(stream.size()))
        stream.push_back(op.getOperand(0));
    });
  }
  if (!last)
    return stream;
  // A layer ends with a norm, or, where norms stand before, with a sum.
  Operation *user = *last->user_begin();
  stream.push_back(last->hasOneUse() && isa<AddOp>(user) ? user->getResult(0)
                                                         : last->getResult(0));
  return stream;
}

/// Leaves the first `layers` layers of a side, or all where it has no more; returns how many
/// there were.
int64_t keepLayers(func::FuncOp function, int64_t layers) {
  std::vector<Value> stream = streamOf(function);
  int64_t count = int64_t(stream.size()) - 1;
  if (layers >= count)
    return count;
  Operation *first = stream[layers].getDefiningOp()->getNextNode(),
            *end = stream[count].getDefiningOp()->getNextNode();
  stream[count].replaceAllUsesWith(stream[layers]);
  bool isOfLayers = true; // that go; before them, biases that only they read
  for (Operation *op = end->getPrevNode(), *before; op; op = before) {
    before = op->getPrevNode();
    bool isFirst = op == first;
    if (op->use_empty() && (isOfLayers || isa<RelativeBiasOp>(op)))
      op->erase();
    isOfLayers &= !isFirst;
  }
  for (unsigned i = function.getNumArguments(); i-- > 0;)
    if (isa<CacheType>(function.getArgument(i).getType()) &&
        function.getArgument(i).use_empty())
      (void)function.eraseArgument(i);
  return count;
}

/// The same for both sides; returns how many layers the deeper one had.
int64_t keepLayers(ModuleOp module, int64_t layers) {
  int64_t deepest = 0;
  for (StringRef name : {"encode", "step"})
    deepest =
        std::max(deepest, keepLayers(module.lookupSymbol<func::FuncOp>(name), layers));
  return deepest;
}

/// Types of weights and keys, how near the interpreter rows must come, and how many may
/// differ by a rounding of 8 bits instead.
struct Type {
  const char *weights, *keys;
  double tolerance; // of the largest number
  double rounded;   // share of the rows
};

// A key or value between two bf16 numbers may be rounded to the other one than the
// interpreter's: 1 part in 256 of one element. An activation on the edge of 8 bits may
// get the other code; its row, and later ones that read its keys, then differ by as much.
constexpr double rounding = 1e-2;
constexpr Type types[] = {
    {"f32", "f32", 1e-5, 0},   {"bf16", "f32", 1e-5, 0},
    {"int8", "f32", 1e-5, 0},  {"int8-dynamic", "f32", 1e-5, 0.25},
    {"int8", "bf16", 1e-3, 0}, {"int8-dynamic", "bf16", 1e-3, 0.25}};

/// The differences of rows from the interpreter's, relative to the largest number of them.
struct Errors {
  double tolerance;
  int64_t rows = 0, beyond = 0; // all; those beyond `tolerance`
  double within = 0, worst = 0; // the largest up to `tolerance`; of all

  /// `got` are rows of whole lanes.
  void add(const float *got, const Tensor &expected) {
    int64_t width = expected.width();
    double largest = 0;
    for (double value : expected.values)
      largest = std::max(largest, std::abs(value));
    for (int64_t r = 0; r < expected.rows(); ++r, got += pad16(width)) {
      double error = 0;
      for (int64_t j = 0; j < width; ++j) {
        double difference = std::abs(got[j] - expected.at(r, j)) / largest;
        error = std::max(error, std::isnan(difference) ? INFINITY : difference);
      }
      ++rows;
      beyond += error > tolerance;
      worst = std::max(worst, error);
      if (error <= tolerance)
        within = std::max(within, error);
    }
  }
};

void expectNear(const Errors &errors, const Type &type, const char *what) {
  std::cout << ", " << what << " " << errors.within;
  if (errors.beyond)
    std::cout << " but for " << errors.beyond << " of " << errors.rows << ", "
              << errors.worst;
  EXPECT_GT(errors.rows, 0) << what;
  EXPECT_LE(double(errors.beyond), type.rounded * double(errors.rows)) << what;
  EXPECT_LE(errors.worst, type.rounded > 0 ? rounding : errors.tolerance) << what;
}

/// The sources of a golden model's cases, and what the reference generated for each.
struct Forced {
  explicit Forced(const json &model) {
    for (const json &example : model["cases"]) {
      sources.push_back(example["source"]);
      targets.push_back(example["ids"]);
    }
  }
  /// Makes `rows` those of `step`: one for each target that has such a token. False, where
  /// none has.
  bool advance(Batch::Rows &rows, int64_t step, int64_t start) const {
    rows = {};
    for (auto [b, target] : llvm::enumerate(targets)) {
      if (int64_t(target.size()) < step + 1)
        continue;
      rows.tokens.push_back(step ? target[step - 1] : start);
      rows.positions.push_back(step);
      rows.ancestors.emplace_back(step + 1, int64_t(b));
      rows.sources.push_back(int64_t(b));
    }
    return !rows.tokens.empty();
  }
  std::vector<std::vector<int64_t>> sources, targets;
};

/// The plain model of each family and, where there is one, that with gates.
std::vector<Golden> plainAndGated() {
  std::vector<Golden> all = goldens();
  std::erase_if(all, [](const Golden &golden) {
    return golden.name() != "plain" && golden.name() != "gated-gelu";
  });
  return all;
}

class Layers : public testing::TestWithParam<Golden> {
protected:
  void SetUp() override {
    folder = GetParam().folder();
    ImportReport report;
    module = importCheckpoint(context, folder, {}, report);
    ASSERT_TRUE(module) << report.status.message();
  }
  void compare(const Type &type, int64_t layers, Errors &states, Errors &logits);

  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  std::string folder;
};

void Layers::compare(const Type &type, int64_t layers, Errors &states, Errors &logits) {
  OwningOpRef<ModuleOp> plain = module->clone();
  keepLayers(*plain, layers);
  ASSERT_LE(keepLayers(*plain, INT64_MAX), layers);
  OwningOpRef<ModuleOp> compiled = plain->clone();
  PipelineOptions options;
  options.weights = type.weights;
  options.keys = type.keys;
  ASSERT_TRUE(succeeded(storeLike(*plain, options)));
  Placed placed(
      *compiled, options, [](OpPassManager &pm) { buildFusePipeline(pm); }, folder);
  Compiled code(*compiled, placed, hostLevels().front(), llvm::CodeGenOptLevel::None);
  ASSERT_TRUE(code.ok);

  WeightStore store(folder);
  Judge judge(*plain, [&](WeightOp weight) { return store.stored(weight); });
  Forced forced(GetParam().model);
  ASSERT_TRUE(succeeded(judge.run.encode(forced.sources)));
  const Tensor &encoded = judge.run.encoderOutput();
  Buffer rowsOut(encoded.rows() * pad16(encoded.width()));
  Batch batch(forced.sources, code);
  batch.encode(code, 2, reinterpret_cast<float *>(rowsOut.bytes()));
  states.add(reinterpret_cast<float *>(rowsOut.bytes()), encoded);

  auto config = (*module)->getAttrOfType<DictionaryAttr>("encdec.model");
  auto generation = (*module)->getAttrOfType<DictionaryAttr>("encdec.generation");
  int64_t vocabulary = config.getAs<IntegerAttr>("vocab_size").getInt(),
          start = generation.getAs<IntegerAttr>("decoder_start_token_id").getInt();
  Batch::Rows rows;
  for (int64_t step = 0; step < mostSteps && forced.advance(rows, step, start); ++step) {
    ASSERT_TRUE(succeeded(judge.step(rows)));
    std::vector<float> got = batch.step(code, rows, vocabulary, 2);
    logits.add(got.data(), judge.logits);
  }
}

TEST_P(Layers, LikeTheInterpreterOnDecodedWeights) {
  OwningOpRef<ModuleOp> whole = module->clone();
  int64_t deepest = keepLayers(*whole, INT64_MAX);
  ASSERT_GE(deepest, 2);
  for (const Type &type : types) {
    // The whole model suffices for rounded keys: each layer rounds in the same way.
    bool isWhole = type.keys != StringRef("f32");
    for (int64_t layers = isWhole ? deepest : 1; layers <= deepest; ++layers) {
      std::string what = std::string(type.weights) + ", keys " + type.keys + ", layers " +
                         std::to_string(layers);
      SCOPED_TRACE(what);
      Errors states{type.tolerance}, logits{type.tolerance};
      ASSERT_NO_FATAL_FAILURE(compare(type, layers, states, logits));
      std::cout << what;
      expectNear(states, type, "states");
      expectNear(logits, type, "logits");
      std::cout << "\n";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Goldens, Layers, testing::ValuesIn(plainAndGated()),
                         [](const testing::TestParamInfo<Golden> &info) {
                           std::string name = info.param.family + "_" + info.param.name();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(LayerGoldens, AreOfEveryFamily) {
  std::set<std::string> families;
  for (const Golden &golden : plainAndGated())
    families.insert(golden.family);
  EXPECT_EQ(families.size(), std::size({ENCDEC_FAMILIES}));
}

} // namespace
