// The reference interpreter itself: each op against numbers worked out by hand or by
// other loops.
#include "dialect/Origin.h"
#include "tests/dialect/TestModule.h"
#include <cmath>

using namespace encdec;
using namespace encdec::reference;

TEST(Interpreter, LinearIsOutByIn) {
  // W = [[1, 2], [3, 4], [5, 6]], x = [1, 10]: y = [21, 43, 65] + b
  Tensor y = linear(Tensor({1, 2}, {1, 10}), Tensor({3, 2}, {1, 2, 3, 4, 5, 6}),
                    nullptr);
  EXPECT_EQ(y.values, (std::vector<double>{21, 43, 65}));
  Tensor b({3}, {1, 2, 3});
  EXPECT_EQ(
      linear(Tensor({1, 2}, {1, 10}), Tensor({3, 2}, {1, 2, 3, 4, 5, 6}), &b)
          .values,
      (std::vector<double>{22, 45, 68}));
}

TEST(Interpreter, AttentionReadsItsOwnRaggedSegment) {
  // Two segments: keys 0-1 and key 2; rows 0, 1 in the second, then the first.
  Tensor query({2, 2}, {1, 0, 0, 2}), key({3, 2}, {1, 2, 3, 4, 5, 6});
  KeyRanges ranges = {{2, 3}, {0, 2}};
  Tensor s = scores(query, key, ranges, /*heads=*/2, /*scale=*/0.5);
  ASSERT_EQ(s.shape, (std::vector<int64_t>{2, 2, 2}));
  double none = -INFINITY;
  // head 0 is column 0, head 1 column 1
  EXPECT_EQ(s.values, (std::vector<double>{2.5, none, 0, 0, 0, none, 2, 4}));
  Tensor p = softmax(s);
  EXPECT_EQ(p.at(0, 0, 0), 1);
  EXPECT_EQ(p.at(0, 0, 1), 0);
  EXPECT_NEAR(p.at(1, 1, 1), 1 / (1 + std::exp(-2)), 1e-15);
  Tensor c = context(p, key, ranges, 2);
  EXPECT_EQ(c.at(0, 0), 5);
  EXPECT_EQ(c.at(0, 1), 6);
  EXPECT_NEAR(c.at(1, 0), (1 + 3) / 2.0, 1e-15);
  EXPECT_NEAR(c.at(1, 1), (2 + 4 * std::exp(2)) / (1 + std::exp(2)), 1e-14);
}

TEST(Interpreter, CausalMaskKeepsTheOwnPosition) {
  Tensor s({1, 3, 3}, {1, 1, 1, 1, 1, 1, 1, 1, 1});
  Tensor p = softmax(causalMask(s, Tensor({3}, {0, 1, 2})));
  double third = 1 / 3.0;
  expectNear(p, Tensor({1, 3, 3}, {1, 0, 0, 0.5, 0.5, 0, third, third, third}),
             1e-15);
}

TEST(Interpreter, CausalFromTheCacheIsCausalOverTheSequence) {
  // One step per position (each row sees its own past) against all rows at once.
  TestModule test(R"mlir(
    func.func @f(%x: !d, %r: !i, %o: !i, %p: !i) -> !d {
      %c = encdec.self_attention %x, %x, %x of %r in %o causal at %p {heads = 2, scale = 0.5} : !d, !d, !d
      return %c : !d
    }
    func.func @step(%x: !d, %ancestors: tensor<?x?xi32>, %p: !i, %cache: !encdec.cache<2x4>) -> !d attributes {encdec.entry = "step"} {
      encdec.cache_append %cache, %x, %x of %ancestors at %p : !encdec.cache<2x4>, !d, !d
      %k, %v, %o, %r = encdec.cache_read %cache of %ancestors to %p : !encdec.cache<2x4>
      %c = encdec.self_attention %x, %k, %v of %r in %o causal at %p {heads = 2, scale = 0.5} : !d, !d, !d
      return %c : !d
    })mlir");
  Tensor x = seededTensor({4, 8}, 3);
  Tensor whole =
      test.run({x, Tensor({4}), Tensor({2}, {0, 4}), Tensor({4}, {0, 1, 2, 3})})
          .front();
  auto cache = std::make_shared<Cache>();
  Interpreter interpreter(*test.module);
  for (int64_t p = 0; p < 4; ++p) {
    Tensor row({1, 8});
    std::copy_n(x.values.begin() + p * 8, 8, row.values.begin());
    auto result = interpreter.run(
        test.function("step"),
        {row, ownSlots({5}, p), Tensor({1}, {double(p)}), cache});
    ASSERT_TRUE(mlir::succeeded(result)) << test.messages;
    for (int64_t k = 0; k < 8; ++k)
      EXPECT_NEAR(std::get<Tensor>(result->front()).at(0, k), whole.at(p, k),
                  1e-14);
  }
}

TEST(Interpreter, NarrowHandlesRoundWhatIsWritten) {
  TestModule test(R"mlir(
    func.func @encode(%x: !e, %o: !i, %m: !encdec.memory<2x4, bf16>) attributes {encdec.entry = "encode"} {
      encdec.memory_project %m, %x, key @w, value @w in %o : !encdec.memory<2x4, bf16>, !e
      return
    }
    func.func @step(%x: !d, %ancestors: tensor<?x?xi32>, %p: !i, %c: !encdec.cache<2x4, bf16>) attributes {encdec.entry = "step"} {
      encdec.cache_append %c, %x, %x of %ancestors at %p : !encdec.cache<2x4, bf16>, !d, !d
      return
    })mlir");
  auto cache = std::make_shared<Cache>();
  auto memory = std::make_shared<Memory>();
  Interpreter interpreter(*test.module);
  // 1 + 2^-8 lies half way between two bf16 numbers, 1 and 1 + 2^-7: to the even one.
  Tensor row({1, 8}, {1 + 0x1p-8, 1 + 0x1.8p-7, 1 + 0x1p-7, -3.01171875, 0, 1e-3, 77, 0.1});
  ASSERT_TRUE(mlir::succeeded(interpreter.run(
      test.function("step"), {row, ownSlots({1}, 0), Tensor({1}, {0}), cache})))
      << test.messages;
  auto &[key, value] = cache->rows.at({1, 0});
  EXPECT_EQ(key, value);
  EXPECT_EQ(std::vector<double>(key.begin(), key.begin() + 5),
            (std::vector<double>{1, 1 + 0x1p-6, 1 + 0x1p-7, -3.015625, 0}));
  ASSERT_TRUE(mlir::succeeded(interpreter.run(
      test.function("encode"), {row, Tensor({2}, {0, 1}), memory})))
      << test.messages;
  for (double v : memory->key.values)
    EXPECT_EQ(v, roundTo(mlir::BFloat16Type::get(test.module->getContext()), v));
}

TEST(Interpreter, NormUsesTheBiasedVariance) {
  // mean 3, variance ((-2)² + 0 + 2²) / 3 = 8/3
  Tensor x({1, 3}, {1, 3, 5}), gamma({3}, {1, 2, 3}), beta({3}, {0.5, 0.5, 0.5});
  double s = std::sqrt(3.0); // sqrt(8/3 + 1/3)
  expectNear(norm(x, gamma, &beta, 1.0 / 3),
             Tensor({1, 3}, {-2 / s + 0.5, 0.5, 6 / s + 0.5}), 1e-15);
  expectNear(norm(x, gamma, nullptr, 1.0 / 3), Tensor({1, 3}, {-2 / s, 0, 6 / s}), 1e-15);
}

TEST(Interpreter, RmsNormSubtractsNoMean) {
  // mean of squares (1 + 9 + 25) / 3 = 35/3
  Tensor x({1, 3}, {1, 3, 5}), gamma({3}, {1, 2, 3}), beta({3}, {0.5, 0.5, 0.5});
  double s = std::sqrt(12.0); // sqrt(35/3 + 1/3)
  expectNear(rmsNorm(x, gamma, nullptr, 1.0 / 3), Tensor({1, 3}, {1 / s, 6 / s, 15 / s}),
             1e-15);
  expectNear(rmsNorm(x, gamma, &beta, 1.0 / 3),
             Tensor({1, 3}, {1 / s + 0.5, 6 / s + 0.5, 15 / s + 0.5}), 1e-15);
}

TEST(Interpreter, AGateMultipliesTheActivation) {
  TestModule test(R"mlir(
    func.func @f(%x: !d, %g: !d) -> !d {
      %y = encdec.activation %x gated %g {kind = relu} : !d
      return %y : !d
    })mlir");
  Tensor y = test.run({Tensor({1, 8}, {1, -1, 2, -2, 3, 0, 4, 5}),
                       Tensor({1, 8}, {2, 2, -3, 3, 0, 1, 0.5, 1})})
                 .front();
  EXPECT_EQ(y.values, (std::vector<double>{2, 0, -6, 0, 0, 0, 2, 5}));
}

TEST(Interpreter, AGatedFfnActivatesTheUpProductOnly) {
  TestModule test(R"mlir(
    encdec.weight @one : tensor<1x1xf32> = dense<1.0> : tensor<1x1xf32>
    encdec.weight @two : tensor<1x1xf32> = dense<2.0> : tensor<1x1xf32>
    encdec.weight @c : tensor<1xf32> = dense<-3.0> : tensor<1xf32>
    func.func @f(%x: tensor<?x1xf32, #encdec.side<encoder>>) -> tensor<?x1xf32, #encdec.side<encoder>> {
      %y = encdec.ffn %x, up @one, gate @two @c, down @one {kind = relu} : tensor<?x1xf32, #encdec.side<encoder>>
      return %y : tensor<?x1xf32, #encdec.side<encoder>>
    })mlir");
  // relu(x) * (2 x - 3)
  Tensor y = test.run({Tensor({3, 1}, {-1, 1, 4})}).front();
  EXPECT_EQ(y.values, (std::vector<double>{0, -1, 20}));
}

//===-- Ops of each element -----------------------------------------------===//

TEST(Interpreter, ActivationsHaveTheirKnownValues) {
  auto at = [](double x, Activation kind) {
    return activate(Tensor({1}, {x}), kind).values[0];
  };
  EXPECT_EQ(at(-1, Activation::relu), 0);
  EXPECT_EQ(at(2, Activation::relu), 2);
  // Φ(1) = 0.841344746068543, σ(1) = 0.731058578630005 (tables)
  EXPECT_NEAR(at(1, Activation::gelu), 0.841344746068543, 1e-14);
  EXPECT_NEAR(at(-1, Activation::gelu), -(1 - 0.841344746068543), 1e-14);
  EXPECT_NEAR(at(1, Activation::geluTanh), 0.841191990608277, 1e-14);
  EXPECT_NEAR(at(1, Activation::silu), 0.731058578630005, 1e-14);
}

TEST(Interpreter, TopTokensTakeTheLowestAndKeepTheUnbiasedLogProb) {
  double none = -INFINITY;
  Tensor logits({3, 4}, {1, 3, 3, 0, 1, 3, 3, 0, 0, 0, 0, 0});
  Top top = topTokens(logits, Tensor({2, 4}, {0, 0, 0, 0, 0, none, none, 0}),
                      Tensor({3}, {0, 1, 0}), 3);
  EXPECT_EQ(top.tokens.values,
            (std::vector<double>{1, 2, 0, 0, 3, 0, 0, 1, 2}));
  double sum = std::log(std::exp(1) + 2 * std::exp(3) + 1);
  std::vector<double> expected{3 - sum, 3 - sum,      1 - sum,
                               1 - sum, 0 - sum,      none, // two may be chosen
                               -std::log(4), -std::log(4), -std::log(4)};
  for (size_t i = 0; i < expected.size(); ++i)
    if (std::isinf(expected[i]))
      EXPECT_EQ(top.logProbs.values[i], none);
    else
      EXPECT_NEAR(top.logProbs.values[i], expected[i], 1e-14);
}

TEST(Interpreter, EmbedScalesTokensButNotPositions) {
  TestModule test(R"mlir(
    encdec.weight @t : tensor<2x2xf32> = dense<[[1.0, 2.0], [3.0, 4.0]]> : tensor<2x2xf32>
    encdec.weight @p : tensor<3x2xf32> = dense<[[0.0, 0.0], [0.0, 0.0], [0.5, 0.25]]> : tensor<3x2xf32>
    func.func @f(%x: !ids, %at: !i) -> tensor<?x2xf32, #encdec.side<decoder>> {
      %y = encdec.embed %x at %at, @t, @p {scale = 10.0} : !ids -> tensor<?x2xf32, #encdec.side<decoder>>
      return %y : tensor<?x2xf32, #encdec.side<decoder>>
    })mlir");
  Tensor y = test.run({Tensor({1}, {1}), Tensor({1}, {2})}).front();
  EXPECT_EQ(y.values, (std::vector<double>{30.5, 40.25}));
}

TEST(Interpreter, ErrorsStandAtTheOpThatMetThem) {
  TestModule test(R"mlir(
    encdec.weight @stored : tensor<8x8xf32> = #encdec.file<"model.safetensors", 0>
    func.func @f(%c: !encdec.cache<2x4>, %a: tensor<?x?xi32>, %i: !i) -> !d {
      %k, %v, %o, %r = encdec.cache_read %c of %a to %i : !encdec.cache<2x4>
      return %k : !d
    }
    func.func @unread(%x: !d) -> !d {
      %y = encdec.linear %x, @stored : !d -> !d
      return %y : !d
    })mlir");
  Interpreter interpreter(*test.module);
  EXPECT_TRUE(mlir::failed(interpreter.run(
      test.function(),
      {std::make_shared<Cache>(), Tensor({1, 1}, {0}), Tensor({1}, {0})})));
  EXPECT_NE(test.messages.find("expected position 0 of slot 0 to be appended"),
            std::string::npos)
      << test.messages;
  EXPECT_TRUE(
      mlir::failed(interpreter.run(test.function("unread"), {Tensor({1, 8})})));
  EXPECT_NE(test.messages.find("cannot read the values of weight @stored"),
            std::string::npos)
      << test.messages;

  Interpreter reading(*test.module,
                      [](WeightOp) { return std::vector<float>(64, 1.0f); });
  auto y = reading.run(test.function("unread"),
                       {Tensor({1, 8}, {1, 2, 3, 4, 5, 6, 7, 8})});
  ASSERT_TRUE(mlir::succeeded(y));
  EXPECT_EQ(std::get<Tensor>(y->front()).values, std::vector<double>(8, 36));
}

TEST(Interpreter, RefusesValuesThatDoNotFitTheirTypes) {
  TestModule test(R"mlir(
    func.func @f(%x: !d, %h: !encdec.memory<2x4>, %n: i64) { return })mlir");
  Interpreter interpreter(*test.module);
  Value x = Tensor({3, 8}), h = std::make_shared<Memory>(), n = Tensor({1});
  EXPECT_TRUE(mlir::succeeded(interpreter.run(test.function(), {x, h, n})));
  for (const std::vector<Value> &values : std::vector<std::vector<Value>>{
           {h, h, n},
           {Tensor({3, 9}), h, n},
           {Tensor({24}), h, n},
           {Tensor({3, 8}, {1, 2}), h, n},
           {x, std::make_shared<Cache>(), n},
           {x, std::shared_ptr<Memory>(), n},
           {x, h, Tensor({2})},
           {x, h}})
    EXPECT_TRUE(mlir::failed(interpreter.run(test.function(), values)));
  EXPECT_NE(test.messages.find("expected a value of type 'tensor<?x8xf32"),
            std::string::npos)
      << test.messages;
}

TEST(Interpreter, AHandleThatAnotherTypeFilledIsAnError) {
  TestModule test(R"mlir(
    func.func @f(%m: !encdec.memory<2x4>) -> !e {
      %k, %v, %o = encdec.memory_read %m : !encdec.memory<2x4>
      return %k : !e
    })mlir");
  auto narrow = std::make_shared<Memory>(
      Memory{Tensor({1, 4}), Tensor({1, 4}), Tensor({2}, {0, 1})});
  EXPECT_TRUE(
      mlir::failed(Interpreter(*test.module).run(test.function(), {narrow})));
  EXPECT_NE(test.messages.find("expected a result of type"), std::string::npos)
      << test.messages;
}

//===-- Origins -----------------------------------------------------------===//

// Values of the reference (transformers 5.24.0, M2M100SinusoidalPositionalEmbedding(40, 7),
// torch 2): rows 2 and 31.
TEST(Origin, Tensor2TensorsTableStartsWhereItIsToldAndEndsInZeros) {
  TestModule test("encdec.weight @t : tensor<31x7xf32> = "
                  "#encdec.sinusoidal<formula = tensor2tensor, first = 2, blank = 1>");
  auto values = originValues(test.module->lookupSymbol<WeightOp>("t"));
  ASSERT_TRUE(mlir::succeeded(values));
  constexpr float expected[][7] = {{0.909297407f, 0.0199986659f, 0.00019999998f, -0.416146845f, 0.999800026f, 1, 0}, {-0.404037654f, 0.305058628f, 0.00309999473f, 0.914742351f, 0.95233357f, 0.999995172f, 0}};
  for (int j = 0; j < 7; ++j) {
    EXPECT_NEAR((*values)[j], expected[0][j], 1e-7) << j;
    EXPECT_NEAR((*values)[29 * 7 + j], expected[1][j], 1e-6) << j;
    EXPECT_EQ((*values)[30 * 7 + j], 0) << j;
  }
}

TEST(Origin, SinusoidalIsThePapersTable) {
  // As the reference fills the table: the angle of column j is p / 10000^(2 (j/2) / d);
  // sines of even columns come first, then cosines of odd columns. d = 5 is odd on
  // purpose.
  TestModule test("encdec.weight @odd : tensor<7x5xf32> = #encdec.sinusoidal");
  auto values = originValues(test.module->lookupSymbol<WeightOp>("odd"));
  ASSERT_TRUE(mlir::succeeded(values));
  for (int p = 0; p < 7; ++p) {
    std::vector<float> row;
    for (int j = 0; j < 5; j += 2)
      row.push_back(std::sin(p / std::pow(10000.0, 2 * (j / 2) / 5.0)));
    for (int j = 1; j < 5; j += 2)
      row.push_back(std::cos(p / std::pow(10000.0, 2 * (j / 2) / 5.0)));
    for (int j = 0; j < 5; ++j)
      EXPECT_EQ((*values)[p * 5 + j], row[j]) << p << ", " << j;
  }
}

TEST(Origin, SeededIsNonZeroRoundedAndItsOwn) {
  TestModule test("encdec.weight @h : tensor<50x50xf16> = #encdec.seeded<4, "
                  "0.5>\nencdec.weight @o : tensor<50x50xf16> = "
                  "#encdec.seeded<5, 0.5>");
  auto h = *originValues(test.module->lookupSymbol<WeightOp>("h"));
  auto o = *originValues(test.module->lookupSymbol<WeightOp>("o"));
  EXPECT_NE(h, o);
  double sum = 0;
  for (float value : h) {
    EXPECT_NE(value, 0);
    EXPECT_LT(std::fabs(value), 0.5f);
    // f16 holds 11 significant bits
    int exponent;
    float bits = std::frexp(value, &exponent) * 2048;
    EXPECT_EQ(bits, std::nearbyint(bits));
    sum += value;
  }
  EXPECT_NEAR(sum / double(h.size()), 0, 0.03);
}

TEST(Format, Int8IsSymmetricPerRowWithTiesToEven) {
  // Row 0: scale 1; 2.5 -> 2, 3.5 -> 4. Row 1: all zero. Row 2: scale 0.01.
  std::vector<float> w = {127, 2.5f, 3.5f,  -127, 0,       0,
                          0,   0,    1.27f, 0,    -0.634f, 0};
  const WeightFormat &int8 = *findWeightFormat("int8");
  Encoded q = encodeRows(int8, w, 3);
  std::vector<int8_t> codes(q.codes.begin(), q.codes.end());
  EXPECT_EQ(codes,
            (std::vector<int8_t>{127, 2, 4, -127, 0, 0, 0, 0, 127, 0, -63, 0}));
  EXPECT_EQ(q.scales, (std::vector<float>{1, 0, 1.27f / 127}));
  EXPECT_EQ(decodeRows(int8, q, 3)[10], -63 * (1.27f / 127));
  // The same values with a zero point of 128 at even columns.
  const WeightFormat &dynamic = *findWeightFormat("int8-dynamic");
  Encoded d = encodeRows(dynamic, w, 3);
  for (size_t i = 0; i < w.size(); ++i)
    EXPECT_EQ(d.codes[i], uint8_t(codes[i] + (i % 4 % 2 ? 0 : 128))) << i;
  EXPECT_EQ(decodeRows(dynamic, d, 3), decodeRows(int8, q, 3));
}

// Holds for any row of the table; one of 4 bits in groups of 32 would need no change
// here.
TEST(Format, EveryOneKeepsWhatItsDescriptionSays) {
  std::vector<float> w;
  for (uint64_t i = 0; i < 7 * 40; ++i)
    w.push_back(float(seededValue(9, i, 2.0)));
  for (const WeightFormat &format : weightFormats()) {
    SCOPED_TRACE(format.name.str());
    Encoded encoded = encodeRows(format, w, 7);
    EXPECT_EQ(int64_t(encoded.scales.size()), 7 * format.scalesOf(40));
    for (uint32_t code : encoded.codes)
      EXPECT_LT(uint64_t(code), uint64_t(1) << format.bits);
    std::vector<float> kept = decodeRows(format, encoded, 7);
    double most = format.bits == 32 ? 0 : format.bits == 16 ? 2.0 / 256 : 2.0 / 127 / 2 * 1.01;
    for (size_t i = 0; i < w.size(); ++i)
      EXPECT_NEAR(kept[i], w[i], most) << i;
    // Values that a format has kept it keeps unchanged.
    EXPECT_EQ(decodeRows(format, encodeRows(format, kept, 7), 7), kept);
    EXPECT_EQ(format.bytes(16), 16 * format.bits / 8);
  }
}

TEST(Format, ChangesTheLogicalValue) {
  TestModule test("");
  auto w = test.module->lookupSymbol<WeightOp>("w2");
  auto stored = *originValues(w);
  auto logical = logicalValues(w, stored);
  EXPECT_NE(stored, logical);
  const WeightFormat &int8 = *findWeightFormat("int8");
  EXPECT_EQ(logical, decodeRows(int8, encodeRows(int8, stored, 8), 8));
}
