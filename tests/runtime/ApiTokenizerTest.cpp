//===- ApiTokenizerTest.cpp - the C API: text, offsets, streams, languages ===//

#include "tests/runtime/ApiFixture.h"
#include "tests/text/Descriptions.h"
#include "tests/text/Load.h"

#include <cstring>

using namespace encdec;
using namespace encdec::tests;

namespace {

/// The fake model with a tokenizer; ids of the languages are 9 (eng_Latn), 10 (fra_Latn)
/// and up.
struct Text : testing::Test {
  std::string table;
  std::unique_ptr<FakeImage> image;
  encdec_model *model = nullptr;
  encdec_state *state = nullptr;

  void SetUp() override { open(test::languages()); }
  void TearDown() override {
    encdec_state_destroy(state);
    encdec_model_close(model);
  }
  void open(const tokenizer::TokenizerDescription &description) {
    TearDown();
    auto written = tokenizer::writeTable(description);
    ASSERT_TRUE(written.ok()) << written.status().message();
    table = *written;
    Json manifest = fakeManifest();
    manifest["tokenizer"] = {{"kind", description.kind}};
    image = std::make_unique<FakeImage>(manifest);
    image->image.tokenizer = reinterpret_cast<const uint8_t *>(table.data());
    image->image.tokenizer_size = table.size();
    ASSERT_EQ(codeOf(encdec_model_from_memory(&image->image, &model)), ENCDEC_OK);
    ASSERT_EQ(codeOf(encdec_state_create(model, nullptr, &state)), ENCDEC_OK);
  }

  Ids tokenized(const char *text, const encdec_tokenize_options options,
                std::vector<encdec_text_range> *ranges = nullptr) {
    Ids ids(100);
    std::vector<encdec_text_range> all(ids.size());
    uint64_t count = 0;
    EXPECT_EQ(codeOf(encdec_tokenize_text(model, text, std::strlen(text), &options,
                                          ids.data(), ranges ? all.data() : nullptr,
                                          ids.size(), &count)),
              ENCDEC_OK);
    ids.resize(count);
    all.resize(count);
    if (ranges)
      *ranges = all;
    return ids;
  }

  /// The ids generated from a text.
  Ids generated(const encdec_options *options) {
    const char *texts[] = {"ab"};
    encdec_result *result = nullptr;
    EXPECT_EQ(
        codeOf(encdec_generate_text(state, texts, nullptr, 1, options, &result)),
        ENCDEC_OK);
    encdec_sequence sequence = {};
    sequence.size = sizeof(sequence);
    EXPECT_EQ(codeOf(encdec_result_get(result, 0, 0, &sequence)), ENCDEC_OK);
    const Ids ids(sequence.ids, sequence.ids + sequence.id_count);
    encdec_result_free(result);
    return ids;
  }
};

TEST_F(Text, IdsAndRangesOfEitherSide) {
  auto options = encdec_tokenize_options_default();
  std::vector<encdec_text_range> ranges;
  EXPECT_EQ(tokenized("ab a", options, &ranges), (Ids{9, 7, 4, 0}));
  ASSERT_EQ(ranges.size(), 4u);
  EXPECT_EQ(ranges[1].begin, 0u);
  EXPECT_EQ(ranges[1].end, 2u);
  EXPECT_EQ(ranges[3].begin, ranges[3].end);
  options.source_language = "fr";
  EXPECT_EQ(tokenized("a", options), (Ids{10, 4, 0}));
  options.bare = 1;
  EXPECT_EQ(tokenized("a", options), (Ids{4}));
  options = encdec_tokenize_options_default();
  options.target_side = 1;
  EXPECT_EQ(tokenized("a", options), (Ids{4, 0}));
  options.target_language = "fra_Latn";
  EXPECT_EQ(tokenized("a", options), (Ids{10, 4, 0}));
  options.special_tokens = 1;
  EXPECT_EQ(tokenized("</s>", options), (Ids{10, 0, 0}));
}

TEST_F(Text, LanguagesByCodeAndShortForm) {
  ASSERT_EQ(encdec_language_count(model), 4u);
  EXPECT_EQ(encdec_language_count(nullptr), 0u);
  char code[20];
  uint64_t size = 0, language = 0;
  ASSERT_EQ(codeOf(encdec_language_code(model, 1, code, sizeof(code), &size)), ENCDEC_OK);
  EXPECT_EQ(std::string(code, size), "fra_Latn");
  EXPECT_EQ(codeOf(encdec_language_code(model, 4, code, sizeof(code), &size)),
            ENCDEC_ERROR_USAGE);
  ASSERT_EQ(codeOf(encdec_find_language(model, "en", &language)), ENCDEC_OK);
  EXPECT_EQ(language, 0u);
  for (const char *name : {"FR", "Fra", "FRA_LATN"}) { // capitals, where they leave one
    ASSERT_EQ(codeOf(encdec_find_language(model, name, &language)), ENCDEC_OK) << name;
    EXPECT_EQ(language, 1u) << name;
  }
  const auto refusal = [&](const char *name) {
    encdec_status *status = encdec_find_language(model, name, &language);
    EXPECT_EQ(encdec_status_code(status), ENCDEC_ERROR_USAGE);
    std::string message = encdec_status_message(status);
    encdec_status_free(status);
    return message;
  };
  EXPECT_NE(refusal("zho").find("'zho_Hans', 'zho_Hant'"), std::string::npos)
      << "several have it: " << refusal("zho");
  EXPECT_NE(refusal("ZHO").find("'zho_Hans', 'zho_Hant'"), std::string::npos);
  EXPECT_NE(refusal("fra_Latin").find("'fra_Latn'"), std::string::npos) << "the nearest";
  EXPECT_NE(refusal("xxxxxxxxxx").find("'eng_Latn'"), std::string::npos) << "the list";
}

TEST_F(Text, TheTargetLanguageIsForcedFirst) {
  Options options;
  options.set("max_new_tokens", 3);
  const Ids plain = generated(options);
  EXPECT_EQ(plain[0], fakeNext({40}, 9).first);
  options.set("target_language", "fr");
  const Ids forced = generated(options);
  EXPECT_EQ(forced[0], 10);
  EXPECT_EQ(forced[1], fakeNext({40, 10}, 9).first);
  options.set("source_language", "zho_Hans");
  EXPECT_EQ(generated(options)[1], fakeNext({40, 10}, 11).first);
  options.set("source_language", "zho");
  const char *texts[] = {"ab"};
  encdec_result *result = nullptr;
  EXPECT_EQ(codeOf(encdec_generate_text(state, texts, nullptr, 1, options, &result)),
            ENCDEC_ERROR_USAGE);
}

TEST_F(Text, TheTargetLanguageIsTheStart) {
  auto description = test::languages();
  description.languages.decoderStart = true;
  Options options;
  options.set("max_new_tokens", 2);
  options.set("target_language", "fr");
  open(description); // 40 is no language, so the language is forced
  EXPECT_EQ(generated(options)[0], 10);
  description.vocabularies[0].names.emplace_back("ron_Latn", 40);
  description.languages.languages.push_back({"ron_Latn", {}, 40});
  open(description);
  EXPECT_EQ(generated(options)[0], fakeNext({10}, 9, {40}).first);
}

TEST_F(Text, AStreamGivesTheTextOfAllIds) {
  encdec_detokenizer *stream = nullptr;
  ASSERT_EQ(codeOf(encdec_detokenizer_create(model, &stream)), ENCDEC_OK);
  for (int round = 0; round < 2; ++round) {
    std::string text;
    const char *part = nullptr;
    uint64_t size = 0;
    for (const int32_t id : {7, 3, 5, 0}) {
      ASSERT_EQ(codeOf(encdec_detokenizer_push(stream, id, &part, &size)), ENCDEC_OK);
      text.append(part, size);
    }
    EXPECT_EQ(codeOf(encdec_detokenizer_push(stream, FAKE_VOCABULARY, &part, &size)),
              ENCDEC_ERROR_USAGE);
    ASSERT_EQ(codeOf(encdec_detokenizer_finish(stream, &part, &size)), ENCDEC_OK);
    EXPECT_EQ(text.append(part, size), "ab b");
  }
  encdec_detokenizer_destroy(stream);
  encdec_detokenizer_destroy(nullptr);
}

TEST_F(Text, APrefixOfNoTokensIsSaid) {
  encdec_generation *generation = nullptr;
  ASSERT_EQ(codeOf(encdec_generation_create(state, &generation)), ENCDEC_OK);
  for (const auto &[prefix, warning] :
       {std::pair("a", ""), {" ", "the prefix has no tokens, so the output has none"}}) {
    uint64_t source = 0, unfinished = 1;
    ASSERT_EQ(codeOf(encdec_generation_add_text(generation, "ab", 2, prefix, 1, nullptr, &source)),
              ENCDEC_OK);
    while (unfinished)
      ASSERT_EQ(codeOf(encdec_generation_advance(generation, &unfinished)), ENCDEC_OK);
    encdec_result *result = nullptr;
    ASSERT_EQ(codeOf(encdec_generation_take(generation, source, &result)), ENCDEC_OK);
    encdec_source read{};
    read.size = sizeof(read);
    ASSERT_EQ(codeOf(encdec_result_source(result, 0, &read)), ENCDEC_OK);
    EXPECT_STREQ(read.warnings, warning);
    encdec_result_free(result);
  }
  encdec_generation_destroy(generation);
}

TEST_F(Text, APrefixThatHasNoSpellingIsRefused) {
  encdec_generation *generation = nullptr;
  ASSERT_EQ(codeOf(encdec_generation_create(state, &generation)), ENCDEC_OK);
  uint64_t source = 0, unfinished = 1;
  EXPECT_EQ(messageOf(encdec_generation_add_text(generation, "ab", 2, "a\0Q", 3, nullptr,
                                                 &source)),
            "prefix: expected a text that the model's target vocabulary can spell, found "
            "\"a\\x00Q\", of which it has \"a\"");
  ASSERT_EQ(codeOf(encdec_generation_advance(generation, &unfinished)), ENCDEC_OK);
  EXPECT_EQ(unfinished, 0u);
  encdec_generation_destroy(generation);
}

TEST_F(Text, NullsAndForeignTablesAreRefused) {
  encdec_detokenizer *stream = nullptr;
  const char *part = nullptr;
  uint64_t size = 0;
  for (encdec_status *status :
       {encdec_tokenize_text(nullptr, "a", 1, nullptr, nullptr, nullptr, 0, &size),
        encdec_tokenize_text(model, nullptr, 1, nullptr, nullptr, nullptr, 0, &size),
        encdec_tokenize_text(model, "a", 1, nullptr, nullptr, nullptr, 0, nullptr),
        encdec_detokenizer_create(nullptr, &stream),
        encdec_detokenizer_create(model, nullptr),
        encdec_detokenizer_push(nullptr, 0, &part, &size),
        encdec_detokenizer_finish(nullptr, &part, &size),
        encdec_language_code(nullptr, 0, nullptr, 0, &size),
        encdec_find_language(model, nullptr, &size)})
    EXPECT_EQ(codeOf(status), ENCDEC_ERROR_USAGE);
  encdec_model *other = nullptr;
  encdec_model_image broken = image->image;
  broken.tokenizer_size = 8;
  EXPECT_EQ(codeOf(encdec_model_from_memory(&broken, &other)), ENCDEC_ERROR_BAD_MODEL);
  broken.tokenizer = nullptr;
  EXPECT_EQ(codeOf(encdec_model_from_memory(&broken, &other)), ENCDEC_ERROR_BAD_MODEL);
}

} // namespace
