//===- OptionArgumentsTest.cpp - options of generation on a command line --===//

#include "runtime/tools/OptionArguments.h"

#include <gtest/gtest.h>

#include <algorithm>

using namespace encdec::tools;

namespace {

/// A command with the options and one operand.
struct Line {
  CLI::App app{"test", "test"};
  OptionArguments arguments;
  std::string operand;

  Line() {
    app.add_option("operand", operand);
    addGenerationOptions(&app, arguments);
  }

  /// "", or what is wrong with the words.
  std::string parse(std::vector<std::string> words) {
    std::ranges::reverse(words); // as CLI11 expects them
    try {
      app.parse(words);
    } catch (const CLI::ParseError &error) {
      return error.what();
    }
    return "";
  }

  std::string get(const char *name) const {
    char text[200];
    uint64_t size = 0;
    check(encdec_options_get(arguments.options.get(), name, text, sizeof(text), &size));
    return {text, size};
  }
};

/// JSON of an option after parsing, or the error.
std::string parsed(const char *name, const std::vector<std::string> &words) {
  Line line;
  const std::string error = line.parse(words);
  return error.empty() ? line.get(name) : error;
}

TEST(OptionArguments, EveryRowIsAnOptionWithHelp) {
  Line line;
  const std::string help = line.app.help();
  for (uint64_t i = 0; i < encdec_option_count(); ++i) {
    auto info = sized<encdec_option_info>();
    check(encdec_option_get_info(i, &info));
    std::string name = "--" + std::string(info.name);
    std::ranges::replace(name, '_', '-');
    const CLI::Option *option = line.app.get_option_no_throw(name);
    ASSERT_TRUE(option) << name;
    EXPECT_EQ(option->get_group(), info.section);
    EXPECT_TRUE(option->get_description().starts_with(info.meaning)) << name;
    EXPECT_NE(option->get_description().find(info.values), std::string::npos) << name;
    EXPECT_NE(help.find(name), std::string::npos) << name;
  }
  EXPECT_EQ(line.app.get_option("--num-beams")->get_description(),
            "Keep the K best hypotheses of each source; 1: greedy or sampling (a whole number "
            "of at least 1; default: the model's, else 1)");
  EXPECT_EQ(line.app.get_option("--probs")->get_description(),
            "Keep cross-attention probabilities, for alignments (true or false; default: false)");
  EXPECT_EQ(line.app.get_option("--min-p")->get_description(),
            "Draw from tokens at least this part as probable as the best (a number from 0 to 1; "
            "default: the model's)");
}

TEST(OptionArguments, ValuesAreSetByTheTable) {
  EXPECT_EQ(parsed("num_beams", {"--num-beams", "4"}), "4");
  EXPECT_EQ(parsed("num_beams", {"--beams=4"}), "4");
  EXPECT_EQ(parsed("num_return_sequences", {"--nbest", "2"}), "2");
  EXPECT_EQ(parsed("source_language", {"--source-lang", "en"}), "\"en\"");
  EXPECT_EQ(parsed("target_language", {"--target-language", "fr"}), "\"fr\"");
  EXPECT_EQ(parsed("length_penalty", {"--length-penalty", "-1.5"}), "-1.5");
  EXPECT_EQ(parsed("early_stopping", {"--early-stopping", "never"}), "\"never\"");
  EXPECT_EQ(parsed("eos_token_id", {"--eos-token-id", "[2,3]"}), "[2, 3]");
  EXPECT_EQ(parsed("eos_token_id", {"--eos-token-id=[2]"}), "[2]");
  EXPECT_EQ(parsed("bad_words_ids", {"--bad-words-ids", "[[5,7],[9]]"}), "[[5, 7], [9]]");
  EXPECT_EQ(parsed("sequence_bias", {"--sequence-bias", "[[[5, 7], -2]]"}), "[[[5, 7], -2]]");
  EXPECT_EQ(parsed("stop_strings", {"--stop-strings", "[\"a, b\", \"c\"]"}),
            "[\"a, b\", \"c\"]");
  EXPECT_EQ(parsed("top_k", {"--top-k", "none"}), "null");
  EXPECT_EQ(parsed("top_k", {}), "null");
}

TEST(OptionArguments, FlagsStandAloneOrTakeAValue) {
  for (const std::vector<std::string> &words :
       {std::vector<std::string>{"--do-sample", "model"}, {"model", "--do-sample=true"}}) {
    Line line;
    EXPECT_EQ(line.parse(words), "");
    EXPECT_EQ(line.get("do_sample"), "true");
    EXPECT_EQ(line.operand, "model") << "a flag takes no word";
  }
  EXPECT_EQ(parsed("do_sample", {"--do-sample=false"}), "false");
  EXPECT_EQ(parsed("scores", {"--scores=false"}), "false");
  EXPECT_EQ(parsed("do_sample", {"--do-sample=none"}), "null");
  EXPECT_EQ(parsed("do_sample", {"--do-sample=maybe"}),
            "--do-sample: expected true or false, found \"maybe\"");
}

TEST(OptionArguments, ErrorsNameTheOption) {
  EXPECT_EQ(parsed("temperature", {"--temperature", "0"}),
            "--temperature: expected a number above 0, found 0");
  EXPECT_EQ(parsed("num_beams", {"--beams", "many"}),
            "--num-beams: expected a whole number of at least 1, found \"many\"");
  EXPECT_EQ(parsed("bad_words_ids", {"--bad-words-ids", "[[5]"}),
            "--bad-words-ids: expected a list of lists of token ids, each of at least one, as [[5, 7], [9]], found "
            "\"[[5]\", which is not valid JSON");
  EXPECT_EQ(parsed("target_language", {"--target-language", ""}),
            "--target-language: expected a text in UTF-8, not empty, found \"\"");
}

} // namespace
