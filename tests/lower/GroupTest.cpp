// Groups change no bit: a model with groups made at random gives the bits of the one without
// them, whatever the range of rows, the workers and the format.
#include "ModelRun.h"
#include "compiler/Register.h"
#include "compiler/emit/Object.h"
#include "compiler/import/Import.h"
#include "tests/support/RandomGroups.h"
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

constexpr int64_t kVocabulary = 6002; // of the example model

/// The example model as it was imported, and fused and grouped at random.
struct Example {
  Example(MLIRContext &context, const std::string &weights, uint64_t seed) {
    ImportReport report;
    module = importCheckpoint(context, ENCDEC_EXAMPLE_MODEL, {}, report);
    EXPECT_TRUE(module) << report.status.message();
    PassManager fuse(&context);
    buildFusePipeline(fuse);
    EXPECT_TRUE(succeeded(fuse.run(*module)));
    std::mt19937_64 random(seed);
    if (seed)
      groups = groupAtRandom(*module, int(4 + random() % 40), random);
    PipelineOptions options;
    options.weights = weights;
    placed = std::make_unique<Placed>(*module, options, [&](OpPassManager &) {},
                                      ENCDEC_EXAMPLE_MODEL);
    EXPECT_TRUE(placed->ok);
    for (func::FuncOp entry : kernel::entriesOf(*module))
      calls[kernel::rowsFrom(entry) ? rangeOf(entry) : 0] +=
          int64_t(llvm::range_size(entry.getBody().getOps<kernel::CallOp>()));
    compiled = std::make_unique<Compiled>(*module, *placed, hostObjectTarget()->name,
                                          llvm::CodeGenOptLevel::None);
    EXPECT_TRUE(compiled->ok);
  }
  static int rangeOf(func::FuncOp entry) { return kernel::rowsFrom(entry).getPerWorker() ? 2 : 1; }

  OwningOpRef<ModuleOp> module;
  std::unique_ptr<Placed> placed;
  std::unique_ptr<Compiled> compiled;
  int groups = 0;
  std::array<int64_t, 3> calls = {}; // of both entries: few rows, some, many
};

std::vector<std::vector<int64_t>> sourcesOf(std::initializer_list<size_t> lengths) {
  std::mt19937 random(5);
  std::vector<std::vector<int64_t>> sources;
  for (size_t length : lengths)
    for (std::vector<int64_t> &source = sources.emplace_back(); source.size() < length;)
      source.push_back(int64_t(random() % kVocabulary));
  return sources;
}

/// Bits of the memory after encode, and of the logits of two steps of `rows` rows.
std::string bitsOf(Compiled &model, const std::vector<std::vector<int64_t>> &sources,
                   int64_t rows, int64_t workers) {
  Batch batch(sources, model);
  batch.inTurns = true;
  batch.encode(model, workers);
  std::string all(reinterpret_cast<const char *>(batch.memory.bytes()), batch.memory.size() * 4);
  Batch::Rows step;
  for (int64_t row = 0; row < rows; ++row) {
    step.tokens.push_back((row * 37 + 5) % kVocabulary);
    step.positions.push_back(0);
    step.ancestors.push_back({row});
    step.sources.push_back(row * int64_t(sources.size()) / rows);
  }
  for (int64_t position : {0, 1}) {
    step.positions.assign(size_t(rows), position);
    std::vector<float> logits = batch.step(model, step, kVocabulary, workers);
    all.append(reinterpret_cast<const char *>(logits.data()), logits.size() * 4);
    for (std::vector<int64_t> &past : step.ancestors)
      past.push_back(past.back());
  }
  return all;
}

TEST(Groups, KeepTheBitsOfTheExample) {
  if (!hostObjectTarget())
    GTEST_SKIP() << "this machine runs none of the levels";
  DialectRegistry registry;
  registerEncDecDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  struct Run {
    std::vector<std::vector<int64_t>> sources;
    int64_t rows, workers;
  };
  // Few rows, some and many, of encode and of step.
  const Run runs[] = {{sourcesOf({3}), 1, 2},       {sourcesOf({4}), 4, 3},
                      {sourcesOf({9, 3}), 7, 2},    {sourcesOf({17, 30, 2}), 33, 2},
                      {sourcesOf({13, 12}), 17, 1}, {sourcesOf({40, 23, 1}), 48, 3}};
  int saved = 0, made = 0, models = 0;
  for (const char *weights : {"f32", "int8-dynamic", "int8"}) {
    Example plain(context, weights, 0);
    std::vector<std::string> expected;
    for (const Run &run : runs)
      expected.push_back(bitsOf(*plain.compiled, run.sources, run.rows, run.workers));
    for (uint64_t seed = 1; seed <= 10; ++seed, ++models) {
      SCOPED_TRACE(std::string(weights) + ", seed " + std::to_string(seed));
      Example grouped(context, weights, seed);
      made += grouped.groups;
      bool isLess = false;
      for (int64_t calls : grouped.calls)
        isLess |= calls && calls < plain.calls[0];
      saved += isLess;
      for (size_t i = 0; i < std::size(runs); ++i)
        ASSERT_TRUE(bitsOf(*grouped.compiled, runs[i].sources, runs[i].rows,
                           runs[i].workers) == expected[i])
            << "run " << i << " has other bits";
    }
  }
  std::cout << models << " models with " << made << " groups; " << saved << " have fewer calls\n";
  EXPECT_GE(saved, 20);
}

} // namespace
