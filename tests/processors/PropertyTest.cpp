//===- PropertyTest.cpp - what holds of all processors --------------------===//

#include "runtime/search/Random.h"
#include "tests/processors/Rows.h"
#include "tests/runtime/CountAllocations.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::runtime;
using namespace encdec::tests;
using nlohmann::json;

namespace {

constexpr size_t V = 500, maxLength = 12;

/// Options that ask for every processor of the table.
GenerationOptions everything(bool sample) {
  GenerationOptions options = readOptions(json::parse(R"({
    "eos_token_id": [2, 3], "sequence_bias": [[[4], 1.5], [[1, 5], -2.0], [[7, 8, 9], 3.0]],
    "diversity_penalty": 0.5, "prefix_bias_beta": 0.5, "hot_words": [[[4, 5, 6], 1.0], [[5, 7], 2.0]],
    "encoder_repetition_penalty": 1.2, "repetition_penalty": 1.3, "no_repeat_ngram_size": 2,
    "encoder_no_repeat_ngram_size": 3, "bad_words_ids": [[6], [1, 2]], "min_length": 4,
    "forced_bos_token_id": 9, "forced_eos_token_id": [2, 3], "remove_invalid_values": true,
    "exponential_decay_length_penalty": [2, 1.1], "suppress_tokens": [10, 11],
    "begin_suppress_tokens": [12], "temperature": 0.9, "top_h": 0.99, "top_k": 90,
    "top_p": 0.95, "min_p": 0.001, "typical_p": 0.95, "epsilon_cutoff": 0.0001,
    "eta_cutoff": 0.0001, "renormalize_logits": true})"));
  options.do_sample = sample;
  return options;
}

struct Row {
  std::vector<int32_t> tokens, source;
  std::vector<float> scores;
  LiveRow live() const { return {tokens, source, 1}; }
};

Row someRow(uint64_t n) {
  const Draw draw{3, n, 0};
  Row row{{}, {}, std::vector<float>(V)};
  for (uint32_t i = 0; i < 1 + uint32_t(draw.uniform(0) * (maxLength - 1)); ++i)
    row.tokens.push_back(int32_t(draw.uniform(10 + i) * 12));
  for (uint32_t i = 0; i < 6; ++i) // ids outside the vocabulary too
    row.source.push_back(int32_t(draw.uniform(30 + i) * 12) + (i == 5 ? int32_t(V) : 0));
  for (uint32_t t = 0; t < V; ++t)
    row.scores[t] = float(draw.uniform(100 + t) * 12 - 9);
  return row;
}

std::vector<float> process(std::span<const std::unique_ptr<Processor>> processors,
                           const Row &row) {
  ScoreRow scores(row.scores);
  for (const auto &processor : processors)
    processor->process(row.live(), scores);
  return scores.numbers;
}

/// min_new_tokens and min_length exclude each other.
constexpr size_t all = 25, withoutSampling = 17;

TEST(Property, EveryRowOfTheTableHasItsProcessor) {
  GenerationOptions options = everything(true);
  EXPECT_EQ(makeProcessors({options, V, maxLength, false}).size(), all);
  options.min_new_tokens = 3;
  EXPECT_EQ(makeProcessors({options, V, maxLength, false}).size(), all);
  EXPECT_EQ(makeMinLength({options, V, maxLength, false}), nullptr);
  options.do_sample = false;
  EXPECT_EQ(makeProcessors({options, V, maxLength, false}).size(), withoutSampling);
  EXPECT_TRUE(makeProcessors({GenerationOptions(), V, maxLength, false}).empty());
}

TEST(Property, WhatOthersRowsHoldChangesNothing) {
  for (bool beams : {false, true}) {
    const GenerationOptions options = everything(true);
    const auto shared = makeProcessors({options, V, maxLength, beams});
    for (uint64_t n = 0; n < 40; ++n) {
      const Row row = someRow(n);
      EXPECT_EQ(process(shared, row), // bit by bit
                process(makeProcessors({options, V, maxLength, beams}), row))
          << n;
    }
  }
}

TEST(Property, ProcessingAllocatesNothing) {
  for (bool beams : {false, true}) {
    const GenerationOptions options = everything(true);
    const auto processors = makeProcessors({options, V, maxLength, beams});
    for (uint64_t n = 0; n < 40; ++n) {
      const Row row = someRow(n);
      ScoreRow scores(row.scores);
      const LiveRow live = row.live();
      const uint64_t before = allocations();
      for (const auto &processor : processors)
        processor->process(live, scores);
      EXPECT_EQ(allocations(), before) << n;
    }
  }
}

/// Counts bans, and has no values.
class OnlyBans final : public Scores {
public:
  void ban(int32_t) override { ++count; }
  void force(std::span<const int32_t>) override { ++count; }
  int count = 0;
};

TEST(Property, RulesThatNeedNoValuesOnlyBanAndForce) {
  GenerationOptions options = everything(false);
  options.forced_eos_token_id = {{2}};
  OnlyBans bans;
  size_t rules = 0;
  for (const auto &processor : makeProcessors({options, V, maxLength, false}))
    if (!processor->needsValues()) {
      ++rules;
      for (uint64_t n = 0; n < 40; ++n) {
        const Row row = someRow(n);
        processor->process(row.live(), bans);
      }
    }
  EXPECT_EQ(rules, 8u);
  EXPECT_GT(bans.count, 100);
}

/// Tokens that are equal to the last one kept stay too, as Transformers compares values; of
/// top_p it keeps as many as reach P, whichever.
TEST(Property, EqualTokensStayTogether) {
  const std::vector<std::pair<std::string, double>> thresholds{
      {"top_k", 2}, {"typical_p", 0.3}, {"epsilon_cutoff", 0.5}, {"eta_cutoff", 0.9},
      {"min_p", 1}, {"top_p", 0.3}};
  for (const auto &[key, value] : thresholds) {
    json one = {{"do_sample", true}, {"top_k", 0}};
    one[key] = value;
    const GenerationOptions options = readOptions(one);
    const Row row{{1}, {}, {-9, 0, 0, -9, 0, 0, -9}};
    const auto found = process(makeProcessors({options, 7, maxLength, false}), row);
    const std::vector<float> four{never, 0, 0, never, 0, 0, never};
    const std::vector<float> last{never, never, never, never, 0, 0, never};
    EXPECT_EQ(found, key == "top_p" ? last : four) << key;
  }
}

TEST(Property, DiversityCountsTheBeamsOfEarlierGroups) {
  const GenerationOptions options = readOptions(json::parse(R"({"diversity_penalty": 0.5})"));
  const auto diversity = makeDiversity({options, 5, maxLength, true});
  ScoreRow scores({-1, -2, -3, never, -5});
  diversity->process({{}, {}, 1, {}}, scores);
  EXPECT_EQ(scores.numbers, (std::vector<float>{-1, -2, -3, never, -5}));
  const std::vector<int32_t> taken{2, 4, 2, 3, 2};
  diversity->process({{}, {}, 1, taken}, scores);
  EXPECT_EQ(scores.numbers, (std::vector<float>{-1, -2, -4.5, never, -5.5}));
}

TEST(Property, PrefixBiasActsWhereARowHasTheWholePrefixSoFar) {
  const GenerationOptions options = readOptions(json::parse(R"({"prefix_bias_beta": 0.5})"));
  const auto bias = makePrefixBias({options, 3, maxLength, true});
  const std::vector<float> before{0, 0, never};
  const std::vector<int32_t> wanted{1, 2}, row{9, 1}, left{9, 2}, all{9, 1, 2};
  ScoreRow scores(before);
  for (const auto &tokens : {left, all}) {
    bias->process({tokens, {}, 1, {}, wanted}, scores);
    EXPECT_EQ(scores.numbers, before);
  }
  bias->process({row, {}, 1, {}, wanted}, scores);
  EXPECT_FLOAT_EQ(scores.numbers[0], std::log(0.25f));
  EXPECT_FLOAT_EQ(scores.numbers[1], std::log(0.25f));
  EXPECT_FLOAT_EQ(scores.numbers[2], std::log(0.5f));
}

/// Scores that are no numbers, or of which nothing may be chosen, end no sampler badly.
TEST(Property, SamplersLeaveSomethingOfAnyRow) {
  for (const char *key : {"temperature", "top_h", "top_k", "top_p", "min_p", "typical_p",
                          "epsilon_cutoff", "eta_cutoff", "renormalize_logits"}) {
    json one = {{"do_sample", true}, {"top_k", 0}};
    one[key] = key == std::string("top_k") ? json(3)
               : key == std::string("renormalize_logits") ? json(true) : json(0.3);
    const GenerationOptions options = readOptions(one);
    for (bool beams : {false, true}) {
      const auto processors = makeProcessors({options, V, maxLength, beams});
      ASSERT_EQ(processors.size(), 1u) << key;
      Row row = someRow(1);
      row.scores.assign(V, never);
      EXPECT_EQ(process(processors, row), row.scores) << key;
      row.scores[7] = -3;
      EXPECT_EQ(std::ranges::count(process(processors, row), never), int64_t(V) - 1) << key;
      const float most = std::numeric_limits<float>::max(); // as remove_invalid_values has it
      row.scores.assign(V, -most);
      row.scores[7] = most;
      EXPECT_EQ(std::ranges::count_if(process(processors, row), [](float s) { return s >= 0; }), 1)
          << key;
      row.scores.assign(V, std::nanf(""));
      (void)process(processors, row);
      row.scores[7] = std::numeric_limits<float>::infinity();
      (void)process(processors, row);
    }
  }
}

} // namespace
