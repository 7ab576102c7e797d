//===- HotWordsTest.cpp - phrases get their boost and give it back --------===//

#include "runtime/search/Random.h"
#include "tests/processors/Rows.h"

#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::tests;

namespace {

constexpr size_t V = 12;

struct Boosts {
  explicit Boosts(std::vector<TokenBias> phrases) {
    options.hot_words = std::move(phrases);
    processor = makeHotWords({options, V, 50, true});
  }

  /// What each token would add behind a row.
  std::vector<float> next(std::span<const int32_t> tokens) const {
    ScoreRow scores(std::vector<float>(V, 0));
    processor->process({tokens, {}, 1}, scores);
    return scores.numbers;
  }
  /// What the tokens of a row behind its start added, token by token.
  float total(const std::vector<int32_t> &row) const {
    float sum = 0;
    for (size_t n = 1; n < row.size(); ++n)
      sum += next(std::span(row).first(n))[size_t(row[n])];
    return sum;
  }

  GenerationOptions options;
  std::unique_ptr<Processor> processor;
};

TEST(HotWords, TokensOfAPhraseAddAndABreakGivesBack) {
  const Boosts boosts({{{1, 2, 3}, 1.5}});
  EXPECT_EQ(boosts.total({0, 1}), 1.5);
  EXPECT_EQ(boosts.total({0, 1, 2}), 3);
  EXPECT_EQ(boosts.total({0, 1, 2, 3}), 4.5);
  EXPECT_EQ(boosts.total({0, 1, 2, 9}), 0);
  EXPECT_EQ(boosts.total({0, 1, 2, 3, 9}), 4.5);
  EXPECT_EQ(boosts.total({0, 1, 2, 1}), 1.5); // breaks off and begins again
  EXPECT_EQ(boosts.next(std::vector<int32_t>{0, 1, 2}),
            (std::vector<float>{-3, -1.5, -3, 1.5, -3, -3, -3, -3, -3, -3, -3, -3}));
  EXPECT_EQ(boosts.next(std::vector<int32_t>{4, 4}),
            (std::vector<float>{0, 1.5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
}

TEST(HotWords, PhrasesInsideOthersCountWhereTheLongerBreaksOff) {
  const Boosts boosts({{{1, 2, 3, 4}, 1}, {{2, 3}, 1}, {{1, 2}, 2}, {{3, 5}, 1}});
  EXPECT_EQ(boosts.total({0, 1, 2}), 4);          // the greater boost of a shared beginning
  EXPECT_EQ(boosts.total({0, 1, 2, 9}), 4);       // 1 2 is whole
  EXPECT_EQ(boosts.total({0, 1, 2, 3}), 5);       // on the way to 1 2 3 4
  EXPECT_EQ(boosts.total({0, 1, 2, 3, 9}), 4);    // that breaks off, 1 2 stays
  EXPECT_EQ(boosts.total({0, 1, 2, 3, 4, 9}), 6); // all whole
  EXPECT_EQ(boosts.total({0, 2, 3, 9}), 2);
  EXPECT_EQ(boosts.total({0, 2, 3, 5, 9}), 4);    // 2 3 and 3 5
  EXPECT_EQ(Boosts({{{1, 2, 3}, 1}, {{2}, 1}}).total({0, 1, 2, 9}), 1);
  EXPECT_EQ(Boosts({{{1, 2, 3}, 1}, {{2}, 5}}).total({0, 1, 2}), 5);
  EXPECT_EQ(Boosts({{{1, 2, 3}, 1}, {{2}, 5}}).total({0, 1, 2, 9}), 5);
  EXPECT_EQ(Boosts({{{1, 2, 3}, 1}, {{2}, 5}}).total({0, 1, 2, 3, 9}), 6);
  EXPECT_EQ(Boosts({{{1, 2}, 2}, {{1, 3}, 1}}).total({0, 1}), 2);
  EXPECT_EQ(Boosts({{{1, 1}, 1}}).total({0, 1, 1, 1, 9}), 4); // stands there twice
}

/// Of phrases without common tokens, a row's total is what its whole phrases add, and the
/// begun one at its end.
TEST(HotWords, TotalsAreThoseOfWholePhrasesAndTheBegunOne) {
  const std::vector<TokenBias> phrases{{{1, 2, 3}, 0.5}, {{4}, 2}, {{5, 6}, 1.25}};
  const Boosts boosts(phrases);
  int whole = 0, begun = 0;
  for (uint64_t n = 0; n < 500; ++n) {
    const Draw draw{21, n, 0};
    std::vector<int32_t> row{0};
    for (uint32_t i = 0; i < 1 + n % 15; ++i) // often the token after the last one
      row.push_back(draw.uniform(2 * i) < 0.6 ? (row.back() + 1) % 8
                                              : int32_t(draw.uniform(2 * i + 1) * 8));
    double expected = 0;
    for (size_t end = 1; end < row.size(); ++end)
      for (const TokenBias &phrase : phrases)
        for (size_t length = 1; length <= std::min(phrase.tokens.size(), end); ++length) {
          const bool all = length == phrase.tokens.size();
          if ((all || end + 1 == row.size()) &&
              std::equal(row.begin() + int64_t(end + 1 - length), row.begin() + int64_t(end + 1),
                         phrase.tokens.begin())) {
            expected += phrase.bias * double(length);
            ++(all ? whole : begun);
          }
        }
    ASSERT_EQ(boosts.total(row), expected) << n;
  }
  EXPECT_GT(whole, 100);
  EXPECT_GT(begun, 30);
}

} // namespace
