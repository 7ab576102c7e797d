// The bytes of the weights section against the layout's definition, element by
// element, and weights that come from files.
#include "compiler/place/Weights.h"
#include "compiler/Passes.h"
#include "compiler/Register.h"
#include "dialect/Origin.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;
using namespace encdec;
using llvm::formatv;

namespace {

constexpr const char *uses = R"mlir(
func.func @step(%ids: tensor<?xi32, #encdec.side<decoder>>, %at: tensor<?xi32>) -> tensor<?x37xf32, #encdec.side<decoder>> attributes {encdec.entry = "step"} {
  %x = encdec.embed %ids at %at, @table, @positions {scale = 2.0} : tensor<?xi32, #encdec.side<decoder>> -> tensor<?x21xf32, #encdec.side<decoder>>
  %y = encdec.linear %x, @w, @b : tensor<?x21xf32, #encdec.side<decoder>> -> tensor<?x37xf32, #encdec.side<decoder>>
  return %y : tensor<?x37xf32, #encdec.side<decoder>>
}
)mlir";

constexpr const char *seeded = R"mlir(
encdec.weight @table : tensor<50x21xf16> = #encdec.seeded<1, 1.0>
encdec.weight @positions : tensor<7x21xf32> = #encdec.sinusoidal
encdec.weight @w : tensor<37x21xbf16> = #encdec.seeded<2, 0.5>
encdec.weight @b : tensor<37xf32> = #encdec.seeded<3, 0.5>
)mlir";

/// The same shapes, all derived.
constexpr const char *derived = R"mlir(
encdec.weight @raw : tensor<50x21xf16> = #encdec.seeded<1, 1.0>
encdec.weight @turn : tensor<21x21xf32> = #encdec.seeded<4, 1.0>
encdec.weight @turned : tensor<50x21xf32> = #encdec.product<@raw, @turn>
encdec.weight @more : tensor<100x21xf32> = #encdec.concat<[@raw, @turned]>
encdec.weight @table : tensor<50x21xf32> = #encdec.rows<@more, 30, 80>
encdec.weight @sines : tensor<7x21xf32> = #encdec.sinusoidal
encdec.weight @positions : tensor<7x21xf32> = #encdec.scaled<@sines, 0.3>
encdec.weight @wide : tensor<37x30xbf16> = #encdec.seeded<2, 0.5>
encdec.weight @w : tensor<37x21xf32> = #encdec.columns<@wide, 4, 25>
encdec.weight @bias : tensor<37xf32> = #encdec.seeded<3, 0.5>
encdec.weight @b : tensor<37xf32> = #encdec.sum<@bias, @bias>
)mlir";

class Weights : public testing::TestWithParam<const char *> {
protected:
  void load(std::string weights, StringRef type) {
    DialectRegistry registry;
    registerEncDecDialects(registry);
    context.appendDialectRegistry(registry);
    module = parseSourceString<ModuleOp>(weights + uses, &context);
    ASSERT_TRUE(module);
    PassManager pm(&context);
    pm.addPass(createQuantizeWeightsPass({type.str(), {}}));
    pm.addPass(createPackWeightsPass());
    ASSERT_TRUE(succeeded(pm.run(*module)));
  }
  WeightOp weight(StringRef name) {
    return module->lookupSymbol<WeightOp>(name);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
};

/// Element [n][k] as a kernel finds it.
float element(WeightOp weight, ArrayRef<uint8_t> section, int64_t n,
              int64_t k) {
  RankedTensorType type = weight.getTensorType();
  int64_t width = type.getShape().back();
  const uint8_t *base = section.data() + *weight.getOffset();
  int64_t at = n * rowStride(width) + k;
  if (weight.getLayout()) {
    int64_t group = weight.getLayout()->getGroup();
    at = n / 16 * roundUp(width, group) * 16 + k / group * group * 16 +
         n % 16 * group + k % group;
  }
  StringRef format = weight.getStored().name;
  if (weight.getLayout() && format == "bf16")
    return llvm::bit_cast<float>(
        uint32_t(reinterpret_cast<const uint16_t *>(base)[at]) << 16);
  if (!weight.getLayout() || format == "f32")
    return reinterpret_cast<const float *>(base)[at];
  auto *scales = reinterpret_cast<const float *>(section.data() +
                                                 *weight.getScaleOffset());
  uint8_t added = format == "int8-dynamic" && k % 2 == 0 ? 128 : 0;
  return float(int8_t(uint8_t(base[at] - added))) * scales[n];
}

class Places : public Weights {
protected:
  void check();
};
TEST_P(Places, EveryElementIsWhereTheKernelLooks) {
  load(seeded, GetParam());
  check();
}
TEST_P(Places, WhatDerivedWeightsNameTakesNoRoom) {
  load(seeded, GetParam());
  int64_t bytes = weightsSectionBytes(*module);
  load(derived, GetParam());
  EXPECT_EQ(placedWeights(*module).size(), 4u);
  EXPECT_EQ(weightsSectionBytes(*module), bytes);
  check();
}
void Places::check() {
  WeightStore store("");
  std::vector<uint8_t> section(weightsSectionBytes(*module));
  ASSERT_EQ(section.size() % 4, 0u);
  size_t nonZero = 0, logical = 0;
  for (WeightOp weight : placedWeights(*module)) {
    ASSERT_TRUE(succeeded(store.write(weight, section)));
    FailureOr<std::vector<float>> values = store.values(weight);
    ASSERT_TRUE(succeeded(values));
    int64_t width = weight.getTensorType().getShape().back();
    for (size_t i = 0; i < values->size(); ++i)
      ASSERT_EQ(element(weight, section, i / width, i % width), (*values)[i])
          << weight.getSymName().str() << " element " << i;
    logical += llvm::count_if(*values, [](float v) { return v != 0; });
    // What pads the rows, and the panel of the last ones, stands for 0 in every format.
    auto layout = weight.getLayout();
    int64_t rows = values->size() / width, group = layout ? layout->getGroup() : 16;
    for (int64_t n = 0; n < (layout ? roundUp(rows, 16) : rows); ++n)
      for (int64_t k = n < rows ? width : 0; k < roundUp(width, group); ++k)
        ASSERT_EQ(element(weight, section, n, k), 0)
            << weight.getSymName().str() << " row " << n << " column " << k;
  }
  // All other bytes are padding, and zero.
  if (StringRef(GetParam()) == "f32") {
    for (size_t i = 0; i < section.size(); i += 4) {
      float value;
      std::memcpy(&value, &section[i], 4);
      nonZero += value != 0;
    }
    EXPECT_EQ(nonZero, logical);
  }
}
INSTANTIATE_TEST_SUITE_P(Types, Places, testing::Values("f32", "bf16", "int8",
                                         "int8-dynamic"));

TEST_F(Weights, Int8IsWithinHalfAStepOfTheStoredValue) {
  load(seeded, "int8");
  WeightStore store("");
  for (StringRef name : {"table", "w"}) {
    std::vector<float> logical = *store.values(weight(name));
    std::vector<float> stored = *originValues(weight(name));
    int64_t width = weight(name).getTensorType().getDimSize(1);
    for (size_t row = 0; row < stored.size() / width; ++row) {
      float most = 0;
      for (int64_t k = 0; k < width; ++k)
        most = std::max(most, std::fabs(stored[row * width + k]));
      for (int64_t k = 0; k < width; ++k)
        EXPECT_LE(std::fabs(logical[row * width + k] - stored[row * width + k]),
                  most / 127 * 0.50001f);
    }
  }
}

/// A safetensors file of one tensor [37, 21].
class FileWeights : public Weights {
protected:
  template <typename Stored> void write(const std::string &dtype) {
    std::string header = formatv(
        R"({{"w":{{"dtype":"{0}","shape":[37,21],"data_offsets":[0,{1}]}})", dtype,
        37 * 21 * sizeof(Stored));
    header.resize((header.size() + 7) / 8 * 8, ' ');
    start = 8 + header.size();
    std::ofstream out(folder / "model.safetensors", std::ios::binary);
    uint64_t size = header.size();
    out.write(reinterpret_cast<char *>(&size), 8);
    out << header;
    for (int i = 0; i < 37 * 21; ++i) {
      Stored value = valueAt(i);
      out.write(reinterpret_cast<char *>(&value), sizeof(value));
    }
  }
  void SetUp() override {
    folder = std::filesystem::path(testing::TempDir()) /
             ("encdec-weights-" + std::to_string(getpid()));
    std::filesystem::create_directories(folder);
    write<float>("F32");
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  virtual double valueAt(int i) { return i * 0.3 - 7; }

  std::string weights(const std::string &file, uint64_t offset,
                      const std::string &type = "f32") {
    std::string text = seeded;
    std::string line = "tensor<37x21xbf16> = #encdec.seeded<2, 0.5>";
    return text.replace(text.find(line), line.size(),
                        "tensor<37x21x" + type + "> = #encdec.file<\"" + file + "\", " +
                            std::to_string(offset) + ">");
  }
  std::string firstError(function_ref<LogicalResult()> run) {
    std::string message;
    ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) {
      message = d.str();
      return success();
    });
    EXPECT_TRUE(failed(run()));
    return message;
  }
  std::filesystem::path folder;
  uint64_t start = 0;
};

TEST_F(FileWeights, ValuesAreTheFiles) {
  for (StringRef type : {"f32", "f64"}) {
    if (type == "f64")
      write<double>("F64");
    load(weights("model.safetensors", start, type.str()), "f32");
    WeightStore store(folder.string());
    std::vector<float> values = *store.values(weight("w"));
    for (int i = 0; i < 37 * 21; ++i)
      ASSERT_EQ(values[i], float(i * 0.3 - 7)) << type.str();
  }
}

TEST_F(FileWeights, AFileOutsideTheFolderIsRefused) {
  load(weights("../model.safetensors", start), "f32");
  WeightStore store(folder.string());
  EXPECT_NE(firstError([&] {
              return LogicalResult(store.values(weight("w")));
            }).find("expected a file inside the checkpoint's folder"),
            std::string::npos);
}

TEST_F(FileWeights, BytesBeyondTheEndAreAnError) {
  load(weights("model.safetensors", start + 64), "f32");
  WeightStore store(folder.string());
  EXPECT_NE(firstError([&] {
              return LogicalResult(store.values(weight("w")));
            }).find("model.safetensors"),
            std::string::npos);
}

/// Derived weights are read from the file in blocks, and give the bits that they have whole.
TEST_F(FileWeights, DerivedOnesReadTheFile) {
  std::string expressions = R"mlir(
encdec.weight @turn : tensor<21x21xf32> = #encdec.seeded<4, 1.0>
encdec.weight @product : tensor<37x21xf32> = #encdec.product<@file, @turn>
encdec.weight @w : tensor<37x21xf32> = #encdec.sum<@product, @file>
)mlir";
  std::string text = weights("model.safetensors", start);
  text.replace(text.find("@w "), 3, "@file ");
  load(text + expressions, "f32");
  WeightStore store(folder.string());
  std::vector<float> turn = *store.values(weight("turn"));
  std::vector<float> values = *store.values(weight("w"));
  for (int i = 0; i < 37; ++i)
    for (int j = 0; j < 21; ++j) {
      auto file = [&](int k) { return double(float((i * 21 + k) * 0.3 - 7)); };
      double sum = file(j), size = std::fabs(sum);
      for (int k = 0; k < 21; ++k) {
        sum += file(k) * turn[k * 21 + j];
        size += std::fabs(file(k) * turn[k * 21 + j]);
      }
      ASSERT_NEAR(values[i * 21 + j], sum, std::fabs(sum) * 0x1p-24 + size * 1e-14);
    }
}

/// One value is not finite, in a row beyond the first panel.
class BrokenWeights : public FileWeights {
protected:
  double valueAt(int i) override { return i == 740 ? broken : 1; }
  double broken = HUGE_VAL;
};
TEST_F(BrokenWeights, AreRefusedByName) {
  for (const char *type : {"f32", "int8"})
    for (double value : {HUGE_VAL, -HUGE_VAL, double(NAN)}) {
      broken = value;
      SetUp();
      load(weights("model.safetensors", start), type);
      WeightStore store(folder.string());
      std::vector<uint8_t> section(weightsSectionBytes(*module));
      std::string message =
          firstError([&] { return store.write(weight("w"), section); });
      std::string expected = "model.safetensors: tensor \"w\": element [35, 5] is ";
      EXPECT_EQ(message.substr(0, message.find(';')),
                expected + (std::isnan(value) ? "NaN" : "infinite"));
    }
}

TEST_F(BrokenWeights, AreRefusedBehindADerivedWeight) {
  std::string text = weights("model.safetensors", start);
  text.replace(text.find("@w "), 3, "@file ");
  load(text + "encdec.weight @w : tensor<37x21xf32> = #encdec.scaled<@file, 0.5>", "int8");
  WeightStore store(folder.string());
  std::vector<uint8_t> section(weightsSectionBytes(*module));
  std::string message = firstError([&] { return store.write(weight("w"), section); });
  EXPECT_EQ(message.substr(0, message.find(';')),
            "model.safetensors: tensor \"w\": element [35, 5] is infinite");
}
TEST_F(FileWeights, ADerivedValueBeyondF32IsRefused) {
  std::string text = weights("model.safetensors", start);
  text.replace(text.find("@w "), 3, "@file ");
  load(text + "encdec.weight @large : tensor<37x21xf32> = #encdec.scaled<@file, 1.0e22>\n"
              "encdec.weight @w : tensor<37x21xf32> = #encdec.scaled<@large, 1.0e22>",
       "f32");
  WeightStore store(folder.string());
  EXPECT_EQ(firstError([&] { return LogicalResult(store.values(weight("w"))); }),
            "derived weight @w: element 0 of #encdec.scaled<@large, 1.000000e+22> is beyond "
            "the range of f32; expected an expression whose values are finite");
}

/// In a bias of logits -inf bans the token; anywhere else it is damage.
TEST_F(Weights, MinusInfinityMayBan) {
  std::string bias = "encdec.weight @b : tensor<37xf32> = #encdec.seeded<3, 0.5>\n",
              others = seeded;
  others.erase(others.find(bias), bias.size());
  for (auto [value, bits] : {std::pair("-inf", "0xFF800000"), {"inf", "0x7F800000"},
                             {"NaN", "0x7FC00000"}})
    for (StringRef bans : {"{bans}", ""}) {
      std::string list = "1.0";
      for (int i = 1; i < 37; ++i)
        list += i == 20 ? std::string(", ") + bits : ", 2.0";
      load(others + formatv("encdec.weight @b : tensor<37xf32> = dense<[{0}]> : "
                            "tensor<37xf32> {1}\n", list, bans).str(), "int8");
      ScopedDiagnosticHandler quiet(&context, [](Diagnostic &) { return success(); });
      FailureOr<std::vector<float>> read = WeightStore("").values(weight("b"));
      EXPECT_EQ(succeeded(read), !bans.empty() && StringRef(value) == "-inf")
          << value << bans.str();
    }
}

} // namespace
