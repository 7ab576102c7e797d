//===- LookupTest.cpp - guesses change the number of steps and nothing else ---===//

#include "tests/runtime/TableModel.h"

#include "runtime/search/Engine.h"
#include "runtime/search/Lookup.h"

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

Ids guessOf(const Ids &row, const Ids &source, size_t ngram, size_t most) {
  Ids guess{99};
  lookUp(row, source, ngram, most, guess);
  return guess;
}

TEST(Lookup, WhatFollowedInTheSourceOrInTheRow) {
  EXPECT_EQ(guessOf({0, 1, 2}, {7, 1, 2, 3, 4, 5}, 2, 2), (Ids{3, 4}));
  EXPECT_EQ(guessOf({0, 1, 2}, {7, 1, 2, 3}, 2, 5), (Ids{3}));
  // The longest match counts, the source before the row, and the row's last one.
  EXPECT_EQ(guessOf({1, 2, 8, 1, 2}, {2, 6}, 2, 1), (Ids{8}));
  EXPECT_EQ(guessOf({2, 8, 0, 2}, {2, 6}, 2, 9), (Ids{6}));
  EXPECT_EQ(guessOf({2, 8, 2, 9, 2}, {}, 2, 1), (Ids{9}));
  EXPECT_EQ(guessOf({3, 3, 3}, {}, 2, 4), (Ids{3}));
  // Nothing follows at a source's end.
  EXPECT_EQ(guessOf({0, 1, 2}, {1, 2}, 2, 3), Ids{});
  EXPECT_EQ(guessOf({0, 1, 2}, {5}, 2, 3), Ids{});
  EXPECT_EQ(guessOf({0}, {0, 4}, 2, 0), Ids{});
}

/// What searches of all sources give, and how many steps they take.
struct Outcome {
  std::vector<std::vector<Generated>> results;
  uint64_t steps = 0;
};

Outcome search(const TableModel &model, const std::vector<GenerationOptions> &wishes,
               int64_t guesses) {
  Outcome outcome;
  StateLimits limits;
  limits.maxRows = 24;
  limits.maxSources = 8;
  auto state = State::create(model.model, limits);
  EXPECT_TRUE(state.ok()) << state.status().message();
  Engine engine(**state);
  std::vector<uint64_t> numbers;
  for (size_t i = 0; i < wishes.size(); ++i) {
    GenerationOptions options = wishes[i];
    if (guesses)
      options.prompt_lookup_num_tokens = guesses;
    const Ids ids{int32_t(i % TABLE_SOURCES), 2, 1};
    auto added = engine.add(ids, {}, options);
    EXPECT_TRUE(added.ok()) << added.status().message();
    numbers.push_back(*added);
  }
  while (engine.unfinished())
    EXPECT_TRUE(engine.advance().ok());
  for (uint64_t number : numbers)
    outcome.results.push_back(*engine.take(number));
  outcome.steps = (*state)->counters.steps;
  return outcome;
}

TEST(Lookup, ChangesNoTokenAndNoScore) {
  std::mt19937 random(3);
  uint64_t steps = 0, fewer = 0;
  for (int round = 0; round < 30; ++round) {
    // 31 rows make the next token depend on the last one alone: rows run in circles.
    Tables tables(6, 32, round % 3 ? 31 : 97);
    tables.fill(uint64_t(round));
    TableModel model(tables, {{"decoder_start_token_id", 5}, {"pad_token_id", 5}, {"bad_words_ids", nullptr}, {"eos_token_id", {0}}, {"max_length", 32}});
    std::vector<GenerationOptions> wishes(1 + random() % 8);
    for (GenerationOptions &wish : wishes) {
      wish.min_new_tokens = int64_t(random() % 20);
      wish.max_new_tokens = 20 + int64_t(random() % 10);
      wish.max_matching_ngram_size = 1 + int64_t(random() % 3);
      switch (random() % 6) {
      case 0:
        wish.do_sample = true;
        wish.temperature = 0.2;
        break;
      case 1:
        wish.repetition_penalty = 1.05;
        break;
      case 2:
        wish.no_repeat_ngram_size = 4;
        break;
      case 3:
        wish.num_beams = 3; // beams guess nothing
        break;
      case 4:
        wish.forced_eos_token_id = Ids{0};
      }
    }
    const Outcome plain = search(model, wishes, 0);
    const Outcome guessed = search(model, wishes, 1 + int64_t(random() % 12));
    for (size_t i = 0; i < wishes.size(); ++i) {
      ASSERT_EQ(guessed.results[i].size(), plain.results[i].size());
      for (size_t k = 0; k < plain.results[i].size(); ++k) {
        EXPECT_EQ(guessed.results[i][k].ids, plain.results[i][k].ids) << "round " << round;
        EXPECT_FLOAT_EQ(float(guessed.results[i][k].logProb),
                        float(plain.results[i][k].logProb));
      }
    }
    steps += plain.steps;
    fewer += guessed.steps;
  }
  EXPECT_LT(10 * fewer, 9 * steps) << "guesses that are right save steps";
}

} // namespace
