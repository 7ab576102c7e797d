// Lists of tokens: what a step computes for the tokens of a list has the bits of the whole
// vocabulary, and searches among them are those with all other tokens suppressed.
#include "encdec/compiler.h"
#include "encdec/encdec.hpp"
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>

namespace {

using Ids = std::vector<int32_t>;

const std::vector<std::string_view> texts = {"The house is small.", "Where is the station?",
                                             "I would like a cup of coffee, please."};

/// The example model in a format, with the lists `few`, `fewer` and `all`.
class Shortlist : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "encdec-lists-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder = pattern;
    few = write("few", [](int32_t id) { return id % 3 != 1; });
    fewer = write("fewer", [](int32_t id) { return id % 7 == 0; });
    write("all", [](int32_t) { return true; });
    encdec_compile_options *options = encdec_compile_options_create();
    encdec_compile_report *report = nullptr;
    encdec_compile_options_set(options, "weights", GetParam(), nullptr);
    for (const char *name : {"few", "fewer", "all"})
      encdec_compile_options_set(options, "shortlist",
                                 (std::string(name) + "=" + (folder / name).string()).c_str(),
                                 nullptr);
    encdec_jit(ENCDEC_EXAMPLE_MODEL, options, &jit, &report);
    ASSERT_NE(jit, nullptr) << encdec_compile_report_message(report);
    encdec_compile_report_free(report);
    encdec_compile_options_free(options);
    auto opened = encdec::Model::fromMemory(*encdec_jit_image(jit));
    ASSERT_TRUE(opened) << opened.error().message();
    model = *std::move(opened);
    vocabulary = model->info()->vocab_size;
    ASSERT_EQ(vocabulary, size);
    const encdec_model_info info = *model->info();
    for (Ids *list : {&few, &fewer}) { // the compiler adds the end tokens
      list->insert(list->end(), info.eos_token_ids, info.eos_token_ids + info.eos_token_count);
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
  }
  void TearDown() override {
    model.reset();
    encdec_jit_free(jit);
    std::filesystem::remove_all(folder);
  }

  template <typename Has> Ids write(const char *name, Has has) {
    Ids ids;
    std::ofstream file(folder / name);
    for (int32_t id = 0; id < int32_t(size); ++id)
      if (has(id)) {
        ids.push_back(id);
        file << id << "\n";
      }
    return ids;
  }
  Ids others(const Ids &list) {
    Ids ids;
    for (int32_t id = 0; id < int32_t(vocabulary); ++id)
      if (!std::binary_search(list.begin(), list.end(), id))
        ids.push_back(id);
    return ids;
  }
  encdec::Options options(std::initializer_list<std::pair<const char *, const char *>> values) {
    encdec::Options made = *encdec::Options::create();
    for (auto [name, value] : values)
      if (encdec::Error error = made.set(name, value))
        ADD_FAILURE() << error.message();
    return made;
  }
  /// The best sequence of each text and its score, the latter only where `scores`.
  std::string found(const encdec::Options &options, bool scores = true) {
    auto state = encdec::State::create(*model);
    auto output = state->generate(texts, &options);
    if (!output)
      return output.error().message();
    return found(*output, scores);
  }
  static std::string found(const encdec::Output &output, bool scores) {
    std::string all;
    for (uint64_t source = 0; source < output.count(); ++source) {
      auto best = output.best(source);
      for (uint64_t i = 0; i < best->id_count; ++i)
        all += std::to_string(best->ids[i]) + " ";
      char score[64] = "";
      if (scores)
        std::snprintf(score, sizeof score, "%a", best->log_prob);
      all += score + std::string("\n");
    }
    return all;
  }

  static constexpr uint64_t size = 6002; // of the example's vocabulary
  std::filesystem::path folder;
  encdec_jit_model *jit = nullptr;
  std::optional<encdec::Model> model;
  uint64_t vocabulary = 0;
  Ids few, fewer;
};

TEST_P(Shortlist, LogitsOfTheListHaveTheBitsOfTheVocabulary) {
  auto state = encdec::State::create(*model);
  ASSERT_TRUE(state);
  auto ids = *model->tokenize(texts[0]);
  ASSERT_FALSE(state->encode(std::vector<Ids>{ids, ids}));
  const int32_t start = model->info()->decoder_start_token_id;
  const Ids tokens = {start, 17};
  auto step = [&](const char *list) {
    EXPECT_FALSE(state->useShortlist(list));
    EXPECT_FALSE(state->encode(std::vector<Ids>{ids, ids}));
    encdec_step_input input = encdec_step_input_default();
    input.tokens = tokens.data();
    input.rows = 2;
    input.logits = 1;
    input.top_k = 5;
    return *state->step(input);
  };
  const encdec_step_output whole = step(nullptr);
  const std::vector<float> logits(whole.logits, whole.logits + 2 * whole.logits_stride);
  const encdec_step_output part = step("few");
  for (size_t row = 0; row < 2; ++row) {
    const float *expected = logits.data() + row * whole.logits_stride;
    const float *got = part.logits + row * part.logits_stride;
    double sum = 0;
    std::vector<std::pair<float, int32_t>> best;
    for (int32_t id = 0; id < int32_t(vocabulary); ++id) {
      const bool in = std::binary_search(few.begin(), few.end(), id);
      ASSERT_EQ(got[id], in ? expected[id] : -INFINITY) << "row " << row << ", token " << id;
      sum += std::exp(double(got[id]));
      best.emplace_back(-got[id], id);
    }
    std::sort(best.begin(), best.end());
    for (size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(part.tokens[row * 5 + i], best[i].second);
      EXPECT_NEAR(part.log_probs[row * 5 + i], -best[i].first - std::log(sum), 1e-4);
    }
  }
}

TEST_P(Shortlist, AListOfAllTokensChangesNothing) {
  for (const char *beams : {"1", "4"})
    EXPECT_EQ(found(options({{"num_beams", beams}})),
              found(options({{"num_beams", beams}, {"shortlist", "all"}})));
}

TEST_P(Shortlist, SearchesAreThoseWithTheOtherTokensSuppressed) {
  std::string suppressed = "[";
  for (int32_t id : others(few))
    suppressed += std::to_string(id) + ",";
  suppressed.back() = ']';
  const std::initializer_list<std::pair<const char *, const char *>> searches[] = {
      {{"num_beams", "1"}},
      {{"num_beams", "1"}, {"no_repeat_ngram_size", "2"}, {"min_new_tokens", "6"}},
      {{"num_beams", "1"}, {"repetition_penalty", "1.3"}},
      {{"num_beams", "1"}, {"do_sample", "true"}, {"seed", "5"}},
      {{"num_beams", "4"}, {"renormalize_logits", "true"}}};
  for (const auto &search : searches) {
    encdec::Options confined = options(search), banned = options(search);
    ASSERT_FALSE(confined.set("shortlist", "few"));
    ASSERT_FALSE(banned.set("suppress_tokens", suppressed.c_str()));
    EXPECT_EQ(found(confined, false), found(banned, false)) << search.begin()[0].second;
  }
}

TEST_P(Shortlist, SourcesOfDifferentListsGetWhatTheyGetAlone) {
  auto state = encdec::State::create(*model);
  const char *lists[] = {"few", nullptr, "fewer", "few", "all"};
  std::vector<uint64_t> numbers;
  auto generation = encdec::Generation::create(*state);
  ASSERT_TRUE(generation);
  std::vector<encdec::Options> all;
  for (size_t i = 0; i < 5; ++i) {
    all.push_back(options({{"num_beams", i % 2 ? "3" : "1"}}));
    if (lists[i])
      ASSERT_FALSE(all.back().set("shortlist", lists[i]));
    numbers.push_back(*generation->add(texts[i % 3], &all.back()));
  }
  while (*generation->advance())
    ;
  for (size_t i = 0; i < 5; ++i) {
    auto together = generation->take(numbers[i]);
    ASSERT_TRUE(together);
    auto other = encdec::State::create(*model);
    auto alone = other->generate({texts[i % 3]}, &all[i]);
    EXPECT_EQ(found(*together, true), found(*alone, true)) << i;
  }
}

TEST_P(Shortlist, ScoresAreThoseOfTheSearch) {
  auto state = encdec::State::create(*model);
  const encdec::Options confined = options({{"num_beams", "1"}, {"shortlist", "few"}});
  const Ids ids = *model->tokenize(texts[1]);
  auto output = state->generateIds(std::vector<Ids>{ids}, &confined);
  ASSERT_TRUE(output) << output.error().message();
  const encdec_sequence best = *output->best(0);
  const uint64_t offsets[] = {0, ids.size()}, targets[] = {0, best.id_count};
  std::vector<double> logProbs(best.id_count);
  ASSERT_FALSE(encdec::Error(encdec_score(state->get(), ids.data(), offsets, best.ids, targets, 1,
                                          confined.get(), logProbs.data())));
  EXPECT_NEAR(std::accumulate(logProbs.begin(), logProbs.end(), 0.0), best.log_prob, 1e-3);
  // A token outside of the list is impossible.
  const int32_t other = others(few).front();
  const uint64_t one[] = {0, 1};
  ASSERT_FALSE(encdec::Error(encdec_score(state->get(), ids.data(), offsets, &other, one, 1,
                                          confined.get(), logProbs.data())));
  EXPECT_EQ(logProbs[0], -INFINITY);
}

TEST_P(Shortlist, WhatCannotBeIsRefused) {
  auto state = encdec::State::create(*model);
  encdec::Error error = state->useShortlist("fwe");
  EXPECT_EQ(error.code(), ENCDEC_ERROR_USAGE);
  EXPECT_STREQ(error.message(), "shortlist: expected one of all, few, fewer, found 'fwe'; did "
                                "you mean 'few'?");
  EXPECT_NE(found(options({{"shortlist", "never"}})).find("expected one of"), std::string::npos);
  EXPECT_EQ(found(options({{"shortlist", "language"}})),
            "shortlist: language is the list that is named as target_language, which is missing; "
            "give it, or the list's own name");
  const std::string other = std::to_string(others(few).front());
  EXPECT_EQ(found(options({{"shortlist", "few"}, {"forced_bos_token_id", other.c_str()}})),
            "shortlist: expected a list with token " + other +
                " of forced_bos_token_id, but 'few' has no such token; compile the model with a "
                "list that has");
}

INSTANTIATE_TEST_SUITE_P(Formats, Shortlist, testing::Values("f32", "int8-dynamic"),
                         [](const auto &info) {
                           return std::string(info.param) == "f32" ? "f32" : "int8_dynamic";
                         });

} // namespace
