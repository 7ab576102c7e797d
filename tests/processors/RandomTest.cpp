//===- RandomTest.cpp - draws that depend on their place alone ------------===//

#include "runtime/search/Random.h"
#include "tests/processors/Rows.h"

#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <set>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::tests;

namespace {

/// The known answers of the paper's library (Random123, tests/kat_vectors, philox4x32 10).
TEST(Random, PhiloxAnswersAsInThePaper) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  const uint32_t ones = ~uint32_t(0);
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, EachPartOfAPlaceGivesOtherNumbers) {
  std::set<double> seen;
  for (uint64_t big : {uint64_t(0), uint64_t(1), uint64_t(1) << 32, uint64_t(1) << 63}) {
    seen.insert(Draw{big, 0, 0}.uniform(0));
    seen.insert(Draw{0, big, 0}.uniform(0));
    seen.insert(Draw{0, 0, uint32_t(big)}.uniform(7));
    seen.insert(Draw{0, 0, 3}.uniform(uint32_t(big)));
  }
  // All begin with the same place, and 32 bits of a big number may be 0.
  EXPECT_EQ(seen.size(), 4u + 3 + 2 + 2);
}

/// The probability of a χ² statistic at least so great, by Wilson and Hilferty's
/// approximation (1931), which is good to some percent of its size here.
double chance(double chi2, double degrees) {
  const double spread = 2 / (9 * degrees);
  return 0.5 * std::erfc((std::cbrt(chi2 / degrees) - (1 - spread)) / std::sqrt(2 * spread));
}

double chi2(const std::map<int64_t, int> &counts, const std::map<int64_t, double> &expected,
            double draws) {
  double sum = 0;
  for (const auto &[what, probability] : expected) {
    const auto found = counts.find(what);
    const double n = found == counts.end() ? 0 : found->second, mean = probability * draws;
    sum += (n - mean) * (n - mean) / mean;
  }
  return sum;
}

std::map<int64_t, double> softmax(const std::vector<float> &scores) {
  double sum = 0;
  for (float score : scores)
    sum += std::exp(double(score));
  std::map<int64_t, double> found;
  for (size_t t = 0; t < scores.size(); ++t)
    if (scores[t] > never)
      found[int64_t(t)] = std::exp(double(scores[t])) / sum;
  return found;
}

/// Scores that temperature, top_k and top_p have processed.
std::vector<float> processed() {
  std::vector<float> scores;
  for (uint32_t t = 0; t < 200; ++t)
    scores.push_back(float(6 * Draw{99, 0, 0}.uniform(t)) - 3);
  scores[7] = never;
  GenerationOptions options;
  options.do_sample = true;
  options.temperature = 0.7;
  options.top_k = 40;
  options.top_p = 0.9;
  ScoreRow row(scores);
  for (const auto &processor : makeProcessors({options, scores.size(), 20, false}))
    processor->process({{}, {}, 1}, row);
  return row.numbers;
}

TEST(Random, DrawsFollowTheProcessedDistribution) {
  const std::vector<float> scores = processed();
  const auto expected = softmax(scores);
  ASSERT_GT(expected.size(), 20u);
  ASSERT_LT(expected.size(), 41u);
  constexpr int draws = 1000000;
  std::map<int64_t, int> counts;
  for (int i = 0; i < draws; ++i) // the place varies as in use: ids and positions
    ++counts[*drawToken(scores, Draw{5, uint64_t(i) / 50, uint32_t(i) % 50}.uniform(0))];
  for (const auto &[token, count] : counts)
    EXPECT_TRUE(expected.contains(token)) << token << " was banned";
  EXPECT_GT(chance(chi2(counts, expected, draws), double(expected.size() - 1)), 1e-6);
}

/// Ordered pairs, (i, j) with probability p_i p_j / (1 - p_i), from the two greatest keys.
TEST(Random, GreatestKeysAreDrawsWithoutReplacement) {
  const std::vector<float> scores{0.5f, -1, never, 2, 0, -2.5f, 1};
  const auto single = softmax(scores);
  std::map<int64_t, double> expected;
  for (const auto &[i, p] : single)
    for (const auto &[j, q] : single)
      if (i != j)
        expected[i * 100 + j] = p * q / (1 - p);
  constexpr int draws = 1000000;
  std::map<int64_t, int> counts;
  for (int n = 0; n < draws; ++n) {
    const Draw draw{11, uint64_t(n), 4};
    std::vector<std::pair<double, int64_t>> keys;
    for (size_t t = 0; t < scores.size(); ++t)
      keys.emplace_back(gumbelKey(draw, uint32_t(t), scores[t]), int64_t(t));
    std::ranges::sort(keys, std::greater<>());
    ++counts[keys[0].second * 100 + keys[1].second];
  }
  EXPECT_EQ(counts.size(), expected.size());
  EXPECT_GT(chance(chi2(counts, expected, draws), double(expected.size() - 1)), 1e-6);
}

TEST(Random, DrawsAtTheEndsAreLegal) {
  EXPECT_EQ(drawToken(std::vector<float>{never, 1, never, 1, never}, 0), 1);
  EXPECT_EQ(drawToken(std::vector<float>{never, 1, never, 1, never}, 1 - 0x1p-53), 3);
  EXPECT_EQ(drawToken(std::vector<float>{0, std::nanf(""), -200}, 1 - 0x1p-53), 0);
  EXPECT_EQ(drawToken(std::vector<float>{never, never}, 0.5), std::nullopt);
  EXPECT_EQ(drawToken({}, 0.5), std::nullopt);
}

} // namespace
