// Sketched vocabulary kernels find the token of the whole product, whatever the numbers.
#include "VocabularyCall.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <utility>

using namespace encdec;
using namespace encdec::test;
using namespace encdec::test::vocabulary;

namespace {

class Sketch : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Sketch, everyLevel());

struct Choice {
  std::vector<int32_t> tokens;
  int64_t open = -1; // candidate blocks that the sketch left, if it was used
};

/// The best tokens alone, by an int8 sketch of the f32 weights. `beyond` is what the
/// biases hold behind the last token.
Choice choose(const Model &m, int64_t rows, int64_t workers, float beyond = 0) {
  int64_t columns = m.weight.rows;
  Matrix sketch(columns, inputs), scales(1, columns);
  for (int64_t v = 0; v < columns; ++v) {
    float most = 0;
    for (int64_t k = 0; k < inputs; ++k)
      most = std::max(most, std::abs(float(m.weight(v, k))));
    scales(0, v) = most / 127;
    for (int64_t k = 0; k < inputs && most > 0; ++k)
      sketch(v, k) = std::nearbyint(float(m.weight(v, k)) / (most / 127));
  }
  KernelCall call(rows);
  Buffer biases(3 * pad16(columns));
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < pad16(columns); ++c)
      biases[r * pad16(columns) + c] = c < columns ? float(m.logitBias(r, c)) : beyond;
  Choice result{std::vector<int32_t>(rows)};
  call.context.logit_bias = biases.data();
  call.context.row_bias = m.rowBias.data();
  call.context.top_k = 1;
  call.context.out_tokens = result.tokens.data();
  call.context.out_candidate_blocks = &result.open;
  Matrix x = m.x;
  x.rows = rows;
  int32_t records = call.place(recordFloats(columns));
  int32_t in = call.input(x);
  const int32_t weights[] = {call.packed(m.weight), -1, call.vector(m.bias),
                             call.packedInt8(sketch), call.vector(scales)};
  const int32_t lists[] = {0, 0, 0}, logits[] = {0, 0, 768}; // in scratch
  auto table = [](std::initializer_list<llvm::ArrayRef<int32_t>> parts) {
    std::vector<int32_t> all;
    for (llvm::ArrayRef<int32_t> part : parts)
      all.insert(all.end(), part.begin(), part.end());
    return all;
  };
  std::string size = std::to_string(columns), shape = "40_f32x" + size + "_by_i8";
  call.run(jit(), "vocabulary_" + shape, table({in, weights, records, lists, logits}),
           workers);
  call.run(jit(), "choose_vocabulary_" + shape,
           table({in, records, lists, weights, logits}), workers);
  call.run(jit(), "merge_vocabulary_" + size, table({records, lists}), workers);
  return result;
}

// The token is that of the whole product, however near other logits are and however many
// workers there are.
TEST_P(Sketch, TokenIsTheToken) {
  std::mt19937 random(4);
  for (int64_t columns : sizes)
    for (double spread : {1.0, 1e-3, 1e-6, 0.0}) {
      SCOPED_TRACE("V = " + std::to_string(columns) + ", spread " +
                   std::to_string(spread));
      Model m = randomModel(columns, WeightKind::f32, random);
      Matrix common = randomMatrix(1, inputs, random);
      for (int64_t v = 0; v < columns; ++v) {
        for (int64_t k = 0; k < inputs; ++k)
          m.weight(v, k) = float(common(0, k) + spread * m.weight(v, k));
        m.bias(0, v) *= spread * 0.1;
      }
      for (int64_t rows : {1, 3, 8, 9}) {
        Output whole = run(m, rows, 1, false);
        for (int64_t workers = 1; workers <= 4; ++workers) {
          Choice got = choose(m, rows, workers);
          ASSERT_EQ(got.tokens, whole.tokens) << rows << " rows, " << workers;
          ASSERT_EQ(got.open < 0, rows > 8) << "only few rows are sketched";
          if (columns == 2500 && spread == 1 && rows == 1)
            EXPECT_LT(got.open, 5) << "of 20 blocks";
          if (spread == 0 && rows <= 8 && m.rowBias[0] == 0)
            EXPECT_EQ(got.open, (columns + 127) / 128) << "all are alike";
        }
      }
    }
}

// All of the best token's weights lie just short of half way to the next int8, on the
// side of x: its logit is as far above the sketch's as any logit can be.
TEST_P(Sketch, ReachesTheFarthestLogit) {
  std::mt19937 random(6);
  Model m = randomModel(2500, WeightKind::f32, random);
  m.rowBias.assign(30, 0);
  for (double &v : m.weight.values)
    v = 0;
  for (double &v : m.bias.values)
    v = -100;
  double sum = 0;
  m.x(0, 0) = 0;
  m.weight(2000, 0) = 127; // so its scale is 1
  for (int64_t k = 1; k < inputs; ++k) {
    m.weight(2000, k) = m.x(0, k) < 0 ? -0.499 : 0.499;
    sum += std::abs(m.x(0, k));
  }
  m.bias(0, 2000) = 0;
  m.bias(0, 1) = 0.498 * sum; // known exactly: token 1 has weights of 0
  ASSERT_EQ(run(m, 1, 1, false).tokens[0], 2000);
  Choice got = choose(m, 1, 1);
  EXPECT_EQ(got.tokens[0], 2000);
  EXPECT_EQ(got.open, 2);
}

TEST_P(Sketch, ObeysBiases) {
  std::mt19937 random(5);
  Model m = randomModel(2500, WeightKind::f32, random);
  m.rowBias.assign(30, 0);
  for (int64_t v = 0; v < 2500; ++v)
    m.logitBias(0, v) = v % 7 ? -INFINITY : 0;
  for (double &v : m.bias.values)
    v *= 50; // far more than the product
  EXPECT_EQ(choose(m, 4, 2).tokens, run(m, 4, 1, false).tokens);
  for (int64_t v = 0; v < 2500; ++v)
    m.logitBias(0, v) = -INFINITY;
  EXPECT_EQ(choose(m, 1, 2).tokens[0], 0) << "all forbidden";
  for (double &v : m.weight.values)
    v = 0; // scales of 0, and ties
  m.logitBias = Matrix(3, 2500);
  for (double &v : m.bias.values)
    v = 1;
  EXPECT_EQ(choose(m, 2, 3).tokens, (std::vector<int32_t>{0, 0}));
}

// Numbers greater and smaller than any model's: where the sketch rounds to zero or
// overflows, the f32 weights must decide.
TEST_P(Sketch, TokenIsTheTokenAtTheEdgesOfFloats) {
  struct Edge {
    std::string what;
    double x, weight;
    bool opensAll = false;
  };
  for (const Edge &edge : {Edge{"scales below the normal floats", 1e35, 1e-42},
                           Edge{"scales of 0", 1e36, 3e-45},
                           Edge{"products below the normal floats", 1e-22, 1e-20},
                           Edge{"products of 0", 1e-25, 1e-20},
                           Edge{"rows below the normal floats", 1e-42, 1},
                           Edge{"the sketch overflows", 1e37, 0.3, true}})
    for (int seed = 0; seed < 10; ++seed) {
      SCOPED_TRACE(edge.what);
      std::mt19937 random(seed);
      Model m = randomModel(2500, WeightKind::f32, random);
      m.rowBias.assign(30, 0);
      for (double &v : m.weight.values)
        v = float(v * edge.weight);
      for (double &v : m.x.values)
        v = float(v * edge.x);
      for (double &v : m.bias.values)
        v = 0;
      Choice got = choose(m, 3, 2);
      ASSERT_EQ(got.tokens, run(m, 3, 1, false).tokens) << "seed " << seed;
      if (edge.opensAll)
        ASSERT_EQ(got.open, 20);
    }
}

// One sketched logit is inf - inf, while the exact logit is the best by far.
TEST_P(Sketch, OverflowDecidesNothing) {
  std::mt19937 random(10);
  Model m = randomModel(2500, WeightKind::f32, random);
  m.rowBias.assign(30, 0);
  m.weight = Matrix(2500, inputs);
  m.bias = Matrix(1, 2500);
  m.bias(0, 1) = 1e6;
  m.x(0, 0) = m.x(0, 1) = 1e37;
  m.weight(2000, 0) = -1;
  m.weight(2000, 1) = 2;
  Choice got = choose(m, 1, 1);
  EXPECT_EQ(got.tokens[0], 2000);
  EXPECT_EQ(got.open, 2);
}

// Padding columns behind the last token are no tokens.
TEST_P(Sketch, EndsWithTheVocabulary) {
  std::mt19937 random(8);
  for (int64_t columns : {37, 211, 2500})
    for (float beyond : {0.0f, INFINITY, NAN}) {
      SCOPED_TRACE(std::to_string(columns) + ", " + std::to_string(beyond));
      Model m = randomModel(columns, WeightKind::f32, random);
      for (double lowest : {0.0, -3.4e38}) {
        for (double &v : m.bias.values)
          v = lowest ? lowest : v;
        EXPECT_EQ(choose(m, 3, 2, beyond).tokens, run(m, 3, 1, false).tokens) << lowest;
      }
    }
}

// A NaN logit makes its block a candidate and hides no other logit.
TEST_P(Sketch, LeavesNaNOpen) {
  std::mt19937 random(9);
  Model m = randomModel(2500, WeightKind::f32, random);
  m.rowBias.assign(30, 0);
  Choice before = choose(m, 1, 1);
  int64_t opened = 0;
  for (int64_t v = 5; v < 2500; v += 128) { // one in each block
    if (v == before.tokens[0])
      continue;
    double was = std::exchange(m.bias(0, v), NAN);
    Choice got = choose(m, 1, 1);
    EXPECT_EQ(got.tokens, before.tokens) << "NaN at " << v;
    EXPECT_GE(got.open, before.open);
    opened += got.open - before.open;
    m.bias(0, v) = was;
  }
  EXPECT_EQ(opened, 20 - before.open) << "each that was closed";
}

} // namespace
