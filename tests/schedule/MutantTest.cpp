// Schedules of models and of random calls, changed at random: whatever a simulator finds
// racing or reading another value, encdec-verify-schedule refuses. ENCDEC_MUTANTS says how
// many of each.
#include "Mutate.h"
#include "RandomSchedule.h"
#include "Scheduled.h"
#include "Simulator.h"
#include "compiler/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FormatVariadic.h"
#include <cstdlib>
#include <gtest/gtest.h>
#include <iostream>

using namespace mlir;
using namespace encdec;
using namespace encdec::test;

namespace {

/// How many mutants.
int count() {
  const char *wanted = std::getenv("ENCDEC_MUTANTS");
  return wanted ? std::atoi(wanted) : 4000;
}

/// What refuses `module`: the first error, or nothing.
std::string refusal(ModuleOp module) {
  FirstError error(module.getContext());
  PassManager pm(module.getContext());
  pm.addPass(createVerifySchedulePass());
  bool accepted = succeeded(verify(module)) && succeeded(pm.run(module));
  EXPECT_EQ(accepted, error.text.empty()) << error.text;
  return error.text;
}

/// Sizes of calls that make races and overlaps show: from no work for most workers to
/// shares of several rows; and rows that fill the places of their values to the end.
std::vector<Setting> settings(std::mt19937_64 &random) {
  auto below = [&](int64_t count) { return int64_t(random() % uint64_t(count)); };
  std::vector<Setting> all;
  for (auto [rows, workers] : std::initializer_list<std::pair<int64_t, int64_t>>{
           {17, 3}, {4, 8}, {1, 2}, {97, 5}, {1 + below(97), 1 + below(8)}}) {
    Setting setting;
    setting.workers = workers;
    setting.keys = 16 * (1 + below(8));
    setting.sharedSlots = below(2);
    while (setting.rows() < rows)
      setting.sources.push_back(1 + below(rows - setting.rows()));
    all.push_back(setting);
  }
  all.push_back({.sources = {32, 16}, .keys = 48, .workers = 3, .sharedSlots = true});
  return all;
}

/// The first fault of any entry in any setting.
std::string simulate(ModuleOp module, std::mt19937_64 &random) {
  for (func::FuncOp entry : kernel::entriesOf(module)) {
    Simulator simulator(entry);
    for (const Setting &setting : settings(random))
      if (std::string fault = simulator.run(setting); !fault.empty())
        return fault;
  }
  return {};
}

std::vector<Variant> variants() {
  std::vector<Variant> all;
  for (const ModelSizes &sizes : modelSizes(3, 7))
    llvm::append_range(all, variantsOf(sizes));
  return all;
}

TEST(Mutants, ModelsRun) {
  std::mt19937_64 random(1);
  for (const Variant &variant : variants()) {
    SCOPED_TRACE(variant.text());
    Scheduled scheduled(variant);
    ASSERT_TRUE(scheduled.module);
    EXPECT_EQ(refusal(*scheduled.module), "");
    EXPECT_EQ(simulate(*scheduled.module, random), "");
  }
}

/// Random calls with barriers and places.
OwningOpRef<ModuleOp> randomSchedule(MLIRContext &context, uint64_t seed) {
  OwningOpRef<ModuleOp> module = randomCalls(context, seed);
  PassManager pm(&context);
  pm.addPass(createInsertBarriersPass());
  pm.addPass(createPlanMemoryPass());
  EXPECT_TRUE(succeeded(verify(*module)) && succeeded(pm.run(*module))) << seed;
  return module;
}

TEST(Mutants, RandomCallsRun) {
  std::unique_ptr<MLIRContext> context = newContext();
  for (uint64_t seed = 0; seed < uint64_t(count()) / 4; ++seed) {
    std::mt19937_64 random(seed);
    OwningOpRef<ModuleOp> module = randomSchedule(*context, seed);
    ASSERT_EQ(refusal(*module), "") << seed;
    ASSERT_EQ(simulate(*module, random), "") << seed;
  }
}

/// How proof and simulator judge mutants.
class Court {
public:
  void judge(ModuleOp module, uint64_t seed) {
    std::mt19937_64 random(seed);
    OwningOpRef<ModuleOp> mutant = module.clone();
    SmallVector<func::FuncOp> entries = kernel::entriesOf(*mutant);
    func::FuncOp entry = entries[random() % entries.size()];
    auto any = [&] { return kMutations[random() % std::size(kMutations)]; };
    Mutation kind = any();
    std::string what = mutate(entry, kind, random);
    if (random() % 4 == 0) // two at once, now and then
      what += "; " + mutate(entry, any(), random);
    std::string refused = refusal(*mutant), fault = simulate(*mutant, random);
    EXPECT_FALSE(refused.empty() && !fault.empty())
        << "accepted: seed " << seed << ", " << kernel::entryName(entry).str() << ", " << what
        << "\nbut " << fault;
    Tally &tally = tallies[int(kind)];
    ++(fault.empty() ? tally.harmless : tally.faulty);
    tally.refusedHarmless += fault.empty() && !refused.empty();
  }

  ~Court() {
    int harmless = 0, refused = 0;
    for (auto [kind, tally] : llvm::zip(kMutations, tallies)) {
      std::cout << llvm::formatv(
                       "{0,-8} {1,6} faulty, {2,6} harmless, {3,4} of these refused\n",
                       nameOf(kind), tally.faulty, tally.harmless, tally.refusedHarmless)
                       .str();
      harmless += tally.harmless, refused += tally.refusedHarmless;
    }
    std::cout << llvm::formatv("refused though harmless: {0:f2} %\n",
                               100.0 * refused / std::max(1, harmless))
                     .str();
  }

private:
  struct Tally {
    int faulty = 0, harmless = 0, refusedHarmless = 0;
  };
  Tally tallies[std::size(kMutations)];
};

TEST(Mutants, OfModels) {
  Court court;
  std::vector<Variant> all = variants();
  for (auto [v, variant] : llvm::enumerate(all)) {
    SCOPED_TRACE(variant.text());
    Scheduled scheduled(variant);
    ASSERT_TRUE(scheduled.module);
    for (int i = 0; i < count() / int(all.size()); ++i)
      court.judge(*scheduled.module, v * 1000000 + i);
  }
}

// A real model's entries have hundreds of rows' worth of cells: fewer mutants.
TEST(Mutants, OfTheExampleModel) {
  Court court;
  uint64_t seed = 0;
  for (const char *weights : {"f32", "bf16", "int8", "int8-dynamic"}) {
    SCOPED_TRACE(weights);
    Scheduled scheduled({.sizes = {}, .weights = weights, .checkpoint = ENCDEC_EXAMPLE_MODEL});
    ASSERT_TRUE(scheduled.module);
    std::mt19937_64 random(1);
    EXPECT_EQ(refusal(*scheduled.module), "");
    EXPECT_EQ(simulate(*scheduled.module, random), "");
    for (int i = 0; i < count() / 40; ++i)
      court.judge(*scheduled.module, ++seed);
  }
}

TEST(Mutants, OfRandomCalls) {
  Court court;
  std::unique_ptr<MLIRContext> context = newContext();
  for (uint64_t seed = 0; seed < uint64_t(count()); ++seed)
    court.judge(*randomSchedule(*context, seed / 8), seed);
}

} // namespace
