// Calls from elsewhere: whatever the dictionary of a call lacks or has of another type, and
// whatever slot of weights is missing, lowering reports it and goes no further.
#include "Scheduled.h"
#include "compiler/lower/Lowering.h"
#include "compiler/schedule/Schedule.h"
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace encdec;
using namespace encdec::kernel;
using namespace encdec::test;

namespace {

/// What lowering says of `module`: its first error, or nothing.
std::string errorOf(ModuleOp module) {
  FirstError error(module.getContext());
  bool lowered = succeeded(lowerToLLVMDialect(module, "v3"));
  EXPECT_EQ(lowered, error.text.empty()) << error.text;
  return error.text;
}

/// Call `number` of a copy of `module`.
CallOp callOf(ModuleOp module, size_t number) {
  std::vector<CallOp> calls;
  module.walk([&](CallOp call) { calls.push_back(call); });
  return calls[number];
}

class Config : public testing::TestWithParam<Variant> {};

TEST_P(Config, IsNotBelieved) {
  Scheduled scheduled(GetParam());
  ASSERT_TRUE(scheduled.module);
  ModuleOp module = *scheduled.module;
  std::vector<CallOp> calls;
  module.walk([&](CallOp call) { calls.push_back(call); });
  Builder builder(module.getContext());
  std::set<std::string> seen;
  for (size_t number = 0; number < calls.size(); ++number) {
    CallOp call = calls[number];
    if (!seen.insert(call.getKernel().str()).second)
      continue;
    for (NamedAttribute entry : call.getConfig())
      for (Attribute wrong :
           {Attribute(), Attribute(builder.getI64IntegerAttr(-1)),
            Attribute(builder.getStringAttr("wide"))}) {
        // A body without activation or gate, for f32 keys, or of one direction is one too.
        bool isOptional = llvm::is_contained({"activation", "gated", "keys", "bidirectional"},
                                             entry.getName().str());
        if (!wrong && isOptional && call.getKernel() != "activation")
          continue;
        SCOPED_TRACE(call.getKernel().str() + " " + entry.getName().str());
        OwningOpRef<ModuleOp> copy = module.clone();
        CallOp changed = callOf(*copy, number);
        NamedAttrList config(changed.getConfig());
        wrong ? void(config.set(entry.getName(), wrong)) : void(config.erase(entry.getName()));
        changed.setConfigAttr(config.getDictionary(module.getContext()));
        EXPECT_NE(errorOf(*copy).find("not lowerable [config]"), std::string::npos);
      }
    if (weightsOf(call).empty())
      continue;
    SCOPED_TRACE(call.getKernel().str() + " without weights");
    OwningOpRef<ModuleOp> copy = module.clone();
    callOf(*copy, number).setWeightsAttr(builder.getArrayAttr({}));
    EXPECT_NE(errorOf(*copy).find("not lowerable [config]"), std::string::npos);
  }
  EXPECT_GE(seen.size(), 9u);
}

ModelSizes sizes() {
  ModelSizes sizes;
  sizes.heads = 2, sizes.headSize = 8, sizes.vocabulary = 40;
  return sizes;
}

ModelSizes likeT5() {
  ModelSizes like = sizes();
  like.preNorm = like.rms = like.gated = true, like.betas = false, like.buckets = 8;
  return like;
}

INSTANTIATE_TEST_SUITE_P(Variants, Config,
                         testing::Values(Variant{.sizes = sizes(), .weights = "int8-dynamic"},
                                         Variant{.sizes = sizes(), .sketch = true},
                                         Variant{.sizes = sizes(), .fuseAll = false},
                                         Variant{.sizes = likeT5()},
                                         Variant{.sizes = likeT5(), .groups = "all"}));

} // namespace
