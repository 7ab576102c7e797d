//===- GenerationOptionsTest.cpp - the table of options -------------------===//

#include "runtime/base/GenerationOptions.h"
#include "runtime/base/Utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

using namespace encdec;

namespace {

/// Sets an option from JSON text, as a file would.
Status setJson(GenerationOptions &options, std::string_view key, const std::string &json) {
  auto object = parseJson("{\"value\": " + json + "}");
  return object.ok() ? options.set(key, object->items[0]) : object.status();
}

/// JSON of what an option becomes from a text of the command line, or the error.
std::string fromText(std::string_view key, std::string_view text) {
  GenerationOptions options;
  const Status status = options.setText(key, text);
  return status.ok() ? options.show(key) : status.message();
}

TEST(OptionTable, HasEveryRowOnceWithWordsForPeople) {
  std::set<std::string> keys, origins;
  for (const OptionInfo &row : optionTable()) {
    EXPECT_TRUE(keys.insert(row.key).second) << row.key;
    origins.insert(row.origin);
    EXPECT_EQ(findOption(row.key), &row);
    EXPECT_FALSE(findRefusedOption(row.key)) << row.key << " is taken and refused";
    for (const std::string &text : {std::string(row.meaning), row.values(), std::string(row.section)}) {
      EXPECT_FALSE(text.empty()) << row.key;
      EXPECT_NE(text.back(), '.') << row.key;
      EXPECT_EQ(text.find('\n'), text.npos) << row.key;
    }
  }
  EXPECT_GE(keys.size(), 40u);
  EXPECT_EQ(origins, (std::set<std::string>{"CTranslate2", "Own", "Transformers",
                                            "Transformers4"}));
  EXPECT_FALSE(findOption("temperatur"));
}

// The default in the table's words is the default of a merge.
TEST(OptionTable, DefaultsAreWhatAMergeOfNothingGives) {
  const GenerationOptions merged = GenerationOptions().over({});
  for (const OptionInfo &row : optionTable()) {
    const std::string initial = row.initial;
    EXPECT_EQ(merged.show(row.key), initial == "unset" ? "null"
                                    : initial == "no"  ? "false"
                                                       : initial)
        << row.key;
    if (initial != "unset") {
      GenerationOptions options;
      const Status status = setJson(options, row.key, merged.show(row.key));
      EXPECT_TRUE(status.ok()) << "the default is no value: " << status.message();
    }
  }
}

// GenerationConfig._get_default_generation_params of Transformers 5.24.
TEST(OptionTable, DefaultsAreTransformers) {
  const char *defaults[][2] = {{"min_length", "0"},
                               {"do_sample", "false"},
                               {"early_stopping", "false"},
                               {"num_beams", "1"},
                               {"temperature", "1"},
                               {"top_k", "50"},
                               {"top_p", "1"},
                               {"typical_p", "1"},
                               {"repetition_penalty", "1"},
                               {"length_penalty", "1"},
                               {"no_repeat_ngram_size", "0"},
                               {"encoder_no_repeat_ngram_size", "0"},
                               {"num_return_sequences", "1"},
                               {"remove_invalid_values", "false"},
                               {"epsilon_cutoff", "0"},
                               {"eta_cutoff", "0"},
                               {"encoder_repetition_penalty", "1"}};
  const GenerationOptions merged = GenerationOptions().over({});
  for (const auto &[key, value] : defaults)
    EXPECT_EQ(merged.show(key), value) << key;
}

struct Judged {
  const char *key, *json;
  bool taken;
};

// Transformers 5.24 takes and refuses the same: GenerationConfig.validate and the processors
// that _get_logits_processor makes of the value, sampling, with 1 beam. Whole numbers, which
// it refuses where it wants fractions, are taken.
TEST(OptionTable, RangesAreTransformers) {
  const Judged cases[] = {
      {"temperature", "0", false},          {"temperature", "0.01", true},
      {"temperature", "-1", false},         {"top_h", "0", false},
      {"top_h", "0.4", true},               {"top_h", "1", true},
      {"top_h", "1.01", false},             {"top_k", "0", true},
      {"top_k", "-1", false},               {"top_k", "3", true},
      {"top_p", "0", true},                 {"top_p", "1.5", true},
      {"top_p", "-0.1", false},             {"min_p", "0", true},
      {"min_p", "1", true},                 {"min_p", "1.1", false},
      {"min_p", "-0.1", false},             {"typical_p", "0", false},
      {"typical_p", "0.2", true},           {"typical_p", "1.5", true},
      {"epsilon_cutoff", "0", true},        {"epsilon_cutoff", "3", true},
      {"epsilon_cutoff", "-0.5", true},     {"eta_cutoff", "0", true},
      {"eta_cutoff", "3", true},            {"eta_cutoff", "-0.5", true},
      {"repetition_penalty", "0", false},   {"repetition_penalty", "2", true},
      {"repetition_penalty", "0.5", true},  {"encoder_repetition_penalty", "-2", false},
      {"encoder_repetition_penalty", "2", true}, {"max_new_tokens", "0", false},
      {"max_new_tokens", "1", true},        {"length_penalty", "-3.5", true},
      {"max_time", "0", true},
      {"early_stopping", "\"never\"", true}, {"early_stopping", "true", true},
      {"early_stopping", "\"always\"", false}, {"bad_words_ids", "[5]", false},
      {"bad_words_ids", "[[-5]]", false},   {"bad_words_ids", "[[5, 7], [9]]", true},
      {"sequence_bias", "[[[5, 7], -1.5]]", true}, {"sequence_bias", "[[[5], \"a\"]]", false},
      {"sequence_bias", "{}", false},       {"exponential_decay_length_penalty", "[15, 1.6]", true},
      {"exponential_decay_length_penalty", "[-2, 1.6]", true}};
  for (const auto &[key, json, taken] : cases) {
    GenerationOptions options;
    const Status status = setJson(options, key, json);
    EXPECT_EQ(status.ok(), taken) << key << " = " << json << ": " << status.message();
    EXPECT_EQ(options.show(key) == "null", !taken) << key << " = " << json;
  }
}

TEST(SetOption, ErrorsSayWhatIsExpectedAndFound) {
  const char *cases[][3] = {
      {"length_penalty", "\"x\"", "length_penalty: expected a number, found \"x\""},
      {"temperature", "0", "temperature: expected a number above 0, found 0"},
      {"top_h", "2", "top_h: expected a number above 0 and at most 1, found 2"},
      {"min_p", "[1]", "min_p: expected a number from 0 to 1, found an array of 1"},
      {"num_beams", "0", "num_beams: expected a whole number of at least 1, found 0"},
      {"num_beams", "1.5", "num_beams: expected a whole number of at least 1, found 1.5"},
      {"seed", "9007199254740993",
       "seed: expected a whole number of at least 0 (counts end at 2^53), found "
       "9007199254740993"},
      {"do_sample", "1", "do_sample: expected true or false, found 1"},
      {"forced_bos_token_id", "-1", "forced_bos_token_id: expected a token id, found -1"},
      {"forced_bos_token_id", "2147483648",
       "forced_bos_token_id: expected a token id, found 2147483648"},
      {"eos_token_id", "[1, \"2\"]",
       "eos_token_id: expected a list of token ids, or one, as [3, 5], found \"2\" in it"},
      {"bad_words_ids", "[[4], []]",
       "bad_words_ids: expected a list of lists of token ids, each of at least one, as [[5, 7], [9]], found an "
       "array of 0 in it"},
      {"sequence_bias", "[[[4]]]",
       "sequence_bias: expected a list of [token ids, a number], each of at least one id, as [[[5, 7], 1.5]], found "
       "an array of 1 in it"},
      {"hot_words", "[[[4], 1], [[5], 0]]",
       "hot_words: expected a list of [token ids, a number above 0], each of at least one id, as [[[5, 7], 1.5]], "
       "found 0 in it"},
      {"exponential_decay_length_penalty", "[1]",
       "exponential_decay_length_penalty: expected [whole number, number], as [20, 1.1], found an array of 1"},
      {"early_stopping", "\"no\"",
       "early_stopping: expected true, false or \"never\", found \"no\""},
      {"stop_strings", "[\"\"]",
       "stop_strings: expected a list of texts in UTF-8, none empty, or one, found \"\" in it"},
      {"temprature", "1", "there is no option 'temprature'; did you mean 'temperature'?"},
      {"zzzzz", "1", "there is no option 'zzzzz'"}};
  for (const auto &[key, json, message] : cases) {
    GenerationOptions options;
    const Status status = setJson(options, key, json);
    EXPECT_EQ(status.message(), message);
    EXPECT_EQ(status.code(), Code::Usage);
    EXPECT_EQ(options, GenerationOptions()) << key;
  }
}

TEST(SetOption, WhatTransformersHasAndThisDoesNotIsRefusedByName) {
  for (const RefusedOption &option : refusedOptions()) {
    GenerationOptions options;
    const std::string message = setJson(options, option.key, "1").message();
    EXPECT_TRUE(message.starts_with(std::string(option.key) + " is not supported: ")) << message;
    EXPECT_EQ(options.setText(option.key, "1").message(), message);
  }
  EXPECT_EQ(fromText("penalty_alpha", "0.6"),
            "penalty_alpha is not supported: contrastive search is not there, nor in "
            "Transformers 5 itself; use num_beams, or do_sample with top_k");
}

TEST(SetOption, NumbersAreFinite) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (double value : {infinity, -infinity, std::numeric_limits<double>::quiet_NaN()}) {
    GenerationOptions options;
    for (const char *key : {"length_penalty", "max_time", "temperature", "min_p"})
      EXPECT_FALSE(options.set(key, {.kind = JsonValue::Real, .real = value}).ok())
          << key << " = " << value;
  }
}

TEST(SetOption, AValueThatDoesNotFitLeavesTheOldOne) {
  GenerationOptions options;
  ASSERT_TRUE(options.setText("num_beams", "4").ok());
  EXPECT_FALSE(options.setText("num_beams", "many").ok());
  EXPECT_EQ(options.num_beams, 4);
}

TEST(SetOptionText, TakesJsonAndPlainWords) {
  const char *cases[][3] = {
      {"length_penalty", "0.6", "0.6"},
      {"length_penalty", " 2 ", "2"},
      {"length_penalty", ".5", "0.5"},
      {"length_penalty", "1e999", "length_penalty: expected a number, found \"1e999\""},
      {"length_penalty", "inf", "length_penalty: expected a number, found \"inf\""},
      {"length_penalty", "1, \"x\": 2",
       "length_penalty: expected a number, found \"1, \\x22x\\x22: 2\""},
      {"num_beams", "4", "4"},
      {"num_beams", "four", "num_beams: expected a whole number of at least 1, found \"four\""},
      {"do_sample", "true", "true"},
      {"early_stopping", "never", "\"never\""},
      {"early_stopping", "\"never\"", "\"never\""},
      {"early_stopping", "false", "false"},
      {"eos_token_id", "2", "[2]"},
      {"eos_token_id", "[2, 3]", "[2, 3]"},
      {"forced_bos_token_id", "[2]", "2"},
      {"forced_bos_token_id", "[2, 3]", "forced_bos_token_id: expected a token id, found an array of 2"},
      {"bad_words_ids", "[[5,7],[9]]", "[[5, 7], [9]]"},
      {"bad_words_ids", "[[5,7],[9]",
       "bad_words_ids: expected a list of lists of token ids, each of at least one, as [[5, 7], [9]], found "
       "\"[[5,7],[9]\", which is not valid JSON"},
      {"sequence_bias", "[[[5, 7], -1.5], [[9], 2]]", "[[[5, 7], -1.5], [[9], 2]]"},
      {"exponential_decay_length_penalty", "[3, 1.5]", "[3, 1.5]"},
      {"target_language", "fr", "\"fr\""},
      {"target_language", "\"none\"", "\"none\""},
      {"target_language", "12", "\"12\""},
      {"target_language", "[fr", "\"[fr\""},
      {"target_language", "\xff", "target_language: expected a text in UTF-8, not empty, found \"\\xFF\""},
      {"target_language", "", "target_language: expected a text in UTF-8, not empty, found \"\""},
      {"stop_strings", "\"\\n\"", "[\"\\n\"]"},
      {"stop_strings", "End.", "[\"End.\"]"},
      {"stop_strings", "[\"a\", \"b\"]", "[\"a\", \"b\"]"},
      {"stop_strings", "[\"a\", \"b\"",
       "stop_strings: expected a list of texts in UTF-8, none empty, or one, found \"[\\x22a\\x22, "
       "\\x22b\\x22\", which is not valid JSON"}};
  for (const auto &[key, text, expected] : cases)
    EXPECT_EQ(fromText(key, text), expected) << key << " = " << text;
}

// A random value of a row's type, as JSON.
std::string someJson(const OptionInfo &row, std::mt19937 &random) {
  auto upTo = [&](int most) { return std::to_string(random() % (most + 1)); };
  auto ids = [&] { return "[" + upTo(99) + ", " + upTo(99) + "]"; };
  const std::string type = row.type;
  if (type == "Flag")
    return random() % 2 ? "true" : "false";
  if (type == "Stopping")
    return random() % 2 ? "\"never\"" : "true";
  if (type == "Count")
    return std::to_string(1 + random() % 100);
  if (type == "Number")
    return "0." + std::to_string(1 + random() % 1000000) + "1";
  if (type == "Token")
    return upTo(99);
  if (type == "Tokens")
    return ids();
  if (type == "TokenLists")
    return "[" + ids() + ", [" + upTo(99) + "]]";
  if (type == "Words")
    return "[" + ids() + ", [" + ids() + ", [" + upTo(99) + "]], [[7]]]";
  if (type == "TokenBiases")
    return "[[" + ids() + (row.range.holds(-1) ? ", -" : ", ") + upTo(9) + ".25]]";
  if (type == "Decay")
    return "[" + upTo(99) + ", 1." + upTo(9) + "5]";
  return type == "Text" ? "\"a\\\"\\u00e9\"" : "[\"\\u0001\", \"b\\\\\"]";
}

// What is shown is JSON that gives the same again, for every row; so a manifest holds it.
TEST(ShowOption, GivesWhatSetTakes) {
  std::mt19937 random(1);
  for (int round = 0; round < 20; ++round)
    for (const OptionInfo &row : optionTable()) {
      GenerationOptions first, second, third;
      const std::string json = someJson(row, random);
      ASSERT_TRUE(setJson(first, row.key, json).ok()) << row.key << " = " << json;
      ASSERT_NE(first, GenerationOptions()) << row.key;
      const std::string shown = first.show(row.key);
      ASSERT_TRUE(setJson(second, row.key, shown).ok()) << row.key << " = " << shown;
      EXPECT_EQ(first, second) << row.key << " = " << shown;
      EXPECT_TRUE(third.setText(row.key, shown).ok()) << row.key << " = " << shown;
      EXPECT_EQ(first, third) << row.key << " = " << shown;
    }
}

// Of each option: the caller's value, else that it is cleared, else the model's, else the
// table's.
TEST(MergeOptions, TheCallerComesBeforeTheModelAndTheModelBeforeTheTable) {
  std::mt19937 random(2);
  for (const OptionInfo &row : optionTable()) {
    const std::string initial = GenerationOptions().over({}).show(row.key);
    GenerationOptions caller, model;
    ASSERT_TRUE(setJson(model, row.key, someJson(row, random)).ok());
    EXPECT_EQ(caller.over(model).show(row.key), model.show(row.key));
    ASSERT_TRUE(setJson(caller, row.key, someJson(row, random)).ok());
    EXPECT_EQ(caller.over(model).show(row.key), caller.show(row.key));
    ASSERT_TRUE(caller.setText(row.key, "none").ok());
    EXPECT_EQ(caller.show(row.key), "null");
    EXPECT_EQ(caller.cleared, std::vector<std::string>{row.key});
    EXPECT_EQ(caller.over(model).show(row.key), initial);
    EXPECT_TRUE(caller.over(model).cleared.empty());
    const bool isList = std::string(row.type).ends_with("s");
    ASSERT_TRUE(setJson(caller, row.key, isList ? "[]" : "null").ok());
    EXPECT_EQ(caller.cleared.size(), 1u) << "cleared twice";
    ASSERT_TRUE(caller.forget(row.key).ok());
    EXPECT_EQ(caller, GenerationOptions()) << row.key;
    ASSERT_TRUE(caller.setText(row.key, "none").ok());
    ASSERT_TRUE(setJson(caller, row.key, someJson(row, random)).ok());
    EXPECT_TRUE(caller.cleared.empty()) << "a value ends that the option is cleared";
  }
  GenerationOptions options;
  EXPECT_EQ(options.forget("num_beam").message(),
            "there is no option 'num_beam'; did you mean 'num_beams'?");
}

TEST(OptionIds, StandInTheVocabulary) {
  const char *cases[][2] = {{"forced_bos_token_id", "9"},
                            {"eos_token_id", "[1, 9]"},
                            {"bad_words_ids", "[[1], [2, 9]]"},
                            {"sequence_bias", "[[[9, 1], 2]]"}};
  for (const auto &[key, json] : cases) {
    GenerationOptions options;
    ASSERT_TRUE(setJson(options, key, json).ok());
    EXPECT_TRUE(options.checkIds(10).ok()) << key;
    EXPECT_EQ(options.checkIds(9).message(),
              std::string(key) + ": 9 is outside the vocabulary 0 ... 8");
    EXPECT_EQ(options.checkIds(9).code(), Code::Usage);
  }
  GenerationOptions counts;
  ASSERT_TRUE(counts.setText("num_beams", "400").ok());
  EXPECT_TRUE(counts.checkIds(5).ok()) << "only ids are held against the vocabulary";
}

} // namespace
