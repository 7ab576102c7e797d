// Segments: there is one more than there are barriers, in order, and together they read
// and multiply the whole model.
#include "compiler/Passes.h"
#include "compiler/Pipelines.h"
#include "compiler/Register.h"
#include "compiler/lower/Lowering.h"
#include "compiler/place/Layout.h"
#include "tests/support/RandomModel.h"
#include "mlir/Pass/PassManager.h"
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace encdec;

namespace {

/// A random model, placed; then lowered to calls of kernels.
struct Lowered {
  /// `groups` as in PipelineOptions, or "unfused": attention alone is.
  Lowered(const test::ModelSizes &sizes, const char *type, StringRef groups = "none") {
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    module = test::randomModel(context, sizes);
    PassManager place(&context), lower(&context);
    PipelineOptions options;
    options.weights = type;
    options.groups = groups == "unfused" ? "none" : groups.str();
    if (groups != "unfused")
      buildFusePipeline(place, options);
    else
      place.addPass(createFuseAttentionPass());
    buildPlacePipeline(place, options);
    EXPECT_TRUE(succeeded(place.run(*module)));
    stepBytes = stepWeightBytes(findEntries(*module).step);
    for (WeightOp weight : placedWeights(*module))
      if (weight.getTensorType().getRank() == 2)
        elements[weight.getSymName().str()] =
            weight.getTensorType().getNumElements();
    buildSchedulePipeline(lower, options);
    lower.addPass(createLowerPass());
    EXPECT_TRUE(succeeded(lower.run(*module)));
  }

  std::vector<DictionaryAttr> segments(StringRef entry) {
    auto all = (*module)->getAttrOfType<DictionaryAttr>(kSegmentsAttr);
    std::vector<DictionaryAttr> list;
    for (auto segment : all.getAs<ArrayAttr>(entry).getAsRange<DictionaryAttr>())
      list.push_back(segment);
    return list;
  }
  size_t barriers(StringRef symbol) {
    size_t count = 0;
    module->lookupSymbol(symbol)->walk([&](func::CallOp call) {
      count += call.getCallee() == "barrier";
    });
    return count;
  }

  DialectRegistry registry;
  MLIRContext context{MLIRContext::Threading::DISABLED};
  OwningOpRef<ModuleOp> module;
  int64_t stepBytes = 0;
  std::map<std::string, int64_t> elements; // of each matrix and table
};

int64_t number(DictionaryAttr segment, StringRef key) {
  auto value = segment.getAs<IntegerAttr>(key);
  return value ? value.getInt() : -1;
}

std::string text(DictionaryAttr segment) {
  auto string = [&](StringRef key) {
    auto value = segment.getAs<StringAttr>(key);
    return value ? value.getValue().str() : std::string("-");
  };
  std::string keys;
  for (auto read : segment.getAs<ArrayAttr>("keys").getAsRange<DictionaryAttr>())
    keys += " " + read.getAs<StringAttr>("from").str();
  return string("side") + " " + std::to_string(number(segment, "layer")) + " " +
         string("ops") + keys;
}

class Segments : public testing::TestWithParam<test::ModelSizes> {};

TEST_P(Segments, AddUpToTheStep) {
  for (const char *type : {"f32", "bf16", "int8", "int8-dynamic"})
    for (const char *groups : {"none", "all", "unfused"}) {
      SCOPED_TRACE(GetParam().text() + " " + std::string(type) + " groups " + groups);
      Lowered model(GetParam(), type, groups);
      int64_t expected = 0;
      using Range = std::pair<int64_t, int64_t>; // least rows, of all and of a worker
      std::map<Range, int64_t> bytes, madds;
      std::set<Range> ranges; // of encode
      auto rangeOf = [](DictionaryAttr segment) {
        return Range{number(segment, "least_rows"), number(segment, "worker_rows")};
      };
      for (DictionaryAttr segment : model.segments("step")) {
        bytes[rangeOf(segment)] += number(segment, "weight_bytes");
        madds[rangeOf(segment)] += number(segment, "row_madds");
      }
      for (DictionaryAttr segment : model.segments("encode"))
        ranges.insert(rangeOf(segment));
      for (auto [range, sum] : bytes)
        EXPECT_EQ(sum, model.stepBytes);
      for (const auto &[name, count] : model.elements) {
        StringRef symbol = name;
        // A step multiplies with the decoder's matrices, but for the cross keys
        // and values, which the encoder has projected, and the tables of relative
        // biases, which are only read.
        if (symbol.starts_with("decoder.l") && !symbol.contains(".cross.k") &&
            !symbol.contains(".cross.v") && !symbol.ends_with(".buckets"))
          expected += count;
      }
      expected += int64_t(GetParam().vocabulary) * GetParam().width();
      for (auto [range, sum] : madds)
        EXPECT_EQ(sum, expected);
      EXPECT_EQ(model.segments("step").size(),
                model.barriers("encdec_step") + bytes.size());
      EXPECT_EQ(model.segments("encode").size(),
                model.barriers("encdec_encode") + ranges.size());
      EXPECT_EQ(bytes.size() > 1, StringRef(groups) == "all");
    }
}
INSTANTIATE_TEST_SUITE_P(Random, Segments,
                         testing::ValuesIn(test::randomSizes(6, 77)));

TEST(SegmentsOf, OneLayerEach) {
  test::ModelSizes sizes;
  sizes.decoderLayers = 1;
  Lowered model(sizes, "f32");
  std::vector<std::string> step;
  for (DictionaryAttr segment : model.segments("step"))
    step.push_back(text(segment));
  EXPECT_EQ(step.front(), "decoder -1 embed");
  EXPECT_EQ(step.back(), "decoder -1 vocabulary");
  auto find = [&](const char *entry, StringRef part) {
    for (DictionaryAttr segment : model.segments(entry))
      if (StringRef(text(segment)).contains(part))
        return segment;
    ADD_FAILURE() << part.str();
    return DictionaryAttr();
  };
  // Keys and values of 2 heads of 8, values padded to 16 floats.
  auto self = find("step", "decoder 0 cache_append+self_attention cache");
  ASSERT_TRUE(self);
  auto keys = cast<DictionaryAttr>(self.getAs<ArrayAttr>("keys")[0]);
  EXPECT_EQ(number(keys, "bytes"), (2 * 8 + 2 * 16) * 4);
  EXPECT_EQ(number(keys, "madds"), 2 * 16);
  EXPECT_EQ(number(self, "weight_bytes"), 0);
  EXPECT_TRUE(find("step", "decoder 0 cross_attention memory"));
  EXPECT_TRUE(find("step", "decoder 0 ffn"));
  EXPECT_TRUE(find("encode", "encoder 0 self_attention source"));
  EXPECT_TRUE(find("encode", "decoder 0 memory_project"));
  // Giving the encoder's output waits for nobody.
  EXPECT_TRUE(StringRef(text(model.segments("encode").back())).ends_with("memory_project+states"));
}

} // namespace
