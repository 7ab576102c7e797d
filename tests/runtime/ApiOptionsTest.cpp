//===- ApiOptionsTest.cpp - options of generation through the C API -------===//

#include "encdec/runtime.h"
#include "runtime/ApiOptions.h"
#include "tests/runtime/ApiFixture.h"

#include <cmath>
#include <limits>
#include <set>

using namespace encdec;
using namespace encdec::tests;

namespace {

struct ApiOptions : testing::Test {
  encdec_options *options = nullptr;
  void SetUp() override { ASSERT_EQ(messageOf(encdec_options_create(&options)), ""); }
  void TearDown() override { encdec_options_destroy(options); }

  static std::string get(const encdec_options *options, const char *name) {
    uint64_t size = 0;
    EXPECT_EQ(messageOf(encdec_options_get(options, name, nullptr, 0, &size)), "");
    std::string text(size + 1, '#');
    EXPECT_EQ(messageOf(encdec_options_get(options, name, text.data(), size, &size)), "");
    EXPECT_EQ(text.back(), '#') << "more bytes are written than fit";
    text.pop_back();
    return text;
  }
  std::string get(const char *name) { return get(options, name); }
};

TEST_F(ApiOptions, EachWayToSetGivesTheSame) {
  EXPECT_EQ(messageOf(encdec_options_set(options, "length_penalty", "0.6")), "");
  EXPECT_EQ(get("length_penalty"), "0.6");
  EXPECT_EQ(messageOf(encdec_options_set_number(options, "length_penalty", 2)), "");
  EXPECT_EQ(get("length_penalty"), "2");
  EXPECT_EQ(messageOf(encdec_options_set_number(options, "length_penalty", -1.5)), "");
  EXPECT_EQ(get("length_penalty"), "-1.5");
  EXPECT_EQ(messageOf(encdec_options_set_number(options, "num_beams", 4)), "");
  EXPECT_EQ(messageOf(encdec_options_set_integer(options, "top_k", 7)), "");
  EXPECT_EQ(messageOf(encdec_options_set_integer(options, "forced_bos_token_id", 9)), "");
  EXPECT_EQ(messageOf(encdec_options_set_flag(options, "do_sample", 1)), "");
  EXPECT_EQ(messageOf(encdec_options_set_flag(options, "early_stopping", 0)), "");
  const int32_t ids[] = {3, 4};
  EXPECT_EQ(messageOf(encdec_options_set_ids(options, "eos_token_id", ids, 2)), "");
  EXPECT_EQ(messageOf(encdec_options_set(options, "bad_words_ids", "[[5, 7], [9]]")), "");
  // A text is the text, whatever it spells; so is one from a command line, but "none".
  EXPECT_EQ(messageOf(encdec_options_set_text(options, "target_language", "nonesuch", 4)), "");
  EXPECT_EQ(messageOf(encdec_options_set_text(options, "stop_strings", "[1]", 3)), "");
  const GenerationOptions &chosen = runtime::api::optionsOf(options);
  EXPECT_EQ(chosen.num_beams, 4);
  EXPECT_EQ(chosen.top_k, 7);
  EXPECT_EQ(chosen.forced_bos_token_id, 9);
  EXPECT_EQ(chosen.do_sample, true);
  EXPECT_EQ(chosen.early_stopping, EarlyStopping::no);
  EXPECT_EQ(chosen.eos_token_id, (option::Tokens{3, 4}));
  EXPECT_EQ(chosen.bad_words_ids, (option::TokenLists{{5, 7}, {9}}));
  EXPECT_EQ(chosen.target_language, "none");
  EXPECT_EQ(chosen.stop_strings, option::Texts{"[1]"});
  EXPECT_EQ(runtime::api::optionsOf(nullptr), GenerationOptions());
}

TEST_F(ApiOptions, UnsetLeavesToTheModelAndClearIsNone) {
  const GenerationOptions &chosen = runtime::api::optionsOf(options);
  ASSERT_EQ(messageOf(encdec_options_set_integer(options, "max_length", 7)), "");
  ASSERT_EQ(messageOf(encdec_options_clear(options, "max_length")), "");
  EXPECT_EQ(chosen.cleared, std::vector<std::string>{"max_length"});
  EXPECT_EQ(get("max_length"), "null");
  ASSERT_EQ(messageOf(encdec_options_unset(options, "max_length")), "");
  EXPECT_EQ(chosen, GenerationOptions());
  for (const char *none : {"none", "null"}) {
    ASSERT_EQ(messageOf(encdec_options_set(options, "max_length", none)), "");
    EXPECT_EQ(chosen.cleared.size(), 1u) << none;
  }
  ASSERT_EQ(messageOf(encdec_options_set_ids(options, "suppress_tokens", nullptr, 0)), "");
  EXPECT_EQ(chosen.cleared.size(), 2u);
}

TEST_F(ApiOptions, ErrorsNameTheOptionAndChangeNothing) {
  ASSERT_EQ(messageOf(encdec_options_set(options, "temperature", "2")), "");
  const double infinity = std::numeric_limits<double>::infinity();
  const int32_t bad[] = {3, -4};
  struct {
    encdec_status *status;
    const char *message;
  } cases[] = {
      {encdec_options_set(options, "temperature", "hot"),
       "temperature: expected a number above 0, found \"hot\""},
      {encdec_options_set_number(options, "temperature", infinity),
       "temperature: expected a number above 0, found inf"},
      {encdec_options_set_number(options, "temperature", std::nan("")),
       "temperature: expected a number above 0, found nan"},
      {encdec_options_set_integer(options, "temperature", -1),
       "temperature: expected a number above 0, found -1"},
      {encdec_options_set_number(options, "num_beams", 2.5),
       "num_beams: expected a whole number of at least 1, found 2.5"},
      {encdec_options_set_flag(options, "num_beams", 1),
       "num_beams: expected a whole number of at least 1, found true"},
      {encdec_options_set_flag(options, "num_beams", 7), "num_beams: expected 0 or 1, found 7"},
      {encdec_options_set_ids(options, "eos_token_id", bad, 2),
       "eos_token_id: expected a list of token ids, or one, as [3, 5], found -4 in it"},
      {encdec_options_set_text(options, "target_language", "\xff", 1),
       "target_language: expected a text in UTF-8, not empty, found \"\\xFF\""},
      {encdec_options_set(options, "lenght_penalty", "1"),
       "there is no option 'lenght_penalty'; did you mean 'length_penalty'?"},
      {encdec_options_unset(options, "lenght_penalty"),
       "there is no option 'lenght_penalty'; did you mean 'length_penalty'?"},
      {encdec_options_clear(options, "lenght_penalty"),
       "there is no option 'lenght_penalty'; did you mean 'length_penalty'?"},
      {encdec_options_set(options, "constraints", "[1]"),
       "constraints is not supported: it names objects of Python; give the words as "
       "force_words_ids"},
      {encdec_options_set(options, "temperature", nullptr), "text is NULL"},
      {encdec_options_set(options, nullptr, "1"), "name is NULL"},
      {encdec_options_set(nullptr, "temperature", "1"), "options is NULL"},
      {encdec_options_set_flag(nullptr, "do_sample", 1), "options is NULL"},
      {encdec_options_set_integer(nullptr, "top_k", 1), "options is NULL"},
      {encdec_options_set_number(nullptr, "top_p", 1), "options is NULL"},
      {encdec_options_set_ids(nullptr, "eos_token_id", bad, 1), "options is NULL"},
      {encdec_options_set_ids(options, "eos_token_id", nullptr, 1), "ids is NULL"},
      {encdec_options_set_text(options, "target_language", nullptr, 1), "text is NULL"},
      {encdec_options_unset(nullptr, "top_k"), "options is NULL"},
      {encdec_options_clear(nullptr, "top_k"), "options is NULL"},
      {encdec_options_create(nullptr), "out_options is NULL"},
      {encdec_options_copy(options, nullptr), "out_options is NULL"}};
  for (const auto &[status, message] : cases)
    EXPECT_EQ(messageOf(status), message);
  uint64_t size = 0;
  char byte = 0;
  EXPECT_EQ(messageOf(encdec_options_get(nullptr, "top_k", &byte, 1, &size)), "options is NULL");
  EXPECT_EQ(messageOf(encdec_options_get(options, "top_k", nullptr, 1, &size)), "text is NULL");
  EXPECT_EQ(messageOf(encdec_options_get(options, "top_k", &byte, 1, nullptr)),
            "out_size is NULL");
  EXPECT_EQ(messageOf(encdec_options_get(options, "top_kk", &byte, 1, &size)),
            "there is no option 'top_kk'; did you mean 'top_k'?");
  GenerationOptions expected;
  expected.temperature = 2;
  EXPECT_EQ(runtime::api::optionsOf(options), expected);
}

TEST_F(ApiOptions, ACopyIsIndependent) {
  ASSERT_EQ(messageOf(encdec_options_set(options, "top_k", "5")), "");
  encdec_options *copy = nullptr;
  ASSERT_EQ(messageOf(encdec_options_copy(options, &copy)), "");
  ASSERT_EQ(messageOf(encdec_options_set(options, "top_k", "6")), "");
  EXPECT_EQ(get(copy, "top_k"), "5");
  EXPECT_EQ(get("top_k"), "6");
  encdec_options_destroy(copy);
  EXPECT_EQ(messageOf(encdec_options_copy(nullptr, &copy)), "options is NULL");
  EXPECT_EQ(copy, nullptr);
  encdec_options_destroy(nullptr);
}

TEST_F(ApiOptions, ASmallBufferGetsTheBeginning) {
  ASSERT_EQ(messageOf(encdec_options_set(options, "eos_token_id", "[10, 20]")), "");
  char text[4] = "###";
  uint64_t size = 0;
  ASSERT_EQ(messageOf(encdec_options_get(options, "eos_token_id", text, 3, &size)), "");
  EXPECT_STREQ(text, "[10");
  EXPECT_EQ(size, 8u);
}

TEST_F(ApiOptions, TheTableIsReadOut) {
  std::set<std::string> names;
  std::vector<std::string> sections;
  for (uint64_t i = 0; i < encdec_option_count(); ++i) {
    encdec_option_info info = {};
    info.size = sizeof(info);
    ASSERT_EQ(messageOf(encdec_option_get_info(i, &info)), "");
    EXPECT_TRUE(names.insert(info.name).second);
    if (sections.empty() || sections.back() != info.section)
      sections.push_back(info.section);
    // The default is a value, and the table is the one that options are set by.
    EXPECT_EQ(messageOf(encdec_options_set(options, info.name, info.default_value)), "");
    EXPECT_EQ(get(info.name), info.default_value);
    for (const char *text : {info.type, info.values, info.origin, info.meaning})
      EXPECT_NE(*text, 0) << info.name;
  }
  EXPECT_TRUE(names.contains("target_language") && names.contains("top_h"));
  EXPECT_EQ(std::set<std::string>(sections.begin(), sections.end()).size(), sections.size())
      << "a section's options stand together";
  encdec_option_info info = {};
  info.size = sizeof(info);
  EXPECT_EQ(messageOf(encdec_option_get_info(names.size(), &info)),
            "option " + std::to_string(names.size()) + " is asked for, but there are " +
                std::to_string(names.size()));
  EXPECT_EQ(messageOf(encdec_option_get_info(0, nullptr)), "info is NULL");
  info.size = 0;
  EXPECT_EQ(messageOf(encdec_option_get_info(0, &info)),
            "the size field of an out-struct is not set; set it to sizeof the struct");
  info.size = offsetof(encdec_option_info, section); // of an older caller
  EXPECT_EQ(messageOf(encdec_option_get_info(0, &info)), "");
  EXPECT_EQ(info.section, nullptr);
}

} // namespace
