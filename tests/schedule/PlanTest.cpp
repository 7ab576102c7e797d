// The memory plan of a module: what its entries and handles state, as the ABI counts it.
#include "Scheduled.h"
#include "compiler/schedule/Schedule.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace mlir;
using namespace encdec;
using namespace encdec::kernel;
using namespace encdec::test;

namespace {

struct Read {
  FailureOr<MemoryPlan> plan;
  std::string error; // the first
};

Read planOf(MLIRContext &context, const std::string &source) {
  FirstError error(&context);
  Read read{failure(), ""};
  auto module = parseSourceString<ModuleOp>(source, &context);
  if (module)
    read.plan = memoryPlanOf(*module);
  read.error = error.text;
  return read;
}

std::string entry(const std::string &name, const std::string &arguments,
                  const std::string &arena, const std::string &scratch) {
  return "func.func @" + name + "(" + arguments + ") attributes {encdec.entry = \"" + name +
         "\", encdec_kernel.arena = #encdec_kernel.size<" + arena +
         ">, encdec_kernel.scratch = #encdec_kernel.size<" + scratch + ">} { return }\n";
}

std::string handle(const std::string &name, const std::string &type, const std::string &arg,
                   int bytes) {
  return "%" + type + arg + ": !encdec." + type + "<2x16> {encdec.arg = \"" + name + "." + arg +
         "\", encdec_kernel.handle = #encdec_kernel.handle<\"" + type + "\", " +
         std::to_string(bytes) + ">}";
}

TEST(Plan, OfBothEntries) {
  auto context = newContext();
  std::string memories = handle("memory", "memory", "0", 256) + ", " +
                         handle("memory", "memory", "1", 256);
  Read read = planOf(*context,
                     entry("encode", memories, "per_row = 512", "fixed = 64, per_key = 16") +
                         entry("step", handle("cache", "cache", "0", 256) + ", " + memories,
                               "per_row = 256", "per_key = 4, per_row = 128"));
  ASSERT_TRUE(succeeded(read.plan)) << read.error;
  EXPECT_EQ(read.plan->encodeArena, SizeAttr::get(context.get(), 0, 0, 512));
  EXPECT_EQ(read.plan->stepArena, SizeAttr::get(context.get(), 0, 0, 256));
  EXPECT_EQ(read.plan->scratch, SizeAttr::get(context.get(), 64, 16, 128));
  EXPECT_EQ(read.plan->memoryPerKey, 512);
  EXPECT_EQ(read.plan->cachePerKey, 256);
}

// A model that is an encoder alone keeps nothing for a step.
TEST(Plan, OfEncodeAlone) {
  auto context = newContext();
  Read read = planOf(*context, entry("encode", "", "per_row = 512", "fixed = 64"));
  ASSERT_TRUE(succeeded(read.plan)) << read.error;
  EXPECT_EQ(read.plan->encodeArena, SizeAttr::get(context.get(), 0, 0, 512));
  EXPECT_EQ(read.plan->stepArena, SizeAttr::get(context.get(), 0, 0, 0));
  EXPECT_EQ(read.plan->scratch, SizeAttr::get(context.get(), 64, 0, 0));
  EXPECT_EQ(read.plan->memoryPerKey, 0);
  EXPECT_EQ(read.plan->cachePerKey, 0);
}

// The ABI counts scratch by the step's rows; what encode needs must not depend on its own.
TEST(Plan, ScratchOfEncodeDependsOnNoRows) {
  auto context = newContext();
  EXPECT_NE(planOf(*context, entry("encode", "", "", "per_row = 64"))
                .error.find("schedule [encode-scratch]: expected scratch that does not depend"),
            std::string::npos);
}

TEST(Plan, NeedsPlanMemory) {
  auto context = newContext();
  EXPECT_NE(planOf(*context, "func.func @step() attributes {encdec.entry = \"step\"} { return }")
                .error.find("run encdec-plan-memory"),
            std::string::npos);
}

} // namespace
