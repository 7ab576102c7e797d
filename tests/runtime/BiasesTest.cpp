//===- BiasesTest.cpp - tokens that a step must not choose ----------------===//

#include "runtime/search/Biases.h"
#include "runtime/search/Generator.h"
#include "tests/runtime/FakeModel.h"

#include <random>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

constexpr size_t vocabulary = 48;

std::set<int32_t> bannedBy(std::span<const float> row) {
  std::set<int32_t> found;
  for (size_t token = 0; token < vocabulary; ++token) {
    EXPECT_TRUE(row[token] == 0 || row[token] == -INFINITY) << row[token];
    if (row[token] != 0)
      found.insert(int32_t(token));
  }
  return found;
}

TEST(Biases, RowsOfOneStepBanWhatTheyWereAskedFor) {
  constexpr size_t rows = 6;
  std::vector<float> floats((1 + rows) * vocabulary);
  std::mt19937 random(5);
  size_t shared = 0;
  {
    Biases biases(floats, vocabulary);
    for (int step = 0; step < 500; ++step) {
      biases.begin();
      std::map<int32_t, std::set<int32_t>> asked;
      for (size_t row = 0; row < rows; ++row) {
        Ids banned(random() % 4);
        for (int32_t &token : banned)
          token = int32_t(random() % 5) * 12 - 1; // -1 and 59 are in no vocabulary
        std::set<int32_t> inside;
        for (int32_t token : banned)
          if (token >= 0 && token < int32_t(vocabulary))
            inside.insert(token);
        const int32_t place = biases.rowFor(banned);
        shared += asked.count(place);
        const auto [entry, isNew] = asked.emplace(place, inside);
        EXPECT_EQ(entry->second, inside) << "step " << step << ", row " << row;
      }
      for (const auto &[place, inside] : asked)
        EXPECT_EQ(bannedBy(std::span(floats).subspan(size_t(place) * vocabulary, vocabulary)),
                  inside);
    }
  }
  EXPECT_GT(shared, 300u) << "or rows share no biases";
  EXPECT_EQ(std::ranges::count(floats, 0.0f), std::ssize(floats));
}

/// Whether the n-grams of `tokens` differ from each other.
bool ngramsDiffer(const Ids &tokens, size_t n) {
  std::set<Ids> seen;
  for (size_t i = 0; i + n <= tokens.size(); ++i)
    if (!seen.emplace(tokens.begin() + int64_t(i), tokens.begin() + int64_t(i + n)).second)
      return false;
  return true;
}

TEST(Biases, NoOutputRepeatsItselfOrItsSource) {
  FakeModel model;
  const Sources sources = manySources(40);
  auto state = model.state({.maxRows = 50});
  size_t wouldHave = 0, wouldHaveSource = 0;
  auto check = [&](const GenerationOptions &request, bool own, bool source, size_t n) {
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
  for (int64_t beams : {1, 2, 5})
    for (int64_t n : {1, 2, 3}) {
      GenerationOptions request;
      request.min_new_tokens = 20;
      request.num_beams = request.num_return_sequences = beams;
      check(request, false, false, size_t(n));
      request.no_repeat_ngram_size = n;
      check(request, true, false, size_t(n));
      request.encoder_no_repeat_ngram_size = n;
      if (n > 1) // or a long source leaves no token
        check(request, true, true, size_t(n));
      request.no_repeat_ngram_size = 0;
      if (n > 1)
        check(request, false, true, size_t(n));
    }
  EXPECT_GT(wouldHave, 100u) << "or the options change nothing";
  EXPECT_GT(wouldHaveSource, 100u);
}

} // namespace
