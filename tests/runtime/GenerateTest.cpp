//===- GenerateTest.cpp - greedy generation -------------------------------===//

#include "tests/runtime/FakeModel.h"

#include <cmath>
#include <limits>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

/// Greedy search written once more, plainly, one source at a time; lengths count the
/// start token.
struct Rules {
  std::set<int32_t> eos{0}, bad{40};
  size_t ngram = 0; ///< No n-gram twice; 0: any.
  size_t maxLength = 30, minLength = 0;
  std::optional<int32_t> forcedBos, forcedEos;

  Hypothesis run(int32_t sourceFirst) const {
    Hypothesis result;
    Ids fed{40};
    while (fed.size() < maxLength) {
      std::set<int32_t> never = bad;
      if (fed.size() < minLength)
        never.insert(eos.begin(), eos.end());
      for (size_t i = 0; ngram && i + ngram <= fed.size(); ++i)
        if (std::equal(fed.end() - int64_t(ngram) + 1, fed.end(), fed.begin() + int64_t(i)))
          never.insert(fed[i + ngram - 1]);
      auto [token, logProb] = fakeNext(fed, sourceFirst, never);
      if (forcedBos && fed.size() == 1)
        std::tie(token, logProb) = std::pair(*forcedBos, 0.0);
      if (forcedEos && fed.size() + 1 == maxLength)
        std::tie(token, logProb) = std::pair(*forcedEos, 0.0);
      fed.push_back(token);
      result.ids.push_back(token);
      result.logProb += logProb;
      if (eos.count(token))
        break;
    }
    return result;
  }
};

std::vector<Generated> run(State &state, const Sources &sources,
                           const GenerationOptions &request = {}) {
  auto made = generate(state, sources.ids, sources.offsets, request);
  EXPECT_TRUE(made.ok()) << made.status().message();
  std::vector<Generated> best;
  for (size_t b = 0; made.ok() && b < made->size(); ++b) {
    EXPECT_EQ((*made)[b].size(), 1u) << "source " << b;
    for (Generated &one : (*made)[b])
      best.push_back(std::move(one));
  }
  return best;
}

void expectRules(const Rules &rules, const Sources &sources,
                 const std::vector<Generated> &results, double penalty = 1) {
  ASSERT_EQ(results.size(), sources.count());
  for (size_t b = 0; b < results.size(); ++b) {
    Hypothesis expected = rules.run(sources.first(b));
    EXPECT_EQ(results[b].ids, expected.ids) << "source " << b;
    EXPECT_EQ(results[b].logProb, expected.logProb) << "source " << b;
    EXPECT_DOUBLE_EQ(results[b].score,
                     expected.logProb / std::pow(expected.ids.size(), penalty));
  }
}

TEST(Generate, BeamsAreTheModelsUnlessGiven) {
  Json manifest = fakeManifest();
  manifest["generation"]["num_beams"] = 3;
  FakeModel model(manifest);
  Sources sources = manySources(20);
  auto state = model.state({});
  GenerationOptions request;
  std::vector<Generated> byDefault = run(*state, sources, request);
  request.num_beams = 3;
  std::vector<Generated> three = run(*state, sources, request);
  request.num_beams = 1;
  std::vector<Generated> greedy = run(*state, sources, request);
  ASSERT_EQ(byDefault.size(), three.size());
  size_t different = 0;
  for (size_t i = 0; i < three.size(); ++i) {
    EXPECT_EQ(byDefault[i].ids, three[i].ids);
    EXPECT_EQ(byDefault[i].score, three[i].score);
    different += three[i].ids != greedy[i].ids;
  }
  EXPECT_GT(different, 0u) << "or this test cannot tell them apart";
}

TEST(Generate, WithoutScoresTheSameIds) {
  FakeModel model;
  Sources sources = manySources(20);
  auto state = model.state({});
  GenerationOptions request;
  for (uint64_t beams : {1, 3}) {
    request.num_beams = int64_t(beams);
    request.scores = true;
    std::vector<Generated> with = run(*state, sources, request);
    request.scores = false;
    std::vector<Generated> without = run(*state, sources, request);
    ASSERT_EQ(with.size(), without.size());
    for (size_t i = 0; i < with.size(); ++i) {
      EXPECT_EQ(with[i].ids, without[i].ids);
      if (beams == 1)
        EXPECT_TRUE(std::isnan(without[i].score) && std::isnan(without[i].logProb));
      else // a beam search cannot do without
        EXPECT_EQ(with[i].score, without[i].score);
    }
  }
}

/// Rules, manifest and request that must agree.
void expectGenerates(const Rules &rules, const Json &manifest,
                     const GenerationOptions &request) {
  FakeModel model(manifest);
  Sources sources = manySources(50);
  for (uint32_t threads : {1u, 3u})
    for (uint64_t rows : {1, 7, 64}) {
      StateLimits limits;
      limits.threads = threads;
      limits.maxRows = rows;
      auto state = model.state(limits);
      expectRules(rules, sources, run(*state, sources, request),
                  request.length_penalty.value_or(1));
    }
}

TEST(Generate, EndsByEosOrLength) {
  expectGenerates({}, fakeManifest(), {});
  // The test is not vacuous: some rows end by eos at different lengths, some by length.
  Sources sources = manySources(50);
  std::set<size_t> lengths;
  for (size_t b = 0; b < sources.count(); ++b)
    lengths.insert(Rules().run(sources.first(b)).ids.size());
  EXPECT_GT(lengths.size(), 5u);
  EXPECT_TRUE(lengths.count(29));
}

TEST(Generate, SeveralEos) {
  Json manifest = fakeManifest();
  manifest["generation"]["eos_token_id"] = {0, 5, 17};
  Rules rules;
  rules.eos = {0, 5, 17};
  expectGenerates(rules, manifest, {});
}

TEST(Generate, MinimumLength) {
  Rules rules;
  rules.minLength = 12;
  GenerationOptions request;
  request.min_length = 12;
  expectGenerates(rules, fakeManifest(), request);
  request = {};
  request.min_new_tokens = 11;
  expectGenerates(rules, fakeManifest(), request);
  Json manifest = fakeManifest();
  manifest["generation"]["min_length"] = 12;
  expectGenerates(rules, manifest, {});
  request = {};
  request.min_length = 0;
  expectGenerates({}, manifest, request);
  rules.minLength = 1000; // never an eos: all end by length
  request.min_new_tokens = 29;
  expectGenerates(rules, manifest, request);
  // A model's own minimum may exceed the maximum; the caller's may not.
  manifest["generation"]["min_length"] = 1000;
  expectGenerates(rules, manifest, {});
  // As in Transformers, a minimum of new tokens counts and one of the whole length does not,
  // even where that one is greater or the caller's; unless the caller wants none of the first.
  manifest["generation"]["min_new_tokens"] = 11;
  rules.minLength = 12;
  expectGenerates(rules, manifest, {});
  request = {};
  request.min_length = 20;
  expectGenerates(rules, manifest, request);
  request.min_new_tokens = 0;
  expectGenerates({}, manifest, request);
  request.min_new_tokens.reset();
  request.cleared = {"min_new_tokens"};
  rules.minLength = 20;
  expectGenerates(rules, manifest, request);
}

TEST(Generate, MaximumLength) {
  Json manifest = fakeManifest();
  manifest["generation"]["max_new_tokens"] = 4;
  Rules rules;
  rules.maxLength = 5;
  expectGenerates(rules, manifest, {}); // wins over the model's max_length 30
  GenerationOptions request;
  request.max_length = 9;
  rules.maxLength = 9;
  expectGenerates(rules, manifest, request); // the caller wins over the model
  request.max_new_tokens = 9;
  rules.maxLength = 10;
  expectGenerates(rules, manifest, request); // new tokens win over length
  request = {};
  request.cleared = {"max_new_tokens"}; // the model's max_length 30 is left
  rules.maxLength = 30;
  expectGenerates(rules, manifest, request);
  request.cleared.push_back("max_length"); // only positions are left
  rules.maxLength = FAKE_POSITIONS + 1;
  expectGenerates(rules, manifest, request);
  request = {};
  request.max_new_tokens = FAKE_POSITIONS;
  rules.maxLength = FAKE_POSITIONS + 1;
  expectGenerates(rules, manifest, request);
  manifest = fakeManifest();
  manifest["generation"]["max_length"] = 5000; // cut to what positions give
  expectGenerates(rules, manifest, {});
  request = {};
  request.max_new_tokens = 1;
  rules.maxLength = 2;
  expectGenerates(rules, fakeManifest(), request);
}

TEST(Generate, ForcedTokens) {
  Rules rules;
  rules.forcedBos = 22;
  rules.forcedEos = 0;
  rules.maxLength = 12;
  GenerationOptions request;
  request.forced_bos_token_id = 22;
  request.forced_eos_token_id = {{0}};
  request.max_length = 12;
  expectGenerates(rules, fakeManifest(), request);
  Json manifest = fakeManifest();
  manifest["generation"]["forced_bos_token_id"] = 22;
  manifest["generation"]["forced_eos_token_id"] = {7, 0};
  manifest["generation"]["max_length"] = 12;
  expectGenerates(rules, manifest, {}); // of several the lowest
  request = {};
  request.cleared = {"forced_bos_token_id", "forced_eos_token_id"};
  rules.forcedBos = rules.forcedEos = std::nullopt;
  expectGenerates(rules, manifest, request);
  // A forced token is forced even if it may not be chosen.
  request = {};
  request.bad_words_ids = {{{40}, {22}}};
  rules.forcedBos = 22;
  rules.forcedEos = 0;
  rules.bad = {40, 22};
  expectGenerates(rules, manifest, request);
  // With both forced tokens on one position the end token wins.
  request = {};
  request.max_new_tokens = 1;
  rules = {};
  rules.forcedBos = 22;
  rules.forcedEos = 0;
  rules.maxLength = 2;
  expectGenerates(rules, manifest, request);
}

TEST(Generate, BadTokens) {
  Rules rules;
  rules.bad = {40, 1, 2, 3, 30};
  GenerationOptions request;
  // 0 is an eos, which cannot be bad.
  request.bad_words_ids = {{{40}, {1}, {2}, {3}, {30}, {0}}};
  expectGenerates(rules, fakeManifest(), request);
}

TEST(Generate, NgramSize) {
  Rules rules;
  rules.minLength = 25;
  GenerationOptions request;
  request.min_length = 25;
  Json manifest = fakeManifest();
  for (size_t n : {1, 2, 3}) {
    rules.ngram = n;
    request.no_repeat_ngram_size = int64_t(n);
    expectGenerates(rules, fakeManifest(), request);
  }
  rules.ngram = 1;
  request.no_repeat_ngram_size = std::nullopt;
  manifest["generation"]["no_repeat_ngram_size"] = 1;
  expectGenerates(rules, manifest, request);
  rules.ngram = 0;
  request.no_repeat_ngram_size = 0; // the caller wins over the model
  expectGenerates(rules, manifest, request);
  // A forced token is forced even if it repeats an n-gram.
  rules.ngram = 1;
  request.no_repeat_ngram_size = std::nullopt;
  rules.forcedBos = 40;
  request.forced_bos_token_id = 40;
  expectGenerates(rules, manifest, request);
}

TEST(Generate, LengthPenalty) {
  GenerationOptions request;
  request.length_penalty = 0.6;
  request.min_length = 8; // so that log-probabilities are not all zero
  Rules rules;
  rules.minLength = 8;
  expectGenerates(rules, fakeManifest(), request);
}

TEST(Generate, RowsLeaveAtOnce) {
  FakeModel model;
  auto state = model.state({.maxRows = 64});
  Sources sources = manySources(40);
  auto results = run(*state, sources);
  uint64_t tokens = 0, longest = 0;
  for (const Generated &result : results) {
    tokens += result.ids.size();
    longest = std::max<uint64_t>(longest, result.ids.size());
  }
  // One row a token and not one more; as many steps as the longest has tokens.
  EXPECT_EQ(state->counters.stepRows, tokens);
  EXPECT_EQ(state->counters.steps, longest);
  EXPECT_EQ(state->counters.encodedSources, 40u);
  EXPECT_LT(tokens, longest * 40);
}

TEST(Generate, PortionsByRowsSourcesAndTokens) {
  FakeModel model;
  Sources sources = manySources(23);
  auto whole = run(*model.state({.maxRows = 32}), sources);
  auto expectWhole = [&](const StateLimits &limits) {
    auto state = model.state(limits);
    auto parts = run(*state, sources);
    ASSERT_EQ(parts.size(), whole.size());
    EXPECT_EQ(state->counters.encodedSources, 23u);
    if (limits.maxSources)
      EXPECT_GE(state->counters.encodeCalls, (22 + limits.maxSources) / limits.maxSources);
    for (size_t b = 0; b < whole.size(); ++b) {
      EXPECT_EQ(parts[b].ids, whole[b].ids);
      EXPECT_EQ(parts[b].logProb, whole[b].logProb);
    }
  };
  for (uint64_t rows : {1, 2, 5, 22, 23})
    for (uint64_t tokens : {48, 64, 100, 5000})
      expectWhole({.maxRows = rows, .maxSourceTokens = tokens});
  for (uint64_t most : {1, 4, 22})
    expectWhole({.maxRows = 23, .maxSources = most});
}

TEST(Generate, ProbsOfEachSource) {
  FakeModel model;
  Sources sources = manySources(9);
  GenerationOptions request;
  request.probs = true;
  request.forced_eos_token_id = {{0}};
  request.max_new_tokens = 6;
  auto state = model.state({.maxRows = 4, .probs = true});
  auto results = run(*state, sources, request);
  ASSERT_EQ(results.size(), 9u);
  bool forced = false;
  for (size_t b = 0; b < 9; ++b) {
    const size_t T = results[b].ids.size();
    const size_t S = sources.offsets[b + 1] - sources.offsets[b];
    ASSERT_EQ(results[b].probs.size(), FAKE_LAYERS * FAKE_HEADS * T * S);
    for (size_t plane = 0; plane < FAKE_LAYERS * FAKE_HEADS; ++plane)
      for (size_t t = 0; t < T; ++t)
        for (size_t j = 0; j < S; ++j) {
          float expected = float(plane / FAKE_HEADS * 2000 +
                                 plane % FAKE_HEADS * 1000 + t * 64) +
                           float(sources.ids[sources.offsets[b] + j]);
          if (t == 5) { // forced at the last place: no step was needed
            expected = 0;
            forced = true;
          }
          ASSERT_EQ(results[b].probs[(plane * T + t) * S + j], expected)
              << b << " " << plane << " " << t << " " << j;
        }
  }
  EXPECT_TRUE(forced);
}

TEST(Generate, NoSourcesNoResults) {
  FakeModel model;
  EXPECT_TRUE(run(*model.state(), {}).empty());
}

TEST(Generate, Refusals) {
  FakeModel model;
  auto state = model.state();
  Sources sources{{1, 2}};
  auto refusal = [&](const Json &wishes) {
    GenerationOptions options;
    for (const auto &[key, value] : wishes.items())
      if (Status status = options.setText(key, value.dump()); !status.ok())
        return status;
    return generate(*state, sources.ids, sources.offsets, options).status();
  };
  auto code = [&](const Json &wishes) { return refusal(wishes).code(); };
  EXPECT_EQ(code({{"max_new_tokens", 0}}), Code::Usage);
  EXPECT_EQ(code({{"max_new_tokens", FAKE_POSITIONS + 1}}), Code::Limit);
  EXPECT_EQ(code({{"max_new_tokens", 1 << 30}}), Code::Limit);
  EXPECT_EQ(code({{"max_length", 1}}), Code::Usage);
  EXPECT_EQ(code({{"min_new_tokens", 30}}), Code::Usage); // the model's max_length is 30
  EXPECT_EQ(code({{"min_new_tokens", INT64_MAX}}), Code::Usage);
  EXPECT_EQ(code({{"max_new_tokens", 3}, {"min_new_tokens", 4}}), Code::Usage);
  EXPECT_EQ(code({{"max_new_tokens", 3}, {"min_length", 5}}), Code::Usage);
  EXPECT_EQ(code({{"max_new_tokens", 3}, {"min_new_tokens", 3}, {"min_length", 4}}),
            Code::Ok);
  EXPECT_EQ(code({{"forced_bos_token_id", FAKE_VOCABULARY}}), Code::Usage);
  EXPECT_EQ(code({{"forced_eos_token_id", INT32_MAX}}), Code::Usage);
  EXPECT_EQ(code({{"bad_words_ids", {{FAKE_VOCABULARY}}}}), Code::Usage);
  EXPECT_EQ(code({{"bad_words_ids", {{-1}}}}), Code::Usage);
  EXPECT_EQ(code({{"probs", true}}), Code::Usage);
  EXPECT_EQ(code({{"num_beams", 0}}), Code::Usage);
  EXPECT_EQ(code({{"num_beams", 2}, {"num_return_sequences", 3}}), Code::Usage);
  EXPECT_EQ(code({{"num_return_sequences", 2}}), Code::Usage);
  EXPECT_EQ(code({{"num_return_sequences", 2}, {"do_sample", true}}), Code::Ok);
  EXPECT_EQ(code({{"num_beams", 32}}), Code::Ok);
  const Status many = refusal({{"num_beams", 33}});
  ASSERT_EQ(many.code(), Code::Limit);
  EXPECT_NE(many.message().find("max_rows"), std::string::npos) << many.message();
  std::vector<uint64_t> wild{0, 5};
  EXPECT_EQ(generate(*state, sources.ids, wild, {}).status().code(), Code::Usage);
  std::vector<uint64_t> late{1, 2};
  EXPECT_EQ(generate(*state, sources.ids, late, {}).status().code(), Code::Usage);
  EXPECT_EQ(code(Json::object()), Code::Ok);
}

} // namespace
