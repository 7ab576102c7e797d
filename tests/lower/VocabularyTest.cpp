// Vocabulary and top_tokens kernels: ties, biases, odd sizes, equal bits.
#include "KernelCall.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <utility>

using namespace encdec;
using namespace encdec::test;
using lower::CpuKernels;
using lower::WeightKind;

namespace {

constexpr int64_t inputs = 40;
constexpr int64_t sizes[] = {1, 16, 37, 128, 129, 211, 2500};

KernelJit &jit() {
  static KernelJit instance([](CpuKernels &kernels) {
    kernels.quantize(inputs);
    for (int64_t v : sizes) {
      for (WeightKind kind : weightKinds)
        kernels.vocabulary({inputs, v, kind});
      kernels.vocabulary({inputs, v, WeightKind::f32, WeightKind::int8});
      kernels.chooseVocabulary({inputs, v, WeightKind::f32, WeightKind::int8});
      kernels.topTokens(v);
      kernels.mergeVocabulary(v);
    }
  });
  return instance;
}

int64_t recordFloats(int64_t columns) {
  return 2 * pad16((pad16(columns) / 16 + 7) / 8);
}

struct Result {
  std::vector<int32_t> tokens;
  std::vector<float> logProbs, logits;
};

struct Model {
  Matrix x, weight, scales, bias;
  Matrix logitBias; // [3, V]
  std::vector<int32_t> rowBias;
  WeightKind kind;
};

Result run(const Model &m, int64_t rows, int64_t workers, bool stored,
           int64_t top = 1) {
  int64_t columns = m.weight.rows;
  KernelCall call(rows);
  Buffer biases(3 * pad16(columns));
  for (int64_t r = 0; r < 3; ++r)
    for (int64_t c = 0; c < columns; ++c)
      biases[r * pad16(columns) + c] = float(m.logitBias(r, c));
  Result result{std::vector<int32_t>(rows * top), std::vector<float>(rows * top),
                std::vector<float>(rows * pad16(columns))};
  call.context.logit_bias = biases.data();
  call.context.row_bias = m.rowBias.data();
  call.context.top = top;
  call.context.out_tokens = result.tokens.data();
  call.context.out_log_probs = result.logProbs.data();
  call.context.out_logits = result.logits.data();
  Matrix x = m.x;
  x.rows = rows;
  int32_t records = call.place(recordFloats(columns));
  std::string size = std::to_string(columns);
  if (stored) {
    // Logits of the other path serve as input; the result must be the same
    // bits.
    Result other = run(m, rows, 1, false);
    Matrix logits(rows, columns);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = 0; c < columns; ++c)
        logits(r, c) = other.logits[r * pad16(columns) + c];
    int32_t place = call.input(logits);
    call.run(jit(), "top_tokens_" + size, {place, records}, workers);
  } else {
    bool whole = lower::isInt8(m.kind);
    std::vector<int32_t> table = call.rowsFor(jit(), x, m.kind, workers);
    table.push_back(call.packed(m.weight, m.kind));
    table.push_back(whole ? call.vector(m.scales) : -1);
    table.push_back(call.vector(m.bias));
    table.push_back(records);
    call.run(jit(),
             "vocabulary_40_" + nameOf(m.kind).str() + "x" + size,
             table, workers);
  }
  call.run(jit(), "merge_vocabulary_" + size, {records}, workers);
  return result;
}

Model randomModel(int64_t columns, WeightKind kind, std::mt19937 &random) {
  Model m{randomMatrix(30, inputs, random),
          asStored(randomMatrix(columns, inputs, random), kind),
          randomMatrix(1, columns, random, 0.01),
          randomMatrix(1, columns, random),
          Matrix(3, columns),
          {},
          kind};
  for (double &v : m.logitBias.values)
    v = random() % 3 ? 0 : -INFINITY;
  for (int64_t c = 0; c < columns; ++c)
    m.logitBias(0, c) = 0;
  m.logitBias(1, columns - 1) = 0; // something is left
  m.logitBias(2, 0) = 0;
  for (int32_t r = 0; r < 30; ++r)
    m.rowBias.push_back(r % 3);
  return m;
}

TEST(Vocabulary, BestTokenAndItsLogProbability) {
  for (int64_t columns : sizes)
    for (WeightKind kind : weightKinds) {
      SCOPED_TRACE("V = " + std::to_string(columns) +
                   " " + nameOf(kind).str());
      std::mt19937 random(columns);
      Model m = randomModel(columns, kind, random);
      Matrix seen = asSeen(m.x, kind);
      Matrix logits(30, columns);
      std::vector<double> logSum(30); // log Σ exp
      for (int64_t r = 0; r < 30; ++r) {
        for (int64_t v = 0; v < columns; ++v) {
          for (int64_t k = 0; k < inputs; ++k)
            logits(r, v) += seen(r, k) * m.weight(v, k);
          logits(r, v) =
              logits(r, v) * (lower::isInt8(kind) ? m.scales(0, v) : 1) + m.bias(0, v);
          logSum[r] += std::exp(logits(r, v));
        }
        logSum[r] = std::log(logSum[r]);
      }
      Result alone;
      for (int64_t rows : {1, 2, 7, 25, 30})
        for (int64_t workers = 1; workers <= 4; ++workers)
          for (bool stored : {false, true}) {
            Result got = run(m, rows, workers, stored);
            for (int64_t r = 0; r < rows; ++r) {
              for (int64_t v = 0; v < columns; ++v)
                ASSERT_NEAR(got.logits[r * pad16(columns) + v], logits(r, v),
                            2e-5);
              // The token is judged by the kernel's own logits: near ties.
              int64_t best = -1;
              float value = -INFINITY;
              for (int64_t v = 0; v < columns; ++v) {
                float biased = got.logits[r * pad16(columns) + v] +
                               float(m.logitBias(m.rowBias[r], v));
                if (biased > value) {
                  value = biased;
                  best = v;
                }
              }
              ASSERT_EQ(got.tokens[r], best) << "row " << r;
              ASSERT_NEAR(got.logProbs[r], logits(r, best) - logSum[r], 3e-5);
            }
            if (alone.tokens.empty())
              alone = got;
            ASSERT_EQ(got.tokens[0], alone.tokens[0]);
            ASSERT_EQ(bits(got.logProbs.data(), 1),
                      bits(alone.logProbs.data(), 1));
          }
    }
}

TEST(Vocabulary, LowestIdWinsTies) {
  std::mt19937 random(1);
  for (int64_t columns : {37, 211, 2500}) {
    Model m = randomModel(columns, WeightKind::f32, random);
    for (double &v : m.weight.values)
      v = 0;
    for (double &v : m.bias.values)
      v = -1;
    // Equal best ones in different lanes, panels and blocks.
    std::vector<int64_t> best{columns - 1, columns / 2, columns / 3 + 1};
    for (int64_t v : best)
      m.bias(0, v) = 2;
    m.rowBias.assign(30, 0);
    EXPECT_EQ(run(m, 2, 2, false).tokens[1], columns / 3 + 1);
    m.logitBias(0, columns / 3 + 1) = -INFINITY;
    EXPECT_EQ(run(m, 2, 2, false).tokens[1], columns / 2);
    for (int64_t v = 0; v < columns; ++v)
      m.logitBias(0, v) = -INFINITY;
    EXPECT_EQ(run(m, 1, 1, false).tokens[0], 0) << "all forbidden";
  }
}

// What is no number takes part in nothing, wherever it stands.
TEST(Vocabulary, NaNHidesNoOther) {
  std::mt19937 random(7);
  Model m = randomModel(211, WeightKind::f32, random);
  m.rowBias.assign(30, 0);
  std::vector<int32_t> tokens = run(m, 1, 1, false).tokens;
  for (int64_t v = 0; v < 211; ++v) {
    if (v == tokens[0])
      continue;
    double before = std::exchange(m.bias(0, v), NAN);
    ASSERT_EQ(run(m, 1, 1, false).tokens, tokens) << "NaN at " << v;
    m.bias(0, v) = before;
  }
}

struct Choice {
  std::vector<int32_t> tokens;
  int64_t open = -1; // blocks that the sketch left open, if it was used
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
  call.context.top = 1;
  call.context.out_tokens = result.tokens.data();
  call.context.out_open_blocks = &result.open;
  Matrix x = m.x;
  x.rows = rows;
  int32_t records = call.place(recordFloats(columns));
  std::vector<int32_t> table{call.input(x),        call.packed(m.weight), -1,
                             call.vector(m.bias),  records,
                             call.packedInt8(sketch), call.vector(scales)};
  std::string size = std::to_string(columns), shape = "40_f32x" + size + "_by_i8";
  call.run(jit(), "vocabulary_" + shape, table, workers);
  call.run(jit(), "choose_vocabulary_" + shape, table, workers);
  call.run(jit(), "merge_vocabulary_" + size, {records}, workers);
  return result;
}

// However near the others are, and whoever works: the token of the whole product.
TEST(Vocabulary, SketchedTokenIsTheToken) {
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
        Result whole = run(m, rows, 1, false);
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
// side of x: its logit is as far above its sketch as any can be.
TEST(Vocabulary, SketchReachesTheFarthestLogit) {
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
  m.bias(0, 1) = 0.498 * sum; // known exactly: this one's weights are 0
  ASSERT_EQ(run(m, 1, 1, false).tokens[0], 2000);
  Choice got = choose(m, 1, 1);
  EXPECT_EQ(got.tokens[0], 2000);
  EXPECT_EQ(got.open, 2);
}

TEST(Vocabulary, SketchObeysBiases) {
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

// Greater and smaller than any model's: what the sketch rounds away, or overflows at, it
// must not decide.
TEST(Vocabulary, SketchedTokenIsTheTokenAtTheEdgesOfFloats) {
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

// Here one sketched logit is inf - inf, and the sum itself is the best by far.
TEST(Vocabulary, SketchThatOverflowsDecidesNothing) {
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

// What stands behind the last token, in rooms kept for whole vectors, is none.
TEST(Vocabulary, SketchEndsWithTheVocabulary) {
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

// One logit that is no number opens its block and hides no other.
TEST(Vocabulary, SketchLeavesNaNOpen) {
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

TEST(Vocabulary, TopTokensBestFirst) {
  std::mt19937 random(3);
  for (int64_t columns : sizes)
    for (int64_t top : {1, 2, 8, 64}) {
      SCOPED_TRACE("V = " + std::to_string(columns) + ", top " +
                   std::to_string(top));
      Model m = randomModel(columns, WeightKind::f32, random);
      for (int64_t c = 0; c < columns; c += 3) // many ties
        m.bias(0, c) = 1;
      for (double &v : m.weight.values)
        v = std::round(v);
      for (double &v : m.x.values)
        v = std::round(v);
      Result reference;
      for (int64_t workers = 1; workers <= 4; ++workers)
        for (bool stored : {false, true}) {
          Result got = run(m, 7, workers, stored, top);
          for (int64_t r = 0; r < 7; ++r) {
            const float *logits = got.logits.data() + r * pad16(columns);
            std::vector<std::pair<float, int32_t>> order;
            for (int32_t v = 0; v < columns; ++v)
              if (m.logitBias(m.rowBias[r], v) == 0)
                order.push_back({-logits[v], v});
            std::sort(order.begin(), order.end());
            for (int64_t i = 0; i < top; ++i) {
              bool there = i < int64_t(order.size());
              ASSERT_EQ(got.tokens[r * top + i], there ? order[i].second : 0)
                  << "row " << r << " place " << i;
              if (!there)
                ASSERT_EQ(got.logProbs[r * top + i], -INFINITY);
              else if (i)
                ASSERT_NEAR(got.logProbs[r * top] - got.logProbs[r * top + i],
                            order[i].first - order[0].first, 1e-4);
            }
          }
          if (reference.tokens.empty())
            reference = got;
          ASSERT_EQ(bits(got.logProbs.data(), 7 * top),
                    bits(reference.logProbs.data(), 7 * top));
        }
    }
}

} // namespace
