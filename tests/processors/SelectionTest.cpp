//===- SelectionTest.cpp - selections against sorting everything ----------===//

#include "runtime/search/Random.h"
#include "runtime/search/processors/Selection.h"

#include <gtest/gtest.h>

using namespace encdec::runtime;

namespace {

constexpr int cases = 400;

/// Up to 300 scores, some equal, some -inf.
std::vector<float> someScores(const Draw &draw) {
  std::vector<float> scores(1 + size_t(300 * draw.uniform(0)));
  const double grain = draw.uniform(1) < 0.5 ? 16 : 1 << 20;
  for (uint32_t t = 0; t < scores.size(); ++t)
    scores[t] = draw.uniform(2 * t + 2) < 0.1
                    ? never
                    : float(int(draw.uniform(2 * t + 3) * grain) / grain * 10 - 5);
  return scores;
}

TEST(Selection, KthGreatestIsThatOfTheSortedScores) {
  for (int n = 0; n < cases; ++n) {
    const Draw draw{1, uint64_t(n), 0};
    std::vector<float> scores = someScores(draw);
    const size_t k = 1 + size_t(draw.uniform(1000) * 1.2 * double(scores.size()));
    KthGreatest kth(k, scores.size());
    const float found = kth(scores), again = kth(scores);
    std::ranges::sort(scores, std::greater<>());
    const float expected = k < scores.size() ? scores[k - 1] : never;
    EXPECT_EQ(found, expected) << n;
    EXPECT_EQ(again, expected) << n;
  }
}

TEST(Selection, MassIsReachedAsByAWalkOverTheSortedItems) {
  const auto less = [](const Candidate &a, const Candidate &b) {
    return a.key != b.key ? a.key < b.key : a.token < b.token;
  };
  for (int n = 0; n < cases; ++n) {
    const Draw draw{2, uint64_t(n), 0};
    std::vector<Candidate> items;
    for (float score : someScores(draw)) // masses are exact in any order of summing
      items.push_back({score, float(int(draw.uniform(uint32_t(items.size())) * 64)) / 64,
                       int32_t(items.size())});
    std::vector<Candidate> sorted = items;
    std::ranges::sort(sorted, less);
    const double goal = draw.uniform(5000) * double(items.size()) * 0.6;
    size_t expected = 0;
    for (double before = 0; expected < sorted.size() && before < goal; ++expected)
      before += sorted[expected].mass;
    const size_t kept = selectByMass(items, less, [&](double mass) { return mass < goal; });
    ASSERT_EQ(kept, expected) << n;
    std::sort(items.begin(), items.begin() + int64_t(kept), less);
    for (size_t i = 0; i < kept; ++i)
      ASSERT_EQ(items[i].token, sorted[i].token) << n;
  }
}

} // namespace
