//===- ProcessorTest.cpp - what processors ban ----------------------------===//

#include "runtime/search/EncoderNoRepeatNgram.h"
#include "runtime/search/NoRepeatNgram.h"
#include "runtime/search/Processors.h"
#include "tests/runtime/CountAllocations.h"
#include "tests/runtime/FakeModel.h"

#include <random>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

constexpr size_t vocabulary = 48;

/// Bans of up to four rows, and what a step would see of them.
struct Banned {
  static constexpr size_t rows = 4;

  explicit Banned(SearchOptions theOptions = {}, size_t most = 100)
      : options(std::move(theOptions)), bans(biases, vocabulary, options, rows, most) {}

  std::set<int32_t> of(size_t row) const {
    std::set<int32_t> found;
    for (size_t token = 0; token < vocabulary; ++token) {
      const float bias = biases[size_t(bans.rowBias()[row]) * vocabulary + token];
      EXPECT_TRUE(bias == 0 || bias == -INFINITY) << bias;
      if (bias != 0)
        found.insert(int32_t(token));
    }
    return found;
  }

  SearchOptions options;
  std::vector<float> biases = std::vector<float>((2 + rows) * vocabulary);
  Bans bans;
};

TEST(Bans, HoldForTheirRowAndStepAlone) {
  Banned banned({.eos = {0, 7}, .badTokens = {40}});
  banned.bans.begin(4, false);
  banned.bans.ban(1, 5);
  banned.bans.ban(1, 40); // bad already
  banned.bans.ban(1, 5);
  banned.bans.ban(2, 9);
  for (int32_t foreign : {-1, int32_t(vocabulary), INT32_MAX})
    banned.bans.ban(3, foreign);
  EXPECT_EQ(banned.of(0), std::set{40});
  EXPECT_EQ(banned.of(1), (std::set{5, 40}));
  EXPECT_EQ(banned.of(2), (std::set{9, 40}));
  EXPECT_EQ(banned.of(3), std::set{40});
  EXPECT_EQ(banned.bans.rowBias()[0], banned.bans.rowBias()[3]);
  banned.bans.begin(3, true);
  banned.bans.ban(2, 11);
  EXPECT_EQ(banned.of(1), (std::set{0, 7, 40}));
  EXPECT_EQ(banned.of(2), (std::set{0, 7, 11, 40}));
  banned.bans.begin(3, false);
  EXPECT_EQ(banned.of(2), std::set{40});
}

TEST(Bans, LeaveZeros) {
  std::vector<float> biases(3 * vocabulary);
  const SearchOptions options{.eos = {1}, .badTokens = {2, 3}};
  {
    Bans bans(biases, vocabulary, options, 1, 1);
    bans.begin(1, true);
    bans.ban(0, 5);
    EXPECT_NE(std::ranges::count(biases, 0.0f), std::ssize(biases));
  }
  EXPECT_EQ(std::ranges::count(biases, 0.0f), std::ssize(biases));
}

/// The tokens v for which the last n of `tokens` and v are an n-gram of `text`.
std::set<int32_t> wouldRepeat(const Ids &text, Ids tokens, size_t n) {
  std::set<int32_t> found;
  for (int32_t v = 0; v < int32_t(vocabulary); ++v) {
    tokens.push_back(v);
    if (tokens.size() >= n &&
        !std::ranges::search(text, std::span(tokens).last(n)).empty())
      found.insert(v);
    tokens.pop_back();
  }
  return found;
}

Ids drawIds(std::mt19937 &random, size_t most) {
  Ids ids(1 + random() % most);
  const int32_t kinds = random() % 3 ? 3 : 60; // of 60 some are in no vocabulary
  for (int32_t &id : ids)
    id = int32_t(random()) & INT32_MAX;
  for (int32_t &id : ids)
    id %= kinds;
  return ids;
}

TEST(Ngrams, BannedAreThoseThatWouldRepeat) {
  std::mt19937 random(5);
  size_t some = 0;
  for (int round = 0; round < 3000; ++round) {
    const size_t n = 1 + random() % 5;
    Ids tokens[Banned::rows], sources[Banned::rows];
    std::vector<LiveRow> rows;
    for (size_t row = 0; row < Banned::rows; ++row) {
      tokens[row] = drawIds(random, 30);
      for (int32_t &token : tokens[row])
        token %= int32_t(vocabulary);
      sources[row] = drawIds(random, 30);
      rows.push_back({tokens[row], sources[row]});
    }
    Banned own, source;
    own.bans.begin(rows.size(), false);
    source.bans.begin(rows.size(), false);
    NoRepeatNgram(n).process(rows, own.bans);
    EncoderNoRepeatNgram(n).process(rows, source.bans);
    for (size_t row = 0; row < rows.size(); ++row) {
      SCOPED_TRACE(testing::Message() << "round " << round << ", n " << n << ", row " << row);
      ASSERT_EQ(own.of(row), wouldRepeat(tokens[row], tokens[row], n));
      ASSERT_EQ(source.of(row), wouldRepeat(sources[row], tokens[row], n));
      some += !own.of(row).empty() && !source.of(row).empty();
    }
  }
  EXPECT_GT(some, 1000u);
}

/// A search that continues rows at random.
struct RandomSearch final : Search {
  NextStep start(size_t) override { return {}; }
  NextStep advance(std::span<const int32_t>, std::span<const float>) override { return {}; }
  size_t sourceOf(size_t row) const override { return row % 2; }
  std::vector<Hypothesis> take(size_t) override { return {}; }
};

TEST(Processors, SeeRowsThroughReorderingAndAllocateNothing) {
  constexpr size_t rows = 32, steps = 60;
  const SearchOptions options{.eos = {0},
                              .maxLength = steps + 1,
                              .badTokens = {40},
                              .noRepeatNgramSize = 2,
                              .encoderNoRepeatNgramSize = 3};
  const Sources sources{{1, 2, 1, 1, 2, 0}, {3, 2, 1, 0, 1, 2, 3, 2, 0}};
  Processors processors(options, sources.ids, sources.offsets, rows);
  std::vector<float> biases((2 + rows) * vocabulary);
  Bans bans(biases, vocabulary, options, rows, processors.mostBans());
  std::mt19937 random(6);
  RandomSearch search;
  std::vector<Ids> plain(2);
  size_t several = 0;
  for (size_t step = 0; step < steps; ++step) {
    const size_t count = step ? 2 + random() % (rows - 1) : 2;
    std::vector<uint32_t> parents(count);
    Ids tokens(count);
    std::vector<Ids> next;
    for (size_t row = 0; row < count; ++row) {
      parents[row] = step ? uint32_t(random() % plain.size()) : uint32_t(row);
      tokens[row] = int32_t(random() % 4);
      next.push_back(plain[parents[row]]);
      next[row].push_back(tokens[row]);
    }
    plain = next;
    const bool eos = step % 3 == 0;
    const uint64_t before = allocations();
    bans.begin(count, eos);
    processors.process({parents, tokens, eos}, search, bans);
    EXPECT_EQ(allocations(), before) << "step " << step;
    for (size_t row = 0; row < count; ++row) {
      const size_t b = row % 2;
      std::set<int32_t> expected = wouldRepeat(plain[row], plain[row], 2);
      const Ids source(sources.ids.begin() + int64_t(sources.offsets[b]),
                       sources.ids.begin() + int64_t(sources.offsets[b + 1]));
      expected.merge(wouldRepeat(source, plain[row], 3));
      expected.insert(40);
      if (eos)
        expected.insert(0);
      std::set<int32_t> found;
      for (size_t token = 0; token < vocabulary; ++token)
        if (biases[size_t(bans.rowBias()[row]) * vocabulary + token] != 0)
          found.insert(int32_t(token));
      ASSERT_EQ(found, expected) << "step " << step << ", row " << row;
      several += found.size() > 3;
    }
  }
  EXPECT_GT(several, 500u);
}

/// Whether the n-grams of `tokens` differ from each other.
bool ngramsDiffer(const Ids &tokens, size_t n) {
  std::set<Ids> seen;
  for (size_t i = 0; i + n <= tokens.size(); ++i)
    if (!seen.emplace(tokens.begin() + int64_t(i), tokens.begin() + int64_t(i + n)).second)
      return false;
  return true;
}

TEST(Processors, NoOutputRepeatsItselfOrItsSource) {
  FakeModel model;
  const Sources sources = manySources(40);
  auto state = model.state({.maxRows = 50});
  size_t wouldHave = 0, wouldHaveSource = 0;
  auto check = [&](const GenerateRequest &request, bool own, bool source, size_t n) {
    auto made = generate(*state, sources.ids, sources.offsets, request);
    ASSERT_TRUE(made.ok()) << made.status().message();
    for (size_t b = 0; b < made->size(); ++b)
      for (const Generated &one : (*made)[b]) {
        Ids tokens{40};
        tokens.insert(tokens.end(), one.ids.begin(), one.ids.end());
        const Ids from(sources.ids.begin() + int64_t(sources.offsets[b]),
                       sources.ids.begin() + int64_t(sources.offsets[b + 1]));
        bool shares = false;
        for (size_t i = 0; i + n <= tokens.size(); ++i)
          shares |= !std::ranges::search(from, std::span(tokens).subspan(i, n)).empty();
        if (own)
          EXPECT_TRUE(ngramsDiffer(tokens, n)) << "source " << b << ", n " << n;
        else
          wouldHave += !ngramsDiffer(tokens, n);
        if (source)
          EXPECT_FALSE(shares) << "source " << b << ", n " << n;
        else
          wouldHaveSource += shares;
      }
    EXPECT_EQ(std::ranges::count(state->biases(), 0.0f), std::ssize(state->biases()));
  };
  for (uint64_t beams : {1, 2, 5})
    for (size_t n : {1, 2, 3}) {
      GenerateRequest request{.minNewTokens = 20, .beams = beams, .returned = beams};
      check(request, false, false, n);
      request.noRepeatNgramSize = n;
      check(request, true, false, n);
      request.encoderNoRepeatNgramSize = n;
      if (n > 1) // or a long source leaves no token
        check(request, true, true, n);
      request.noRepeatNgramSize = 0;
      if (n > 1)
        check(request, false, true, n);
    }
  EXPECT_GT(wouldHave, 100u) << "or the options change nothing";
  EXPECT_GT(wouldHaveSource, 100u);
}

} // namespace
