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

using namespace mlir;
using namespace encdec;

namespace {

/// A random model, placed; then lowered to calls of kernels.
struct Lowered {
  Lowered(const test::ModelSizes &sizes, const char *type, bool fuseAll = true) {
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    module = test::randomModel(context, sizes);
    PassManager place(&context), lower(&context);
    PipelineOptions options;
    options.weights = type;
    if (fuseAll)
      buildFusePipeline(place, options);
    else
      place.addPass(createFuseAttentionPass());
    buildPlacePipeline(place, options);
    EXPECT_TRUE(succeeded(place.run(*module)));
    stepBytes = stepWeightBytes(*module);
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
  int64_t barriers(StringRef symbol) {
    int64_t count = 0;
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
  for (const char *type : {"f32", "bf16", "int8",
                          "int8-dynamic"})
    for (bool fuseAll : {true, false}) {
      SCOPED_TRACE(GetParam().text() + " " + std::string(type));
      Lowered model(GetParam(), type, fuseAll);
      int64_t bytes = 0, madds = 0, expected = 0;
      for (DictionaryAttr segment : model.segments("step")) {
        bytes += number(segment, "weight_bytes");
        madds += number(segment, "row_madds");
      }
      EXPECT_EQ(bytes, model.stepBytes);
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
      EXPECT_EQ(madds, expected);
      EXPECT_EQ(int64_t(model.segments("step").size()),
                model.barriers("encdec_step") + 1);
      EXPECT_EQ(int64_t(model.segments("encode").size()),
                model.barriers("encdec_encode") + 1);
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
