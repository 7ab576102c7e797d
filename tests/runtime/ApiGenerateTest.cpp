//===- ApiGenerateTest.cpp - results and errors of each source ------------===//

#include "tests/runtime/ApiFixture.h"

#include <cmath>

using namespace encdec;
using namespace encdec::tests;

namespace {

using ApiGenerate = Api;

TEST_F(ApiGenerate, GenerateAndReadTheResult) {
  encdec_result *result = nullptr;
  Options options;
  options.set("max_new_tokens", 5);
  EXPECT_EQ(codeOf(encdec_options_clear(options.handle, "min_new_tokens")), ENCDEC_OK);
  ASSERT_EQ(
      codeOf(encdec_generate(state, sources.ids.data(), sources.offsets.data(),
                             2, options, &result)),
      ENCDEC_OK);
  ASSERT_EQ(encdec_result_count(result), 2u);
  encdec_source source = {};
  source.size = sizeof(source);
  ASSERT_EQ(codeOf(encdec_result_source(result, 1, &source)), ENCDEC_OK);
  EXPECT_EQ(source.id_count, 1u);
  EXPECT_EQ(source.ids[0], 4);
  EXPECT_EQ(source.cut_count, 0u);
  EXPECT_EQ(source.sequence_count, 1u);
  EXPECT_STREQ(source.warnings, "");
  encdec_sequence sequence = {};
  sequence.size = sizeof(sequence);
  ASSERT_EQ(codeOf(encdec_result_get(result, 1, 0, &sequence)), ENCDEC_OK);
  ASSERT_GE(sequence.id_count, 1u);
  EXPECT_EQ(sequence.ids[0], fakeNext({40}, 4, {40}).first);
  EXPECT_EQ(sequence.text, nullptr);
  EXPECT_EQ(sequence.probs, nullptr);
  EXPECT_EQ(codeOf(encdec_result_get(result, 1, 1, &sequence)),
            ENCDEC_ERROR_USAGE);
  EXPECT_EQ(codeOf(encdec_result_get(result, 2, 0, &sequence)),
            ENCDEC_ERROR_USAGE);
  EXPECT_EQ(codeOf(encdec_result_source(result, 2, &source)),
            ENCDEC_ERROR_USAGE);
  encdec_result_free(result);
  options.set("max_new_tokens", FAKE_POSITIONS + 1);
  EXPECT_EQ(codeOf(encdec_generate(state, sources.ids.data(), sources.offsets.data(), 2,
                                   options, &result)),
            ENCDEC_ERROR_LIMIT);
  EXPECT_EQ(result, nullptr);
}

/// The result of one source: ids and scores of its sequences, and warnings.
struct Made {
  std::vector<std::pair<Ids, double>> sequences;
  std::string warnings;
  bool operator==(const Made &) const = default;
};

std::vector<Made> madeOf(encdec_state *state, const Sources &sources,
                         const encdec_options *options) {
  encdec_result *result = nullptr;
  EXPECT_EQ(
      codeOf(encdec_generate(state, sources.ids.data(), sources.offsets.data(),
                             sources.count(), options, &result)),
      ENCDEC_OK);
  std::vector<Made> all(encdec_result_count(result));
  for (uint64_t b = 0; b < all.size(); ++b) {
    encdec_source source = {};
    source.size = sizeof(source);
    EXPECT_EQ(codeOf(encdec_result_source(result, b, &source)), ENCDEC_OK);
    EXPECT_EQ(source.ids[0], sources.first(b));
    all[b].warnings = source.warnings;
    for (uint64_t rank = 0; rank < source.sequence_count; ++rank) {
      encdec_sequence sequence = {};
      sequence.size = sizeof(sequence);
      EXPECT_EQ(codeOf(encdec_result_get(result, b, rank, &sequence)),
                ENCDEC_OK);
      all[b].sequences.emplace_back(
          Ids(sequence.ids, sequence.ids + sequence.id_count), sequence.score);
    }
  }
  encdec_result_free(result);
  return all;
}

TEST_F(ApiGenerate, ResultsBelongToTheirSource) {
  const Sources three{{1, 2}, {FAKE_LOST, 0}, {3}};
  Options options;
  for (uint64_t beams : {1, 3}) {
    options.set("num_beams", beams);
    const size_t returned = beams > 1 ? 2 : 1;
    options.set("num_return_sequences", returned);
    std::vector<Made> made = madeOf(state, three, options);
    ASSERT_EQ(made.size(), 3u);
    EXPECT_EQ(made[0], madeOf(state, {{1, 2}}, options)[0]);
    EXPECT_EQ(made[2], madeOf(state, {{3}}, options)[0]);
    EXPECT_EQ(made[2].sequences.size(), returned);
    EXPECT_EQ(made[2].warnings, "");
    EXPECT_TRUE(made[1].sequences.empty());
    EXPECT_EQ(made[1].warnings.substr(0, 20), "no finite hypothesis");
  }
}

/// The first step has an end among its best tokens, the second has no numbers.
TEST_F(ApiGenerate, FewerHypothesesThanAskedForAreSaid) {
  Json manifest = fakeManifest();
  manifest["generation"]["eos_token_id"] = {5};
  FakeImage other(manifest);
  encdec_model *otherModel = nullptr;
  encdec_state *otherState = nullptr;
  ASSERT_EQ(codeOf(encdec_model_from_memory(&other.image, &otherModel)),
            ENCDEC_OK);
  ASSERT_EQ(codeOf(encdec_state_create(otherModel, nullptr, &otherState)),
            ENCDEC_OK);
  Options options;
  options.set("num_beams", 3);
  options.set("num_return_sequences", 2);
  std::vector<Made> made = madeOf(otherState, {{FAKE_LOST, 1}, {3}}, options);
  ASSERT_EQ(made[0].sequences.size(), 1u);
  EXPECT_EQ(made[0].sequences[0].first, Ids{5});
  EXPECT_EQ(made[0].warnings.substr(0, 28), "1 of 2 hypotheses were found");
  EXPECT_EQ(made[1].sequences.size(), 2u);
  encdec_state_destroy(otherState);
  encdec_model_close(otherModel);
}

/// Sound numbers, but no token may be chosen.
TEST_F(ApiGenerate, BadTokensMayLeaveNothing) {
  Json bad;
  for (int32_t token = 1; token < FAKE_VOCABULARY; ++token)
    bad.push_back({token});
  Options options;
  options.set("bad_words_ids", bad);
  options.set("min_new_tokens", 2);
  for (uint64_t beams : {3, 1}) {
    options.set("num_beams", beams);
    for (const Made &made : madeOf(state, sources, options)) {
      EXPECT_TRUE(made.sequences.empty());
      EXPECT_EQ(made.warnings.substr(0, 20), "no finite hypothesis");
    }
  }
}

TEST_F(ApiGenerate, FewerAlternativesThanAskedForHaveTheirReason) {
  Options options;
  options.set("return_alternatives", true);
  options.set("num_return_sequences", 3);
  EXPECT_EQ(madeOf(state, {{3}}, options)[0].warnings, "");
  options.set("min_alternative_expansion_prob", 0.9999);
  EXPECT_EQ(madeOf(state, {{3}}, options)[0].warnings,
            "1 of 3 hypotheses were found: no further first token has a probability of at "
            "least 0.9999 (min_alternative_expansion_prob)");
}

TEST_F(ApiGenerate, LackingWordsAreSaid) {
  Options options;
  options.set("num_beams", 3);
  options.set("force_words_ids", Json::parse("[[4]]"));
  options.set("min_new_tokens", 2);
  const Made found = madeOf(state, {{3}}, options)[0];
  ASSERT_FALSE(found.sequences.empty());
  EXPECT_NE(std::ranges::find(found.sequences[0].first, 4), found.sequences[0].first.end());
  EXPECT_EQ(found.warnings, "");
  options.set("bad_words_ids", Json::parse("[[4]]"));
  const Made lacking = madeOf(state, {{3}}, options)[0];
  ASSERT_FALSE(lacking.sequences.empty());
  EXPECT_EQ(lacking.warnings, "sequence 1 lacks words of force_words_ids, which other options "
                              "forbid, or which had no room");
}

TEST_F(ApiGenerate, SizesOfNgrams) {
  Options options;
  options.set("min_new_tokens", 25);
  const std::vector<Made> free = madeOf(state, sources, options);
  options.set("no_repeat_ngram_size", 1);
  const std::vector<Made> own = madeOf(state, sources, options);
  EXPECT_NE(own, free);
  for (const Made &made : own) {
    const Ids &ids = made.sequences.at(0).first;
    EXPECT_EQ(std::set<int32_t>(ids.begin(), ids.end()).size(), ids.size());
  }
  options.set("no_repeat_ngram_size", 0);
  options.set("encoder_no_repeat_ngram_size", 1);
  const std::vector<Made> foreign = madeOf(state, sources, options);
  EXPECT_NE(foreign, free);
  for (size_t b = 0; b < foreign.size(); ++b)
    for (uint64_t i = sources.offsets[b]; i < sources.offsets[b + 1]; ++i)
      EXPECT_EQ(std::ranges::count(foreign[b].sequences.at(0).first, sources.ids[i]), 0);
}

TEST_F(ApiGenerate, ErrorsSayWhichInputTheyAreAbout) {
  const std::vector<int32_t> longSource(FAKE_POSITIONS + 1, 1);
  const Sources inputs[] = {{{1}, {FAKE_SOURCE_VOCABULARY}, {2}},
                            {{1}, {}, {2}},
                            {{1}, longSource, {2}}};
  encdec_result *result = nullptr;
  for (const Sources &given : inputs) {
    const int32_t *ids = given.ids.data();
    const uint64_t *offsets = given.offsets.data();
    for (encdec_status *status :
         {encdec_encode(state, ids, offsets, 3),
          encdec_generate(state, ids, offsets, 3, nullptr, &result)}) {
      EXPECT_EQ(encdec_status_input(status), 1);
      EXPECT_NE(codeOf(status), ENCDEC_OK);
    }
  }
  Options options;
  options.set("max_new_tokens", FAKE_POSITIONS + 1);
  encdec_status *status = encdec_generate(
      state, sources.ids.data(), sources.offsets.data(), 2, options, &result);
  EXPECT_EQ(encdec_status_input(status), -1);
  EXPECT_EQ(codeOf(status), ENCDEC_ERROR_LIMIT);
  EXPECT_EQ(encdec_status_input(nullptr), -1);
}

TEST_F(ApiGenerate, TruncateCutsSourcesAndSaysSo) {
  Ids ids(FAKE_POSITIONS + 3, 7);
  ids.back() = 0; // an end token stays the last
  const std::vector<uint64_t> offsets{0, 1, ids.size()};
  Options options;
  options.set("truncate", true);
  encdec_result *result = nullptr;
  ASSERT_EQ(codeOf(encdec_generate(state, ids.data(), offsets.data(), 2,
                                   options, &result)),
            ENCDEC_OK);
  encdec_source source = {};
  source.size = sizeof(source);
  ASSERT_EQ(codeOf(encdec_result_source(result, 1, &source)), ENCDEC_OK);
  EXPECT_EQ(source.id_count, uint64_t(FAKE_POSITIONS));
  EXPECT_EQ(source.cut_count, 2u);
  EXPECT_EQ(source.ids[FAKE_POSITIONS - 1], 0);
  EXPECT_NE(std::string(source.warnings).find(": 2 were cut off"),
            std::string::npos);
  ASSERT_EQ(codeOf(encdec_result_source(result, 0, &source)), ENCDEC_OK);
  EXPECT_EQ(source.cut_count, 0u);
  EXPECT_STREQ(source.warnings, "");
  encdec_result_free(result);
}

/// What stands around the text stays, an end token and a language code behind it too.
TEST_F(ApiGenerate, TruncateCutsTheEndOfTheText) {
  Options options;
  options.set("truncate", true);
  const Ids closings[] = {{}, {0}, {0, 11}, {12, 13}, {0, 0}};
  for (const Ids &closing : closings) {
    Ids ids{9};
    while (ids.size() < FAKE_POSITIONS + 3)
      ids.push_back(7 + int32_t(ids.size() % 2));
    Ids expected(ids.begin(), ids.begin() + FAKE_POSITIONS);
    const bool kept = !closing.empty() && closing[0] == 0;
    const size_t stays = !kept ? 0 : closing.size() == 2 && closing[1] == 11 ? 2 : 1;
    ids.insert(ids.end(), closing.begin(), closing.end());
    std::copy(closing.begin(), closing.begin() + int64_t(stays),
              expected.end() - int64_t(stays));
    encdec_result *result = nullptr;
    const uint64_t offsets[] = {0, ids.size()};
    ASSERT_EQ(codeOf(encdec_generate(state, ids.data(), offsets, 1, options, &result)),
              ENCDEC_OK);
    encdec_source source = {};
    source.size = sizeof(source);
    ASSERT_EQ(codeOf(encdec_result_source(result, 0, &source)), ENCDEC_OK);
    EXPECT_EQ(Ids(source.ids, source.ids + source.id_count), expected);
    EXPECT_EQ(source.cut_count, ids.size() - FAKE_POSITIONS);
    encdec_result_free(result);
  }
}

TEST_F(ApiGenerate, LengthPenaltiesBeyondNumbersGiveNoScore) {
  Options options;
  options.set("min_new_tokens", 12); // so that log-probabilities are not 0
  for (double penalty : {1e300, -1e300}) {
    options.set("length_penalty", penalty);
    for (const Made &made : madeOf(state, sources, options)) {
      ASSERT_EQ(made.sequences.size(), 1u);
      EXPECT_TRUE(std::isnan(made.sequences[0].second))
          << made.sequences[0].second;
      EXPECT_NE(made.warnings.find("length_penalty"), std::string::npos);
    }
  }
}

} // namespace
