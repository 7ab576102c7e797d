// A prompt of P tokens in one call gives what P steps of one token give, bit for bit: the
// cache, the logits of each position, and the step behind the prompt.
#include "ModelRun.h"
#include "compiler/Register.h"
#include "tests/support/RandomModel.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

constexpr int64_t kCapacity = 96, kPrompts = 2;

struct Case {
  const char *name;
  ModelSizes sizes;
  PipelineOptions options = {};
  bool fuseAll = true; // or logits and their best tokens are two ops
};

ModelSizes marian(int heads = 4) {
  ModelSizes sizes;
  sizes.heads = heads, sizes.vocabulary = 300, sizes.maxPositions = 128;
  return sizes;
}

ModelSizes t5() {
  ModelSizes sizes;
  sizes.heads = 3, sizes.headSize = 20, sizes.modelWidth = 40, sizes.vocabulary = 300;
  sizes.buckets = 8, sizes.preNorm = sizes.rms = sizes.gated = true;
  sizes.biases = sizes.logitsBias = sizes.scaleEmbedding = sizes.sinusoidal = false;
  return sizes;
}

PipelineOptions stored(const char *weights, const char *keys) {
  PipelineOptions options;
  options.weights = weights, options.keys = keys;
  return options;
}

std::vector<Case> cases() {
  PipelineOptions sketched = stored("f32", "f32"), fast = stored("int8-dynamic", "bf16");
  sketched.sketch = true;
  return {{"marian_f32", marian(), stored("f32", "f32")},
          {"marian_int8_dynamic", marian(), fast},
          {"marian_sketch", marian(), sketched},
          {"marian_unfused", marian(), stored("f32", "f32"), false},
          {"one_head", marian(1), fast},
          {"t5_f32", t5(), stored("f32", "f32")},
          {"t5_int8_dynamic", t5(), fast}};
}
void PrintTo(const Case &of, std::ostream *os) { *os << of.name; }

class Prefill : public testing::TestWithParam<Case> {};

/// Hypothesis h in slot 7 - h, of source h: tokens of all positions.
int64_t tokenAt(int64_t h, int64_t position, int64_t vocabulary) {
  return (position * 31 + h * 17 + 3) % vocabulary;
}

/// The rows of positions [from, from + counts[h]) of each hypothesis h.
Batch::Rows rowsOf(int64_t from, const std::vector<int64_t> &counts, int64_t vocabulary) {
  Batch::Rows rows;
  for (auto [h, count] : llvm::enumerate(counts))
    for (int64_t position = from; position < from + count; ++position) {
      rows.tokens.push_back(tokenAt(h, position, vocabulary));
      rows.positions.push_back(position);
      rows.ancestors.emplace_back(position + 1, 7 - int64_t(h));
      rows.sources.push_back(int64_t(h));
    }
  return rows;
}

/// What is left of a prompt behind `start` steps: each position's logits, the cache, and the
/// logits and tokens of the step behind it.
struct Outcome {
  std::vector<std::string> logits; // of each hypothesis, its positions in order
  std::string cache, next;
  std::vector<int32_t> tokens;
};

void finish(Outcome &outcome, Batch &batch, Compiled &model, Batch::Rows rows,
            int64_t vocabulary, int64_t workers) {
  outcome.cache = bits(batch.cache.data(), int64_t(batch.cache.size()));
  rows.top = 3;
  std::vector<float> logits = batch.step(model, rows, vocabulary, workers);
  outcome.next = bits(logits.data(), int64_t(logits.size())) +
                 bits(batch.logProbsOut.data(), int64_t(batch.logProbsOut.size()));
  outcome.tokens = batch.tokensOut;
}

const std::vector<std::vector<int64_t>> sources = {{1, 5, 9, 2, 33, 4, 5}, {7, 8}};

/// One token a step, and no prompt of one hypothesis beside that of another.
Outcome inSteps(Compiled &model, int64_t start, int64_t count, int64_t vocabulary) {
  Batch batch(sources, model, kCapacity);
  batch.encode(model, 1);
  Outcome outcome{std::vector<std::string>(kPrompts), {}, {}, {}};
  for (int64_t at = 0; at < start + count; ++at) {
    std::vector<float> got =
        batch.step(model, rowsOf(at, {1, 1}, vocabulary), vocabulary, 1);
    for (int64_t h = 0; h < kPrompts && at >= start; ++h)
      outcome.logits[h] += bits(got.data() + h * pad16(vocabulary), vocabulary);
  }
  finish(outcome, batch, model, rowsOf(start + count, {1, 1}, vocabulary), vocabulary, 1);
  return outcome;
}

/// The same in one call, after `start` steps.
Outcome atOnce(Compiled &model, int64_t start, int64_t count, int64_t vocabulary,
               int64_t workers, bool scored, bool inTurns) {
  Batch batch(sources, model, kCapacity);
  batch.inTurns = inTurns;
  batch.encode(model, workers);
  for (int64_t at = 0; at < start; ++at)
    batch.step(model, rowsOf(at, {1, 1}, vocabulary), vocabulary, workers);
  Outcome outcome{std::vector<std::string>(kPrompts), {}, {}, {}};
  Batch::Rows prompt = rowsOf(start, {count, count}, vocabulary);
  prompt.shared = true;
  prompt.top = 0;
  prompt.tokensOnly = !scored;
  std::vector<float> got = batch.step(model, prompt, vocabulary, workers);
  for (int64_t row = 0; row < kPrompts * count && scored; ++row)
    outcome.logits[row / count] += bits(got.data() + row * pad16(vocabulary), vocabulary);
  finish(outcome, batch, model, rowsOf(start + count, {1, 1}, vocabulary), vocabulary, workers);
  return outcome;
}

TEST_P(Prefill, IsItsSteps) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  DialectRegistry registry;
  registerEncDecDialects(registry);
  context.appendDialectRegistry(registry);
  OwningOpRef<ModuleOp> module = randomModel(context, GetParam().sizes);
  ASSERT_TRUE(module);
  Placed placed(*module, GetParam().options, GetParam().fuseAll);
  ASSERT_TRUE(placed.ok);
  ASSERT_FALSE(hostLevels().empty()) << "this machine runs none of the levels";
  Compiled model(*module, placed, hostLevels().back());
  ASSERT_TRUE(model.ok);
  int64_t vocabulary = GetParam().sizes.vocabulary;
  for (int64_t start : {0, 5}) // 5: in mid-block
    for (int64_t count : {1, 2, 15, 16, 17, 33, 64}) {
      Outcome steps = inSteps(model, start, count, vocabulary);
      for (int64_t workers : {1, 2, 3, 5})
        for (bool scored : {false, true})
          for (bool inTurns : {false, true}) {
            SCOPED_TRACE(std::to_string(count) + " tokens from position " +
                         std::to_string(start) + ", " + std::to_string(workers) +
                         " workers" + (inTurns ? " in turns" : "") +
                         (scored ? ", scored" : ""));
            Outcome prefill =
                atOnce(model, start, count, vocabulary, workers, scored, inTurns);
            ASSERT_TRUE(prefill.cache == steps.cache) << "the cache is another one";
            ASSERT_TRUE(prefill.next == steps.next) << "the next step is another one";
            ASSERT_EQ(prefill.tokens, steps.tokens);
            if (scored)
              ASSERT_TRUE(prefill.logits == steps.logits) << "logits are other ones";
          }
    }
}

INSTANTIATE_TEST_SUITE_P(Models, Prefill, testing::ValuesIn(cases()),
                         [](const auto &info) { return std::string(info.param.name); });

} // namespace
