//===- EngineTest.cpp - sources that come, decode together and go ---------===//

#include "tests/runtime/FakeModel.h"

#include "runtime/search/Engine.h"

#include <fmt/format.h>

#ifndef __has_feature // GCC before 14
#define __has_feature(x) 0
#endif

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

GenerationOptions beamsOf(int64_t beams) {
  GenerationOptions options;
  options.num_beams = beams;
  options.num_return_sequences = beams;
  options.min_new_tokens = 3;
  return options;
}

/// What a source asks for.
struct Wish {
  Ids ids, prefix;
  GenerationOptions options;
};

Wish randomWish(std::mt19937 &random) {
  Wish wish;
  wish.ids.resize(1 + random() % FAKE_POSITIONS);
  for (int32_t &id : wish.ids)
    id = int32_t(random() % FAKE_LOST);
  wish.prefix.resize(random() % 4 ? 0 : random() % 9);
  for (int32_t &id : wish.prefix)
    id = int32_t(1 + random() % 39); // neither the end nor the start token
  wish.options = beamsOf(1 + int64_t(random() % 4));
  wish.options.max_new_tokens = 4 + int64_t(random() % 12);
  if (random() % 3 == 0)
    wish.options.no_repeat_ngram_size = 2;
  GenerationOptions &options = wish.options;
  const int64_t beams = *options.num_beams;
  switch (random() % 8) { // a search of another kind
  case 0:
    options.do_sample = true;
    options.seed = int64_t(random() % 3);
    break;
  case 1:
    if (beams % 2 == 0) {
      options.num_beam_groups = 2;
      options.diversity_penalty = 0.7;
    }
    break;
  case 2:
    if (beams > 1) // of any tokens
      options.force_words_ids.emplace(1).front().push_back({int32_t(random() % 38 + 1)});
    break;
  case 3:
    options.return_alternatives = true;
    options.num_return_sequences = 1 + int64_t(random() % (beams > 2 ? 2 : 3));
    break;
  case 4:
    options.prefix_bias_beta = 0.4;
    break;
  case 5:
    if (beams > 1) {
      options.early_stopping = EarlyStopping::yes;
      options.patience = 2;
    }
  }
  if (!options.force_words_ids && random() % 4 == 0)
    options.shortlist = random() % 2 ? "even" : "thirds";
  if (random() % 4 == 0)
    options.prompt_lookup_num_tokens = 1 + int64_t(random() % 5);
  return wish;
}

uint64_t add(Engine &engine, const Wish &wish) {
  auto added = engine.add(wish.ids, wish.prefix, wish.options);
  EXPECT_TRUE(added.ok()) << added.status().message();
  return added.ok() ? *added : ~uint64_t(0);
}

std::vector<Generated> take(Engine &engine, uint64_t source) {
  auto taken = engine.take(source);
  EXPECT_TRUE(taken.ok()) << taken.status().message();
  return taken.ok() ? *taken : std::vector<Generated>();
}

std::vector<Generated> alone(State &state, const Wish &wish) {
  Engine engine(state);
  const uint64_t source = add(engine, wish);
  while (engine.unfinished())
    EXPECT_TRUE(engine.advance().ok());
  return take(engine, source);
}

void expectSame(const std::vector<Generated> &a, const std::vector<Generated> &b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].ids, b[i].ids);
    EXPECT_EQ(a[i].logProb, b[i].logProb);
    EXPECT_EQ(a[i].score, b[i].score);
  }
}

/// Room for few sources of few tokens, so that sources wait and memory is moved.
StateLimits narrow() {
  StateLimits limits;
  limits.maxRows = 9;
  limits.maxSources = 4;
  limits.maxSourceTokens = 5 * 16;
  return limits;
}

/// How many generations a test runs: tests/full.sh asks for more.
size_t generationsOr(size_t few) {
  const char *asked = std::getenv("ENCDEC_GENERATIONS");
  return asked ? std::strtoul(asked, nullptr, 10) : few;
}

TEST(Engine, EachSourceGetsWhatItGetsAlone) {
  FakeModel model;
  auto state = model.state(narrow()), other = model.state();
  std::mt19937 random(7);
  Engine engine(*state);
  std::map<uint64_t, Wish> open;
  size_t compared = 0;
  const size_t wanted = generationsOr(500);
  while (compared < wanted) {
    if (open.size() < 12 && random() % 3 == 0) {
      Wish wish = randomWish(random);
      const uint64_t source = add(engine, wish);
      open.emplace(source, std::move(wish));
    }
    if (!open.empty() && random() % 23 == 0) {
      auto some = std::next(open.begin(), int64_t(random() % open.size()));
      EXPECT_TRUE(engine.remove(some->first).ok());
      open.erase(some);
    }
    ASSERT_TRUE(engine.advance().ok());
    EXPECT_LE(state->rows(), 9u);
    for (Event event; engine.nextEvent(event);)
      if (event.kind == Event::Finished) {
        SCOPED_TRACE(fmt::format("source {}", event.source));
        expectSame(take(engine, event.source), alone(*other, open.at(event.source)));
        open.erase(event.source);
        ++compared;
      }
    if (HasFailure())
      break;
  }
}

/// Pages of this process that are in memory.
long residentPages() {
  long all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident;
}

size_t openFiles() {
  return size_t(std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                              std::filesystem::directory_iterator()));
}

TEST(Engine, TakesNoMoreMemoryAndFilesAsItGoesOn) {
  FakeModel model;
  auto state = model.state(narrow());
  std::mt19937 random(11);
  Engine engine(*state);
  auto run = [&](size_t generations) {
    for (size_t ended = 0; ended < generations;) {
      while (engine.unfinished() < 8)
        add(engine, randomWish(random));
      ASSERT_TRUE(engine.advance().ok());
      for (Event event; engine.nextEvent(event);)
        if (event.kind == Event::Finished) {
          take(engine, event.source);
          ++ended;
        }
    }
  };
  run(500);
  const long pages = residentPages();
  const size_t files = openFiles();
  run(generationsOr(1000));
  EXPECT_EQ(openFiles(), files);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
  EXPECT_LT(residentPages() - pages, 256) << "pages of 4 KiB"; // a megabyte
#else
  (void)pages;
#endif
}

TEST(Engine, SourcesThatWaitJoinInOrder) {
  FakeModel model;
  StateLimits limits;
  limits.maxRows = 2;
  auto state = model.state(limits);
  Engine engine(*state);
  Wish wish{{3, 5}, {}, beamsOf(1)};
  wish.options.max_new_tokens = 3;
  for (int i = 0; i < 5; ++i)
    add(engine, wish);
  Wish wide = wish;
  wide.options = beamsOf(2); // waits for both rows, and those behind it wait for it
  wide.options.max_new_tokens = 3;
  const uint64_t last = add(engine, wide), behind = add(engine, wish);
  std::vector<uint64_t> ended;
  while (engine.unfinished()) {
    ASSERT_TRUE(engine.advance().ok());
    for (Event event; engine.nextEvent(event);)
      if (event.kind == Event::Finished)
        ended.push_back(event.source);
  }
  ASSERT_EQ(ended.size(), 7u);
  EXPECT_EQ(ended[5], last);
  EXPECT_EQ(ended[6], behind);
}

TEST(Engine, EventsJoinedAreTheBestSequence) {
  FakeModel model;
  auto state = model.state();
  std::mt19937 random(3);
  Engine engine(*state);
  std::map<uint64_t, Ids> told;
  for (int i = 0; i < 200; ++i)
    add(engine, randomWish(random));
  while (engine.unfinished()) {
    ASSERT_TRUE(engine.advance().ok());
    for (Event event; engine.nextEvent(event);) {
      Ids &tokens = told[event.source];
      tokens.insert(tokens.end(), event.tokens.begin(), event.tokens.end());
      if (event.kind == Event::Finished)
        EXPECT_EQ(tokens, take(engine, event.source).at(0).ids);
    }
  }
  EXPECT_EQ(told.size(), 200u);
}

TEST(Engine, WhereEveryTokenIsForcedNoProbabilityIsLacking) {
  FakeModel model;
  StateLimits limits;
  limits.probs = true;
  auto state = model.state(limits);
  for (int64_t beams : {1, 3})
    for (const Ids &prefix : {Ids(), Ids{7, 9}}) {
      Wish wish{{3, 5, 8}, prefix, {}};
      wish.options.num_beams = beams;
      wish.options.max_new_tokens = 1;
      wish.options.forced_eos_token_id = Ids{0};
      wish.options.probs = true;
      wish.options.coverage_penalty = 0.5;
      const std::vector<Generated> results = alone(*state, wish);
      ASSERT_EQ(results.size(), 1u);
      EXPECT_EQ(results[0].ids, Ids{0});
      EXPECT_EQ(results[0].probs, std::vector<float>(FAKE_LAYERS * FAKE_HEADS * 1 * 3));
      EXPECT_EQ(results[0].score, results[0].logProb) << "nothing is covered";
    }
}

TEST(Engine, ALongTimeIsNoLimit) {
  FakeModel model;
  auto state = model.state();
  Wish wish{{3, 5}, {}, beamsOf(1)};
  wish.options.max_new_tokens = 5;
  const std::vector<Generated> results = alone(*state, wish);
  for (double seconds : {9.3e9, 1e12, 1e300}) {
    wish.options.max_time = seconds;
    expectSame(alone(*state, wish), results);
  }
}

TEST(Engine, APrefixIsFedInOneCall) {
  FakeModel model;
  auto state = model.state();
  Engine engine(*state);
  Wish wish{{3, 5}, {7, 9, 2, 4}, beamsOf(1)};
  wish.options.max_new_tokens = 5;
  wish.options.min_new_tokens = 5;
  const uint64_t source = add(engine, wish);
  while (engine.unfinished())
    ASSERT_TRUE(engine.advance().ok());
  EXPECT_EQ(state->counters.prefills, 1u);
  EXPECT_EQ(state->counters.prefillTokens, 4u); // start token and all but the last
  EXPECT_EQ(state->counters.steps, 5u);
  Ids fed{40, 7, 9, 2, 4}, expected;
  for (int i = 0; i < 5; ++i) {
    fed.push_back(fakeNext(fed, 3, {40, 0}).first);
    expected.push_back(fed.back());
  }
  EXPECT_EQ(take(engine, source).at(0).ids, expected);
}

TEST(Engine, ADeadlineEndsASourceWithWhatItHas) {
  FakeModel model;
  auto state = model.state();
  Engine engine(*state);
  Wish late{{3, 5}, {}, beamsOf(1)}, free = late;
  late.options.min_new_tokens = free.options.min_new_tokens = 20;
  late.options.max_time = 1e-9;
  const uint64_t ended = add(engine, late), other = add(engine, free);
  ASSERT_TRUE(engine.advance().ok());
  EXPECT_EQ(engine.endingOf(ended), Ending::maxTime);
  const auto best = take(engine, ended);
  EXPECT_EQ(best.at(0).ids.size(), 1u);
  EXPECT_FALSE(engine.take(other).ok());
  while (engine.unfinished())
    ASSERT_TRUE(engine.advance().ok());
  EXPECT_GE(take(engine, other).at(0).ids.size(), 20u);
}

TEST(Engine, AnEndOfItsOwnIsNoDeadlines) {
  FakeModel model;
  auto state = model.state();
  std::vector<Wish> wishes{{{3, 5}, {}, beamsOf(1)}, {{3, 5}, {}, beamsOf(4)}};
  wishes.push_back(wishes[1]);
  wishes[2].options.num_beam_groups = 2;
  wishes[2].options.diversity_penalty = 0.5;
  wishes.push_back(wishes[0]);
  wishes[3].options.return_alternatives = true;
  for (Wish &wish : wishes)
    for (uint64_t length : {1, 2}) {
      Engine engine(*state);
      wish.options.max_new_tokens = length;
      wish.options.min_new_tokens = length;
      wish.options.max_time = 1e-9;
      const uint64_t source = add(engine, wish);
      ASSERT_TRUE(engine.advance().ok());
      ASSERT_EQ(engine.unfinished(), 0u);
      EXPECT_EQ(engine.endingOf(source), length == 1 ? Ending::ownRules : Ending::maxTime);
    }
}

TEST(Engine, CancelEndsAllWithinAStep) {
  FakeModel model;
  StateLimits limits;
  limits.maxRows = 4;
  auto state = model.state(limits);
  Engine engine(*state);
  Wish wish{{3, 5}, {}, beamsOf(2)};
  wish.options.min_new_tokens = 20;
  for (int i = 0; i < 3; ++i) // two have room
    add(engine, wish);
  ASSERT_TRUE(engine.advance().ok());
  engine.cancel();
  ASSERT_TRUE(engine.advance().ok());
  EXPECT_EQ(engine.unfinished(), 0u);
  for (uint64_t source : {0, 1, 2})
    EXPECT_EQ(engine.endingOf(source), Ending::cancelled);
  EXPECT_EQ(take(engine, 0).at(0).ids.size(), 2u);
  EXPECT_EQ(take(engine, 1).at(0).ids.size(), 2u);
  EXPECT_TRUE(take(engine, 2).empty());
  const uint64_t next = add(engine, wish); // the engine is as usable as before
  while (engine.unfinished())
    ASSERT_TRUE(engine.advance().ok());
  EXPECT_GE(take(engine, next).at(0).ids.size(), 20u);
}

TEST(Engine, CancelSparesLaterSources) {
  FakeModel model;
  StateLimits limits;
  limits.maxRows = 2;
  auto state = model.state(limits);
  Engine engine(*state);
  Wish wish{{3, 5}, {}, beamsOf(2)};
  wish.options.min_new_tokens = 6;
  const uint64_t live = add(engine, wish), waits = add(engine, wish), later = add(engine, wish);
  ASSERT_TRUE(engine.advance().ok());
  engine.cancel(later);
  while (engine.unfinished())
    ASSERT_TRUE(engine.advance().ok());
  EXPECT_EQ(engine.endingOf(later), Ending::ownRules);
  EXPECT_EQ(take(engine, live).at(0).ids.size(), 2u);
  EXPECT_TRUE(take(engine, waits).empty());
  EXPECT_GE(take(engine, later).at(0).ids.size(), 6u);
}

TEST(Engine, AHookThatFailsIsCalledAgainForTheSameStep) {
  FakeModel model;
  auto state = model.state(), other = model.state();
  std::mt19937 random(5);
  const Wish wish = randomWish(random);
  Engine engine(*state);
  int calls = 0;
  engine.setHook([&](HookRows) -> Status {
    return ++calls % 3 == 0 ? usageError("not now") : Status();
  });
  const uint64_t source = add(engine, wish);
  int failures = 0;
  while (engine.unfinished())
    failures += !engine.advance().ok();
  EXPECT_GT(failures, 0);
  expectSame(take(engine, source), alone(*other, wish));
}

TEST(Engine, AHookBansTokensOfEachRow) {
  FakeModel model;
  auto state = model.state();
  Engine engine(*state);
  std::vector<size_t> rowsOfCalls;
  engine.setHook([&](HookRows all) -> Status {
    rowsOfCalls.push_back(all.rows.size());
    for (HookRows::Row &row : all.rows) {
      EXPECT_EQ(row.row.tokens[0], 40);
      for (size_t token = 0; token < row.scores.size(); ++token)
        if (token % 2 == row.source % 2)
          row.scores[token] = -std::numeric_limits<float>::infinity();
    }
    return {};
  });
  Wish wish{{3, 5}, {}, beamsOf(1)};
  wish.options.max_new_tokens = 6;
  wish.options.min_new_tokens = 6;
  add(engine, wish);
  add(engine, wish);
  while (engine.unfinished())
    ASSERT_TRUE(engine.advance().ok());
  EXPECT_EQ(rowsOfCalls, std::vector<size_t>(6, 2));
  for (uint64_t source : {0, 1})
    for (const Generated &best : take(engine, source))
      for (int32_t token : best.ids)
        EXPECT_NE(uint64_t(token % 2), source);
}

TEST(Engine, RefusesWhatItDoesNotKnow) {
  FakeModel model;
  auto state = model.state();
  Engine engine(*state);
  EXPECT_FALSE(engine.take(0).ok());
  EXPECT_FALSE(engine.remove(0).ok());
  const uint64_t source = add(engine, {{3, 5}, {}, {}});
  EXPECT_FALSE(engine.take(source).ok()); // not ended
  EXPECT_TRUE(engine.remove(source).ok());
  EXPECT_FALSE(engine.remove(source).ok());
  EXPECT_FALSE(engine.add(Ids{3}, Ids{FAKE_VOCABULARY}, {}).ok());
  EXPECT_FALSE(engine.add(Ids{}, Ids{}, {}).ok());
  EXPECT_EQ(engine.unfinished(), 0u);
}

} // namespace
