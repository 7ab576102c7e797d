//===- SearchGoldenTest.cpp - groups and forced words as Transformers 4 has them -===//
//
// search_goldens.py has searched the same tables with Transformers' own searches.

#include "tests/runtime/TableModel.h"

#include "runtime/search/Engine.h"
#include "runtime/search/ForcedWords.h"

#include <fmt/ranges.h>

#include <fstream>
#include <map>

using namespace encdec;
using namespace encdec::tests;
using namespace encdec::runtime;

namespace {

const Json &goldens() {
  static const Json read = Json::parse(std::ifstream(ENCDEC_SEARCH_GOLDENS));
  return read;
}

Json generationOf(const Json &file) {
  return {{"decoder_start_token_id", file["start"]},
          {"pad_token_id", file["start"]},
          {"eos_token_id", {file["eos"]}},
          {"bad_words_ids", Json::array()}};
}

GenerationOptions optionsOf(const Json &json) {
  GenerationOptions options;
  for (const auto &[key, value] : json.items()) {
    auto parsed = parseJson("{\"value\": " + value.dump() + "}");
    EXPECT_TRUE(parsed.ok());
    const Status status = options.set(key, parsed->items[0]);
    EXPECT_TRUE(status.ok()) << status.message();
  }
  return options;
}

/// What a table gives for a source of some keys, of which the first names it.
std::vector<Generated> search(const Tables &tables, const Json &generation, const Ids &source,
                              const Ids &prefix, const Json &options) {
  TableModel model(tables, generation);
  StateLimits limits;
  limits.maxRows = 16;
  limits.threads = 1;
  limits.probs = true;
  auto state = State::create(model.model, limits);
  EXPECT_TRUE(state.ok()) << state.status().message();
  Engine engine(**state);
  const auto number = engine.add(source, prefix, optionsOf(options));
  EXPECT_TRUE(number.ok()) << number.status().message();
  while (number.ok() && engine.unfinished())
    if (!engine.advance().ok())
      return {};
  return number.ok() ? std::move(*engine.take(*number)) : std::vector<Generated>();
}

std::vector<Generated> search(const Json &one) {
  const Json &file = goldens();
  Tables tables(file["vocabulary"], file["steps"], file["rows"]);
  tables.fill(one["seed"].get<uint64_t>());
  return search(tables, generationOf(file), {one["source"].get<int32_t>()}, {},
                one["options"]);
}

/// The tables of a model of ct2_goldens.py.
Tables treeOf(const Json &sources) {
  Tables tables(5);
  for (size_t source = 0; source < TABLE_SOURCES; ++source)
    for (const Json &row : sources[source]) {
      size_t at = 0;
      for (int32_t token : row["tokens"].get<Ids>())
        at = tables.next(at, token);
      float *to = tables.logProbs.data() + tables.at(source, at);
      for (float number : row["log_probs"])
        *to++ = number;
      for (float number : row["attention"])
        *to++ = number;
    }
  return tables;
}

void expectSame(const Generated &found, const Json &expected) {
  EXPECT_EQ(found.ids, expected["ids"].get<Ids>());
  EXPECT_NEAR(found.score, expected["score"].get<double>(), 2e-5);
}

TEST(SearchGolden, GroupsOfBeams) {
  size_t compared = 0;
  for (const Json &one : goldens()["cases"]) {
    if (!one["options"].contains("num_beam_groups"))
      continue;
    SCOPED_TRACE(one.dump());
    const auto found = search(one);
    ASSERT_EQ(found.size(), one["found"].size());
    for (size_t i = 0; i < found.size(); ++i)
      expectSame(found[i], one["found"][i]);
    ++compared;
    if (HasFailure())
      break;
  }
  EXPECT_EQ(compared, 150u);
}

// Transformers 4 lets a hypothesis without a word win where fewer beams than are returned
// have all words at the end; here those with all words come first.
TEST(SearchGolden, ForcedWords) {
  size_t compared = 0, lacking = 0;
  for (const Json &one : goldens()["cases"]) {
    if (!one["options"].contains("force_words_ids"))
      continue;
    SCOPED_TRACE(one.dump());
    const ForcedWords words(*optionsOf(one["options"]).force_words_ids);
    const auto found = search(one);
    size_t complete = 0;
    for (const Generated &each : found) {
      const bool is = words.after(each.ids, {}).complete;
      EXPECT_FALSE(is && complete < size_t(&each - found.data()));
      complete += is;
    }
    std::vector<Json> expected;
    for (const Json &each : one["found"]) {
      EXPECT_EQ(words.after(each["ids"].get<Ids>(), {}).complete, each["complete"]);
      if (!complete || each["complete"])
        expected.push_back(each);
    }
    ASSERT_GE(found.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i)
      expectSame(found[i], expected[i]);
    ++(expected.size() == one["found"].size() ? compared : lacking);
    if (HasFailure())
      break;
  }
  EXPECT_GT(compared, 100u);
  EXPECT_EQ(compared + lacking, 200u);
}

/// What CTranslate2 adds to the score of an alternative: it takes the first token's probability
/// among those that do not end the sequence.
double withoutEnd(const Tables &tables, size_t source, const Ids &prefix) {
  size_t row = 0;
  for (int32_t token : prefix)
    row = tables.next(row, token);
  return -std::log1p(-std::exp(double(tables.logProbs[tables.at(source, row)])));
}

TEST(SearchGolden, OptionsOfCTranslate2) {
  const Json file = Json::parse(std::ifstream(ENCDEC_CT2_GOLDENS));
  std::vector<Tables> models;
  for (const Json &model : file["models"])
    models.push_back(treeOf(model));
  const Json generation = {{"decoder_start_token_id", 0},
                           {"pad_token_id", 0},
                           {"eos_token_id", {0}},
                           {"bad_words_ids", Json::array()}};
  std::map<std::string, size_t> compared;
  for (const Json &one : file["cases"]) {
    SCOPED_TRACE(one.dump());
    const Json &options = one["options"];
    const Tables &tables = models[one["model"].get<size_t>()];
    const auto source = one["source"].get<int32_t>();
    const auto prefix = one["prefix"].get<Ids>();
    const auto found = search(tables, generation, {source, 1, 1}, prefix, options);
    const bool biased = options.contains("prefix_bias_beta");
    const double more = options.contains("return_alternatives")
                            ? withoutEnd(tables, size_t(source), prefix)
                            : 0;
    ASSERT_EQ(found.size(), one["found"].size());
    for (size_t i = 0; i < found.size(); ++i) {
      Ids whole = biased ? Ids() : prefix;
      whole.insert(whole.end(), found[i].ids.begin(), found[i].ids.end());
      EXPECT_EQ(whole, one["found"][i]["ids"].get<Ids>());
      if (!biased || options["num_beams"] > 1) // greedy search gives the model's own score
        EXPECT_NEAR(found[i].score + more, one["found"][i]["score"].get<double>(), 5e-4);
    }
    for (const char *key :
         {"patience", "coverage_penalty", "return_alternatives", "prefix_bias_beta"})
      compared[key] += options.contains(key);
    if (HasFailure())
      break;
  }
  for (const auto &[key, count] : compared)
    EXPECT_GT(count, 15u) << key;
}

TEST(SearchOptions, ThatExcludeEachOtherAreRefused) {
  const std::pair<const char *, const char *> cases[] = {
      {R"({"num_beams": 4, "num_beam_groups": 3, "diversity_penalty": 1.0})",
       "num_beam_groups is 3, expected a divisor of the 4 beams"},
      {R"({"num_beams": 4, "num_beam_groups": 2})", "diversity_penalty above 0"},
      {R"({"num_beams": 4, "diversity_penalty": 1.0})", "num_beam_groups above 1"},
      {R"({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0, "do_sample": true})",
       "num_beam_groups: expected a search that draws no tokens"},
      {R"({"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.0,
           "force_words_ids": [[2]]})",
       "force_words_ids: expected one group of beams"},
      {R"({"force_words_ids": [[2]]})", "force_words_ids: expected num_beams above 1"},
      {R"({"num_beams": 2, "force_words_ids": [[2, 1]]})", "expected no end token in a phrase"},
      {R"({"num_beams": 2, "force_words_ids": [[[2], [2, 3]]]})", "begins another, found [2]"},
      {R"({"num_beams": 2, "patience": 2.0})", "patience: expected early_stopping true"},
      {R"({"num_beams": 4, "patience": 0.1, "early_stopping": true})",
       "patience: expected num_beams * patience to round to 1 or more, found 4 * 0.1"},
      {R"({"num_beams": 2, "patience": 2.0, "early_stopping": true, "num_return_sequences": 5})",
       "num_return_sequences is 5, expected 1 ... 4 (num_beams * patience)"},
      {R"({"return_alternatives": true, "do_sample": true})", "return_alternatives: expected"},
      {R"({"num_beams": 2, "coverage_penalty": 1.0, "force_words_ids": [[2]]})",
       "coverage_penalty: expected no force_words_ids"},
      {R"({"coverage_penalty": 1.0})", "create it with probs = 1"}};
  const Json &file = goldens();
  TableModel model(Tables(file["vocabulary"], file["steps"], file["rows"]),
                   generationOf(file));
  auto state = State::create(model.model, {.maxRows = 16, .threads = 1});
  ASSERT_TRUE(state.ok());
  Engine engine(**state);
  for (const auto &[options, says] : cases) {
    const Status status = engine.check(optionsOf(Json::parse(options)));
    EXPECT_NE(status.message().find(says), std::string::npos)
        << options << ": " << status.message();
  }
  // With one beam nothing is in groups, as in Transformers 4.
  EXPECT_TRUE(
      engine.check(optionsOf(Json::parse(R"({"num_beams": 1, "diversity_penalty": 1.0})"))).ok());
}

} // namespace
