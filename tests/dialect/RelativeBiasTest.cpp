// What each distance adds to scores: the buckets of the reference, and how interpreted
// attention reads them.
#include "tests/dialect/TestModule.h"
#include "llvm/ADT/STLExtras.h"

using namespace encdec;
using namespace encdec::reference;

// The distances at which the reference moves on by a bucket, as many times as buckets:
// transformers 5.24.0, T5Attention._relative_position_bucket on -600 … 600.
struct Buckets {
  bool bidirectional;
  int64_t buckets, maxDistance;
  std::vector<int64_t> thresholds;
};
static const std::vector<Buckets> kBuckets = {
    {true, 32, 128, {1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 23, 32, 46, 64, 91}},
    {true, 32, 20, {1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 18}},
    {true, 8, 20, {1, 2, 7}},
    {true, 6, 40, {1, 7}},
    {true, 4, 3, {1}},
    {true, 20, 33, {1, 2, 3, 4, 5, 8, 11, 16, 23}},
    {true, 62, 512, {1,  2,  3,  4,  5,  6,  7,  8,  9,   10,  11,  12,  13,  14,  15,
                     19, 24, 30, 37, 46, 57, 71, 88, 110, 137, 170, 212, 265, 330, 411}},
    {true, 32, 10000, {1, 2, 3, 4, 5, 6, 7, 8, 20, 48, 116, 283}},
    {false, 32, 128, {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                      19, 21, 24, 27, 31, 35, 40, 46, 52, 59, 67, 77, 87, 99, 113}},
    {false, 32, 20, {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                     17, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 19, 20, 20, 20}},
    {false, 8, 20, {1, 2, 3, 4, 6, 9, 14}},
    {false, 6, 40, {1, 2, 3, 8, 17}},
    {false, 2, 5, {1}},
    {false, 20, 33, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 15, 17, 19, 21, 24, 26, 30}},
};

TEST(RelativeBias, BucketsAreTransformers) {
  for (const Buckets &golden : kBuckets)
    for (int64_t distance = -600; distance <= 600; ++distance) {
      int64_t seen = golden.bidirectional ? std::abs(distance) : std::max<int64_t>(-distance, 0);
      int64_t bucket = llvm::count_if(golden.thresholds, [&](int64_t t) { return t <= seen; });
      if (golden.bidirectional && distance > 0)
        bucket += golden.buckets / 2;
      EXPECT_EQ(relativeBucket(distance, golden.buckets, golden.maxDistance,
                               golden.bidirectional),
                bucket)
          << distance << " of " << golden.buckets << " to " << golden.maxDistance;
    }
}

// A table whose one head holds the number of the bucket.
static Tensor numbered(int64_t buckets) {
  Tensor table({buckets, 1});
  for (int64_t b = 0; b < buckets; ++b)
    table.values[b] = double(b);
  return table;
}

TEST(RelativeBias, TheEncodersRowsAreT5s) {
  Tensor bias = relativeBias(numbered(32), /*positions=*/10, 128, /*bidirectional=*/true);
  ASSERT_EQ(bias.shape, (std::vector<int64_t>{1, 19}));
  Tensor added = addBias(Tensor({1, 10, 10}), bias,
                         Tensor({10}, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}), /*zero=*/9);
  EXPECT_EQ(std::vector<double>(added.values.begin(), added.values.begin() + 10),
            (std::vector<double>{0, 17, 18, 19, 20, 21, 22, 23, 24, 24}));
  EXPECT_EQ(std::vector<double>(added.values.end() - 10, added.values.end()),
            (std::vector<double>{8, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
}

TEST(RelativeBias, TheCacheStepsAreTheRowsOfTheSequence) {
  // One step per position against all rows at once, whose keys after the query are masked.
  TestModule test(R"mlir(
    !b = tensor<2x?xf32, #encdec.side<decoder>>
    func.func @f(%x: !d, %r: !i, %o: !i, %p: !i) -> !d {
      %b = encdec.relative_bias @buckets to %p {max_distance = 4} : !b
      %c = encdec.self_attention %x, %x, %x of %r in %o bias %b at %p causal at %p {heads = 2, scale = 0.5} : !d, !d, !d, !b
      return %c : !d
    }
    func.func @step(%x: !d, %ancestors: tensor<?x?xi32>, %p: !i, %cache: !encdec.cache<2x4>) -> !d attributes {encdec.entry = "step"} {
      encdec.cache_append %cache, %x, %x of %ancestors at %p : !encdec.cache<2x4>, !d, !d
      %k, %v, %o, %r = encdec.cache_read %cache of %ancestors to %p : !encdec.cache<2x4>
      %b = encdec.relative_bias @buckets to %p {max_distance = 4} : !b
      %c = encdec.self_attention %x, %k, %v of %r in %o bias %b at %p causal at %p {heads = 2, scale = 0.5} : !d, !d, !d, !b
      return %c : !d
    })mlir");
  constexpr int64_t length = 7;
  Tensor x = seededTensor({length, 8}, 3);
  Tensor whole = test.run({x, Tensor({length}), Tensor({2}, {0, length}),
                           Tensor({length}, {0, 1, 2, 3, 4, 5, 6})})
                     .front();
  auto cache = std::make_shared<Cache>();
  Interpreter interpreter(*test.module);
  for (int64_t p = 0; p < length; ++p) {
    Tensor row({1, 8});
    std::copy_n(x.values.begin() + p * 8, 8, row.values.begin());
    auto result = interpreter.run(test.function("step"),
                                  {row, ownSlots({5}, p), Tensor({1}, {double(p)}), cache});
    ASSERT_TRUE(mlir::succeeded(result)) << test.messages;
    for (int64_t k = 0; k < 8; ++k)
      EXPECT_NEAR(std::get<Tensor>(result->front()).at(0, k), whole.at(p, k), 1e-14);
  }
}

TEST(RelativeBias, ABiasThatIsTooShortIsAnError) {
  TestModule test(R"mlir(
    func.func @f(%q: !e, %r: !i, %o: !i, %p: !i, %b: tensor<2x?xf32, #encdec.side<encoder>>) -> !e {
      %y = encdec.self_attention %q, %q, %q of %r in %o bias %b at %p {heads = 2, scale = 0.7} : !e, !e, !e, tensor<2x?xf32, #encdec.side<encoder>>
      return %y : !e
    })mlir");
  auto run = [&](int64_t distances, std::vector<double> positions) {
    test.messages.clear();
    return mlir::succeeded(Interpreter(*test.module)
                               .run(test.function(), {Tensor({3, 8}), Tensor({3}),
                                                      Tensor({2}, {0, 3}),
                                                      Tensor({3}, std::move(positions)),
                                                      Tensor({2, distances})}));
  };
  EXPECT_TRUE(run(5, {0, 1, 2})) << test.messages;
  EXPECT_FALSE(run(3, {0, 1, 1}));
  EXPECT_NE(test.messages.find("expected a bias of 4 distances for row 0 but got 3"),
            std::string::npos)
      << test.messages;
  EXPECT_FALSE(run(5, {0, 1, 3}));
  EXPECT_NE(test.messages.find("expected bias_positions[2] in [0, 3) but got 3"),
            std::string::npos)
      << test.messages;
}
