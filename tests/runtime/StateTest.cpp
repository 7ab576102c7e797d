//===- StateTest.cpp - encode, step, reorder and their limits -------------===//

#include "tests/runtime/FakeModel.h"

#include "runtime/exec/Pool.h"
#include "runtime/exec/Slots.h"

#include <cmath>
#include <random>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

/// A state and, beside it, the tokens that each of its rows has been fed.
struct Driven {
  std::unique_ptr<State> state;
  Sources sources;
  std::vector<Ids> fed;
  std::vector<size_t> source;

  Driven(const FakeModel &model, StateLimits limits, Sources all)
      : state(model.state(limits)), sources(std::move(all)) {
    Status status = state->encode(sources.ids, sources.offsets);
    EXPECT_TRUE(status.ok()) << status.message();
    fed.resize(sources.count());
    for (size_t b = 0; b < sources.count(); ++b)
      source.push_back(b);
  }
  /// Feeds a token a row; all answers must be those of the rows' histories.
  void step(const Ids &tokens) {
    StepInput input;
    input.tokens = tokens;
    Status status = state->step(input);
    ASSERT_TRUE(status.ok()) << status.message();
    for (size_t row = 0; row < tokens.size(); ++row) {
      fed[row].push_back(tokens[row]);
      auto [token, logProb] = fakeNext(fed[row], sources.first(source[row]));
      // NaN where any copy of a token in the cache or memory is wrong.
      EXPECT_EQ(state->topLogProbs()[row], logProb) << "row " << row;
      EXPECT_EQ(state->topTokens()[row], token) << "row " << row;
    }
  }
  void reorder(const std::vector<uint32_t> &parents) {
    Status status = state->reorder(parents);
    ASSERT_TRUE(status.ok()) << status.message();
    std::vector<Ids> newFed;
    std::vector<size_t> newSource;
    for (uint32_t parent : parents) {
      newFed.push_back(fed[parent]);
      newSource.push_back(source[parent]);
    }
    fed = newFed;
    source = newSource;
    EXPECT_EQ(state->rows(), parents.size());
  }
};

/// The model's token 5 has no position in a source: the others are counted without it,
/// and it stands behind all positions, at the last row of the table.
TEST(State, UncountedTokensStandBehindAllPositions) {
  Json manifest = fakeManifest();
  manifest["model"]["max_positions"] = int(FAKE_POSITIONS) - 1;
  manifest["model"]["uncounted_token_id"] = 5;
  FakeModel model(manifest);
  auto state = model.state({.encoderStates = true});
  Sources sources{{7, 5, 8, 5, 9}, {5, 4}};
  Status status = state->encode(sources.ids, sources.offsets);
  ASSERT_TRUE(status.ok()) << status.message();
  constexpr int blank = FAKE_POSITIONS - 1;
  constexpr int expected[] = {0, blank, 1, blank, 2, blank, 0};
  for (size_t r = 0; r < std::size(expected); ++r)
    EXPECT_EQ(state->encoderStates()[r * state->statesStride()],
              sources.ids[r] + 64 * expected[r])
        << "row " << r; // as fake_model.c's encode writes it
}

TEST(State, StepsFollowTheFormula) {
  FakeModel model;
  Driven driven(model, {}, manySources(7));
  for (int i = 0; i < FAKE_POSITIONS; ++i)
    driven.step(Ids(7, i % FAKE_VOCABULARY));
}

TEST(State, ReorderDuplicatesSwapsAndDrops) {
  FakeModel model;
  StateLimits limits;
  limits.maxRows = 4;
  Driven driven(model, limits, {{5, 1}, {9}, {30, 2, 2}});
  driven.step({40, 40, 40});
  driven.reorder({2, 0, 0, 2}); // two copies, one row gone
  driven.step({1, 2, 3, 4});
  driven.reorder({3, 3, 3, 3}); // one becomes all
  driven.step({5, 6, 7, 8});
  driven.reorder({1, 0}); // swap and shrink
  driven.step({9, 10});
  driven.reorder({0, 1, 1, 0});
  driven.step({11, 12, 13, 14});
}

TEST(State, RandomReorders) {
  FakeModel model;
  std::mt19937 random(5);
  for (uint64_t threads : {1, 3}) {
    StateLimits limits;
    limits.maxRows = 9;
    limits.threads = uint32_t(threads);
    for (int round = 0; round < 20; ++round) {
      Driven driven(model, limits, manySources(1 + random() % 9));
      for (int i = 0; i < FAKE_POSITIONS; ++i) {
        Ids tokens;
        for (size_t row = 0; row < driven.state->rows(); ++row)
          tokens.push_back(int32_t(random() % FAKE_VOCABULARY));
        driven.step(tokens);
        std::vector<uint32_t> parents(1 + random() % 9);
        for (uint32_t &parent : parents)
          parent = uint32_t(random() % tokens.size());
        driven.reorder(parents);
        if (testing::Test::HasFailure())
          return;
      }
    }
  }
}

TEST(State, FirstMentionKeepsItsSlot) {
  auto made = Slots::create(4, 4, 16);
  Slots slots = std::move(*made);
  slots.join(3, 4);
  auto reorder = [&](std::vector<uint32_t> parents, int32_t position) {
    EXPECT_TRUE(slots.fits(parents));
    slots.reorder(parents, std::vector<int32_t>(parents.size(), position));
  };
  auto pastOf = [&](size_t row) {
    return Ids(slots.ancestors() + row * 16, slots.ancestors() + row * 16 + 16);
  };
  for (size_t row = 0; row < 3; ++row)
    slots.place(row, 0);
  reorder({2, 0, 1}, 1);
  for (size_t row = 0; row < 3; ++row)
    slots.place(row, 1);
  EXPECT_EQ(pastOf(0), Ids(16, 2)) << "all of it in the slot it had";
  // Two go on from row 0: they share position 0 and 1, and part from there on.
  reorder({0, 0, 2}, 2);
  for (size_t row = 0; row < 3; ++row)
    slots.place(row, 2);
  EXPECT_EQ(pastOf(0), Ids(16, 2));
  Ids second = pastOf(1);
  EXPECT_EQ(Ids(second.begin(), second.begin() + 2), Ids(2, 2));
  EXPECT_TRUE(second[2] == 0 || second[2] == 3) << "a slot no row writes to";
  EXPECT_EQ(Ids(second.begin() + 2, second.end()), Ids(14, second[2]));
}

TEST(State, EncodeForgetsEarlierRows) {
  FakeModel model;
  Driven first(model, {}, manySources(5));
  first.step(Ids(5, 3));
  Sources again{{8, 8}, {1}};
  ASSERT_TRUE(first.state->encode(again.ids, again.offsets).ok());
  Ids start{40, 40};
  StepInput input;
  input.tokens = start;
  ASSERT_TRUE(first.state->step(input).ok());
  EXPECT_EQ(first.state->topTokens()[0], fakeNext({40}, 8).first);
  EXPECT_EQ(first.state->topTokens()[1], fakeNext({40}, 1).first);
}

TEST(State, CrossProjectionsOncePerSource) {
  FakeModel model;
  Driven driven(model, {}, manySources(4));
  for (int i = 0; i < 10; ++i) {
    driven.step(Ids(4, i));
    driven.reorder({3, 2, 1, 0});
  }
  const StateCounters &counters = driven.state->counters;
  EXPECT_EQ(counters.encodeCalls, 1u);
  EXPECT_EQ(counters.encodedSources, 4u);
  EXPECT_EQ(counters.encodedTokens, driven.sources.ids.size());
  EXPECT_EQ(counters.steps, 10u);
  EXPECT_EQ(counters.stepRows, 40u);
}

TEST(State, BiasRowsLogitsAndProbs) {
  FakeModel model;
  StateLimits limits;
  limits.probs = true;
  Driven driven(model, limits, {{5, 6, 7}, {9, 1}});
  const int32_t best = fakeNext({40}, 5).first;
  alignas(64) float bias[2][FAKE_VOCABULARY_PADDED] = {};
  bias[1][best] = -INFINITY;
  Ids start{40, 40}, which{1, 0};
  StepInput input;
  input.tokens = start;
  input.logitBias = bias[0];
  input.biasRows = 2;
  input.rowBias = which;
  input.logits = input.probs = true;
  ASSERT_TRUE(driven.state->step(input).ok());
  EXPECT_EQ(driven.state->topTokens()[0], (best + 1) % FAKE_VOCABULARY);
  EXPECT_EQ(driven.state->topLogProbs()[0], -0.5f);
  EXPECT_EQ(driven.state->topTokens()[1], fakeNext({40}, 9).first);
  EXPECT_EQ(driven.state->logits()[best], 0.0f) << "logits are unbiased";
  // [L][H][R][stride]
  const uint64_t stride = driven.state->probsStride();
  for (int layer = 0; layer < FAKE_LAYERS; ++layer)
    for (int head = 0; head < FAKE_HEADS; ++head)
      for (uint64_t row = 0; row < 2; ++row)
        for (uint64_t j = 0; j < driven.state->sourceLength(driven.state->sourceOf(row)); ++j)
          EXPECT_EQ(driven.state->probs()[((layer * FAKE_HEADS + head) * 2 + row) * stride + j],
                    float(layer * 2000 + head * 1000 +
                          driven.sources.ids[driven.sources.offsets[row] + j]));
}

TEST(State, SeveralTokensOfEachRow) {
  FakeModel model;
  Driven driven(model, {}, {{5, 6, 7}, {9, 1}});
  alignas(64) float bias[FAKE_VOCABULARY_PADDED];
  std::fill(std::begin(bias), std::end(bias), -INFINITY);
  const int32_t best = fakeNext({40}, 5).first;
  bias[best] = bias[(best + 2) % FAKE_VOCABULARY] = 0;
  Ids start{40, 40};
  StepInput input;
  input.tokens = start;
  input.topK = 3;
  input.logitBias = bias;
  ASSERT_TRUE(driven.state->step(input).ok());
  ASSERT_EQ(driven.state->topTokens().size(), 6u);
  EXPECT_EQ(driven.state->topTokens()[0], best);
  EXPECT_EQ(driven.state->topTokens()[1], (best + 2) % FAKE_VOCABULARY);
  EXPECT_EQ(driven.state->topLogProbs()[1], -1.0f);
  EXPECT_EQ(driven.state->topTokens()[2], 0);
  EXPECT_EQ(driven.state->topLogProbs()[2], -INFINITY);
}

void expectCode(const Status &status, Code code, const std::string &part) {
  EXPECT_EQ(status.code(), code) << status.message();
  EXPECT_NE(status.message().find(part), std::string::npos)
      << "expected '" << part << "' in: " << status.message();
}

TEST(State, LimitsAtCreation) {
  FakeModel model;
  auto refusal = [&](StateLimits limits) {
    auto made = State::create(model.model, limits);
    return made.ok() ? Status() : std::move(made).status();
  };
  StateLimits limits;
  limits.maxMemory = 10000;
  expectCode(refusal(limits), Code::Limit, "max_memory 10000");
  limits = {};
  limits.maxTargetPositions = FAKE_POSITIONS + 1;
  expectCode(refusal(limits), Code::Limit, "max_target_positions");
  limits = {};
  limits.threads = 257;
  expectCode(refusal(limits), Code::Limit, "256");
  for (uint64_t huge : {uint64_t(1) << 31, uint64_t(1) << 60, UINT64_MAX}) {
    limits = {};
    limits.maxRows = huge;
    expectCode(refusal(limits), Code::Limit, "max_rows");
    limits = {};
    limits.maxSourceTokens = huge;
    expectCode(refusal(limits), Code::Limit, "max_source_tokens");
    limits = {};
    limits.maxSources = huge;
    expectCode(refusal(limits), Code::Limit, "max_sources");
  }
  limits = {};
  limits.maxRows = 3;
  limits.maxSources = 4;
  expectCode(refusal(limits), Code::Limit, "max_sources 4 is more than max_rows 3");
}

/// Rows that are hypotheses need no room for a source each.
TEST(State, MemoryIsThatOfSources) {
  FakeModel model;
  StateLimits limits;
  limits.threads = 1;
  limits.maxRows = 8;
  const uint64_t eight = model.state(limits)->reservedBytes();
  limits.maxSources = 2;
  auto two = model.state(limits);
  EXPECT_LT(two->reservedBytes(), eight);
  EXPECT_EQ(two->limits.maxSourceTokens, 2 * roundUp16(FAKE_POSITIONS));
  EXPECT_TRUE(two->encode(Ids{1, 2}, std::vector<uint64_t>{0, 1, 2}).ok());
  expectCode(two->encode(Ids{1, 2, 3}, std::vector<uint64_t>{0, 1, 2, 3}), Code::Limit,
             "max_sources 2");
}

/// The bytes that a refusal names are enough.
TEST(State, NamedMemoryIsEnough) {
  FakeModel model;
  StateLimits limits;
  limits.threads = 1;
  auto state = model.state(limits);
  limits.maxMemory = state->reservedBytes();
  EXPECT_TRUE(State::create(model.model, limits).ok());
  --limits.maxMemory;
  EXPECT_EQ(State::create(model.model, limits).status().code(), Code::Limit);
}

TEST(State, RefusedEncodes) {
  FakeModel model;
  StateLimits limits;
  limits.maxRows = 3;
  limits.maxSourceTokens = 48;
  Driven driven(model, limits, {{1}, {2}});
  auto encode = [&](Ids ids, std::vector<uint64_t> offsets) {
    return driven.state->encode(ids, offsets);
  };
  expectCode(encode({}, {0}), Code::Usage, "at least one source");
  expectCode(encode({}, {}), Code::Usage, "at least one source");
  expectCode(encode({1, 2, 3, 4}, {0, 1, 2, 3, 4}), Code::Limit, "max_sources 3");
  expectCode(encode({1}, {0, 0, 1}), Code::Usage, "the source is empty");
  expectCode(encode({1, 2}, {0, 2, 1, 2}), Code::Usage, "ascend");
  expectCode(encode({1, 2}, {0, UINT64_MAX, 2}), Code::Usage, "ascend");
  expectCode(encode({1, 2}, {1, 2}), Code::Usage, "from 0");
  expectCode(encode({1, 2}, {0, 1}), Code::Usage, "to the number of ids 2");
  expectCode(encode({FAKE_SOURCE_VOCABULARY}, {0, 1}), Code::Usage, "vocabulary");
  expectCode(encode({1, -1}, {0, 2}), Code::Usage, "id -1 at place 1");
  expectCode(encode(Ids(FAKE_POSITIONS + 1, 1), {0, FAKE_POSITIONS + 1}), Code::Limit,
             "positions");
  expectCode(encode(Ids(34, 1), {0, 17, 34}), Code::Limit, "max_source_tokens 48");
  // No refusal cost the state its rows.
  EXPECT_EQ(driven.state->counters.encodeCalls, 1u);
  driven.step({40, 40});
}

TEST(State, RefusedSteps) {
  FakeModel model;
  StateLimits limits;
  limits.maxTargetPositions = 3;
  auto fresh = model.state(limits);
  Ids one{40};
  StepInput input;
  input.tokens = one;
  expectCode(fresh->step(input), Code::Usage, "encode sources first");

  Driven driven(model, limits, {{1}, {2}});
  expectCode(driven.state->step(input), Code::Usage, "1 tokens for 2 rows");
  Ids wrong{1, FAKE_VOCABULARY};
  input.tokens = wrong;
  expectCode(driven.state->step(input), Code::Usage, "token 41 of row 1");
  wrong[1] = -1;
  expectCode(driven.state->step(input), Code::Usage, "token -1 of row 1");
  Ids two{40, 40};
  input.tokens = two;
  for (uint64_t top : {0, 65}) {
    input.topK = top;
    expectCode(driven.state->step(input), Code::Usage, "expected 1 ... 64");
  }
  input.topK = 1;
  input.probs = true;
  expectCode(driven.state->step(input), Code::Usage, "probs = 1");
  input.probs = false;
  alignas(64) float bias[FAKE_VOCABULARY_PADDED + 1] = {};
  input.logitBias = bias + 1;
  expectCode(driven.state->step(input), Code::Usage, "aligned");
  input.logitBias = bias;
  input.biasRows = 1;
  Ids which{0, 1};
  input.rowBias = which;
  expectCode(driven.state->step(input), Code::Usage, "row_bias 1 of row 1");
  which[1] = -1;
  expectCode(driven.state->step(input), Code::Usage, "row_bias -1");

  std::vector<uint32_t> beyond{0, 2};
  expectCode(driven.state->reorder(beyond), Code::Usage, "parent 2 of new row 1");
  std::vector<uint32_t> many(33, 0);
  expectCode(driven.state->reorder(many), Code::Limit, "max_rows 32");

  for (int i = 0; i < 3; ++i)
    driven.step({i, i});
  input = {};
  input.tokens = two;
  expectCode(driven.state->step(input), Code::Limit, "max_target_positions");
  ASSERT_TRUE(driven.state->reorder({}).ok());
  expectCode(driven.state->step(input), Code::Usage, "no rows");
}

TEST(State, KeepsItsModelAlive) {
  auto image = std::make_unique<FakeImage>(fakeManifest());
  auto model = *Model::fromMemory(image->image);
  auto made = State::create(model, {});
  ASSERT_TRUE(made.ok());
  std::unique_ptr<State> state = std::move(*made);
  std::weak_ptr<const Model> watch = model;
  model.reset();
  EXPECT_FALSE(watch.expired());
  state.reset();
  EXPECT_TRUE(watch.expired());
}

/// What the fake encoder makes of token `j` of a source (fake_model.c).
float fakeState(const Sources &sources, size_t source, size_t j, size_t column) {
  return float(sources.ids[sources.offsets[source] + j] + 64 * int(j)) + 0.5f * float(column);
}

TEST(EncoderStates, AreThoseOfTheLastEncode) {
  FakeModel model;
  for (uint32_t threads : {1u, 3u}) {
    auto state = model.state({.maxRows = 8, .threads = threads, .encoderStates = true});
    EXPECT_EQ(state->encodedRows(), 0u);
    for (const Sources &sources : {manySources(5), Sources{{7}, {3, 9, 1}}}) {
      ASSERT_TRUE(state->encode(sources.ids, sources.offsets).ok());
      ASSERT_EQ(state->encodedRows(), sources.ids.size());
      for (size_t b = 0; b < sources.count(); ++b)
        for (size_t j = 0; j < state->sourceLength(b); ++j)
          for (size_t column = 0; column < 48; ++column)
            ASSERT_EQ(state->encoderStates()[(sources.offsets[b] + j) * state->statesStride() +
                                             column],
                      column < 40 ? fakeState(sources, b, j, column) : 0)
                << b << ", " << j << ", " << column;
    }
    StepInput input; // steps leave them as they are
    Ids tokens{40, 40};
    input.tokens = tokens;
    ASSERT_TRUE(state->step(input).ok());
    EXPECT_EQ(state->encodedRows(), 4u);
    EXPECT_EQ(state->encoderStates()[0], 7);
    Ids bad{99};
    EXPECT_FALSE(state->encode(bad, std::vector<uint64_t>{0, 1}).ok());
    EXPECT_EQ(state->encodedRows(), 4u); // refused before anything was run
  }
}

TEST(EncoderStates, TakeNoMemoryWhereTheyAreNotAskedFor) {
  FakeModel model;
  const StateLimits limits{.maxRows = 2, .maxSourceTokens = 160};
  StateLimits more = limits;
  more.encoderStates = true;
  EXPECT_EQ(model.state(more)->reservedBytes(),
            model.state(limits)->reservedBytes() + 160 * FAKE_STATES_PER_ROW);
  // The code is given no pointer: what it would write through one is not there.
  Sources sources{{7}};
  auto state = model.state(limits);
  ASSERT_TRUE(state->encode(sources.ids, sources.offsets).ok());
  EXPECT_EQ(state->encoderStates(), nullptr);

  Json without = fakeManifest();
  without["memory"]["states_per_row"] = 0;
  auto made = State::create(FakeModel(without).model, more);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.status().code(), Code::Usage);
}

TEST(EncoderStates, ArePooledByTheirFormulas) {
  FakeModel model;
  auto state = model.state({.maxRows = 8, .encoderStates = true});
  Sources sources = manySources(6);
  ASSERT_TRUE(state->encode(sources.ids, sources.offsets).ok());
  std::vector<float> mean(6 * 40, -1), first(6 * 40, -1);
  poolMean(*state, mean.data());
  poolFirst(*state, first.data());
  for (size_t b = 0; b < 6; ++b)
    for (size_t column = 0; column < 40; ++column) {
      double sum = 0;
      for (size_t j = 0; j < state->sourceLength(b); ++j)
        sum += fakeState(sources, b, j, column);
      EXPECT_EQ(mean[b * 40 + column], float(sum / double(state->sourceLength(b))));
      EXPECT_EQ(first[b * 40 + column], fakeState(sources, b, 0, column));
    }
}

TEST(EncoderStates, ComeFromAnEncoderAlone) {
  FakeModel model(fakeEncoderManifest());
  ASSERT_TRUE(model.model);
  auto state = model.state({.maxRows = 4, .encoderStates = true});
  Sources sources{{7, 3}, {5}};
  ASSERT_TRUE(state->encode(sources.ids, sources.offsets).ok());
  EXPECT_EQ(state->encoderStates()[2 * state->statesStride()], 5);
  StepInput input;
  Ids tokens{40, 40};
  input.tokens = tokens;
  Status status = state->step(input);
  EXPECT_EQ(status.code(), Code::Usage);
  EXPECT_NE(status.message().find("encoder only"), std::string::npos) << status.message();
  auto generated = generate(*state, sources.ids, sources.offsets, {});
  ASSERT_FALSE(generated.ok());
  EXPECT_NE(generated.status().message().find("encoder only"), std::string::npos);
  ASSERT_TRUE(state->startProfile().ok());
  ASSERT_TRUE(state->encode(sources.ids, sources.offsets).ok());
}

} // namespace
