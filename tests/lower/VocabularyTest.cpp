// Vocabulary and top_tokens kernels: ties, biases, odd sizes, equal bits.
#include "VocabularyCall.h"
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <utility>

using namespace encdec;
using namespace encdec::test;
using namespace encdec::test::vocabulary;

namespace {

class Vocabulary : public EachLevel {};
INSTANTIATE_TEST_SUITE_P(Levels, Vocabulary, everyLevel());

TEST_P(Vocabulary, BestTokenAndItsLogProbability) {
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
              logits(r, v) * (cpu::hasScales(kind) ? m.scales(0, v) : 1) + m.bias(0, v);
          logSum[r] += std::exp(logits(r, v));
        }
        logSum[r] = std::log(logSum[r]);
      }
      Output alone;
      for (int64_t rows : {1, 2, 7, 25, 30})
        for (int64_t workers = 1; workers <= 4; ++workers)
          for (bool stored : {false, true}) {
            Output got = run(m, rows, workers, stored);
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

TEST_P(Vocabulary, LowestIdWinsTies) {
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

// A NaN logit takes no part, wherever it stands.
TEST_P(Vocabulary, NaNHidesNoOther) {
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

// A bias of -inf bans a token. Banning a whole block, and part of another, gives the
// log-probabilities of the remaining columns alone.
TEST_P(Vocabulary, BannedBlocksHaveNoShare) {
  std::mt19937 random(11);
  for (WeightKind kind : weightKinds)
    for (int64_t columns : {211, 2500}) {
      SCOPED_TRACE("V = " + std::to_string(columns) + " " + nameOf(kind).str());
      Model m = randomModel(columns, kind, random);
      m.rowBias.assign(30, 0);
      Output free = run(m, 7, 1, false);
      for (int64_t v = 0; v < 140; ++v) // block 0, and some of block 1
        m.bias(0, v) = -INFINITY;
      std::vector<double> share(7); // Σ exp of the columns that are left
      for (int64_t r = 0; r < 7; ++r)
        for (int64_t v = 140; v < columns; ++v)
          share[r] += std::exp(double(free.logits[r * pad16(columns) + v]));
      for (int64_t workers : {1, 3})
        for (bool stored : {false, true}) {
          Output got = run(m, 7, workers, stored);
          for (int64_t r = 0; r < 7; ++r) {
            ASSERT_GE(got.tokens[r], 140);
            double logit = free.logits[r * pad16(columns) + got.tokens[r]];
            ASSERT_NEAR(got.logProbs[r], logit - std::log(share[r]), 3e-5)
                << "row " << r << ", stored " << stored;
          }
        }
    }
}

TEST_P(Vocabulary, TopTokensBestFirst) {
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
      Output reference;
      for (int64_t workers = 1; workers <= 4; ++workers)
        for (bool stored : {false, true}) {
          Output got = run(m, 7, workers, stored, top);
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

// Of top 0 logits alone are made, and only where they are asked for.
TEST_P(Vocabulary, NoTokens) {
  std::mt19937 random(13);
  for (int64_t columns : {37, 2500})
    for (WeightKind kind : weightKinds) {
      SCOPED_TRACE("V = " + std::to_string(columns) + " " + nameOf(kind).str());
      Model m = randomModel(columns, kind, random);
      for (bool stored : {false, true})
        for (int64_t workers : {1, 3}) {
          Output some = run(m, 7, workers, stored), none = run(m, 7, workers, stored, /*top=*/0);
          ASSERT_EQ(bits(none.logits.data(), 7 * pad16(columns)),
                    bits(some.logits.data(), 7 * pad16(columns)));
        }
      KernelCall call(7);
      Buffer scratch(16384);
      std::fill_n(scratch.data(), 16384, 1.0f); // products of weights that are not there are NaN
      std::string before = bits(scratch.data(), 16384);
      call.context.scratch = scratch.bytes(); // all else that only tokens need is null
      int32_t records = call.place(recordFloats(columns)), in = call.input(m.x);
      std::string size = std::to_string(columns);
      std::vector<int32_t> table = {in};
      if (kind == WeightKind::int8Dynamic)
        table.push_back(in);
      table.insert(table.end(), {0, 0, 0, records, 0, 0, 0, 0, 0, 768});
      call.run(jit(), "vocabulary_40_" + nameOf(kind).str() + "x" + size, table);
      call.run(jit(), "vocabulary_40_f32x" + size + "_by_i8",
               {in, 0, -1, 0, 0, 0, records, 0, 0, 0, 0, 0, 768});
      call.run(jit(), "choose_vocabulary_40_f32x" + size + "_by_i8",
               {in, records, 0, 0, 0, 0, -1, 0, 0, 0, 0, 0, 768});
      call.run(jit(), "top_tokens_" + size, {in, records, 0, 0, 0});
      call.run(jit(), "merge_vocabulary_" + size, {records, 0, 0, 0});
      EXPECT_EQ(bits(scratch.data(), 16384), before);
      int64_t count = 7 * recordFloats(columns);
      EXPECT_EQ(bits(call.at(records), count), bits(Buffer(count).data(), count));
    }
}

} // namespace
