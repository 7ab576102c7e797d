//===- ApiRefusalTest.cpp - arguments the C API names and refuses ----------===//

#include "encdec/runtime.h"
#include "tests/runtime/FakeModel.h"

#include <fmt/format.h>

using namespace encdec;
using namespace encdec::tests;

namespace {

struct ApiRefusal : testing::Test {
  FakeImage image{fakeManifest()};
  encdec_model *model = nullptr;
  encdec_state *state = nullptr;
  Sources sources{{1, 2, 3}, {4}};

  void SetUp() override {
    ASSERT_EQ(encdec_model_from_memory(&image.image, &model), nullptr);
    ASSERT_EQ(encdec_state_create(model, nullptr, &state), nullptr);
  }
  void TearDown() override {
    encdec_state_destroy(state);
    encdec_model_close(model);
  }
};

/// The message of a status that must be a usage error; frees it.
std::string usage(encdec_status *status) {
  EXPECT_EQ(encdec_status_code(status), ENCDEC_ERROR_USAGE);
  std::string message = encdec_status_message(status);
  encdec_status_free(status);
  return message;
}

TEST_F(ApiRefusal, StructsWithoutASizeAreRefused) {
  const std::string says = "the size field of ";
  encdec_model *noModel = nullptr;
  encdec_state *noState = nullptr;
  for (uint64_t size : {0, 7}) {
    auto modelOptions = encdec_model_options_default();
    auto stateOptions = encdec_state_options_default();
    auto input = encdec_step_input_default();
    encdec_step_output output = {};
    output.size = sizeof(output);
    modelOptions.size = stateOptions.size = input.size = size;
    for (encdec_status *status :
         {encdec_model_open("x", &modelOptions, &noModel),
          encdec_state_create(model, &stateOptions, &noState),
          encdec_step(state, &input, &output)})
      EXPECT_EQ(usage(status).substr(0, says.size()), says);
  }
}

TEST_F(ApiRefusal, SequencesBeginWithAToken) {
  encdec_options *options = nullptr;
  ASSERT_EQ(encdec_options_create(&options), nullptr);
  ASSERT_EQ(encdec_options_clear(options, "decoder_start_token_id"), nullptr);
  const int32_t ids[] = {3};
  const uint64_t offsets[] = {0, 1};
  double logProb = 0;
  encdec_result *result = nullptr;
  for (encdec_status *status :
       {encdec_generate(state, ids, offsets, 1, options, &result),
        encdec_score(state, ids, offsets, ids, offsets, 1, options, &logProb)})
    EXPECT_EQ(usage(status).rfind("decoder_start_token_id: expected a token", 0), 0u);
  encdec_options_destroy(options);
}

TEST_F(ApiRefusal, ReservedFieldsAreZero) {
  uint64_t count = 0;
  auto options = encdec_tokenize_options_default();
  options.reserved = 1;
  EXPECT_NE(usage(encdec_tokenize_text(model, "a", 1, &options, nullptr, nullptr, 0, &count))
                .find("reserved"),
            std::string::npos);
}

TEST_F(ApiRefusal, CountsThatWrapAreRefused) {
  encdec_result *result = nullptr;
  const char *texts[] = {"a"};
  uint64_t size = 0;
  for (uint64_t count : {UINT64_MAX, UINT64_MAX / 8, UINT64_MAX / 16}) {
    const int32_t *ids = sources.ids.data();
    const uint64_t *offsets = sources.offsets.data();
    for (encdec_status *status :
         {encdec_encode(state, ids, offsets, count),
          encdec_generate(state, ids, offsets, count, nullptr, &result),
          encdec_generate_text(state, texts, nullptr, count, nullptr, &result),
          encdec_generate_text(state, texts, &count, 1, nullptr, &result),
          encdec_tokenize(model, texts[0], count, nullptr, nullptr, 0, &size),
          encdec_detokenize(model, ids, count, nullptr, 0, &size)})
      EXPECT_NE(usage(status).find("more than memory can hold"), std::string::npos);
    EXPECT_EQ(result, nullptr);
  }
}

TEST_F(ApiRefusal, AManifestThatNoMemoryHoldsIsNoManifest) {
  encdec_model *other = nullptr;
  image.image.manifest_size = uint64_t(1) << 61;
  encdec_status *status = encdec_model_from_memory(&image.image, &other);
  EXPECT_EQ(encdec_status_code(status), ENCDEC_ERROR_BAD_MODEL)
      << encdec_status_message(status);
  encdec_status_free(status);
}

TEST(ApiStatus, MessagesAreOneSafeLine) {
  encdec_model *model = nullptr;
  encdec_status *status =
      encdec_model_open("no\nsuch\x1b[31m\x7f", nullptr, &model);
  std::string message = encdec_status_message(status);
  encdec_status_free(status);
  EXPECT_NE(message.find("no\\x0asuch\\x1b[31m\\x7f"), std::string::npos) << message;
}

TEST_F(ApiRefusal, PiecesOutsideTheVocabularies) {
  uint64_t size = 0;
  auto piece = [&](uint32_t side, int32_t id) {
    return usage(encdec_piece(model, side, id, nullptr, 0, &size));
  };
  EXPECT_NE(piece(2, 0).find("target_side is 2"), std::string::npos);
  encdec_model_info info = {};
  info.size = sizeof(info);
  ASSERT_EQ(encdec_model_get_info(model, &info), nullptr);
  const uint64_t counts[] = {info.source_vocab_size, info.vocab_size};
  for (uint32_t side : {0, 1})
    for (int32_t id : {-1, int32_t(counts[side])})
      EXPECT_NE(piece(side, id).find(fmt::format("id is {}, expected 0 to {}", id,
                                                 counts[side] - 1)),
                std::string::npos);
}

TEST_F(ApiRefusal, NullsAreNamed) {
  encdec_result *result = nullptr;
  const char *texts[] = {"a", nullptr};
  EXPECT_EQ(usage(encdec_generate_text(state, texts, nullptr, 2, nullptr, &result)),
            "texts[1] is NULL");
  EXPECT_EQ(usage(encdec_generate(state, nullptr, sources.offsets.data(), 2, nullptr,
                                  &result)),
            "ids is NULL");
}

TEST_F(ApiRefusal, ScoresNameTheOffsetsThatAreWrong) {
  const int32_t *ids = sources.ids.data();
  const uint64_t *right = sources.offsets.data();
  const uint64_t late[] = {1, 3, 4}, back[] = {0, 5, 4};
  std::vector<double> logProbs(8);
  const auto scored = [&](const uint64_t *offsets, const uint64_t *targetOffsets) {
    return usage(encdec_score(state, ids, offsets, ids, targetOffsets, 2, nullptr,
                              logProbs.data()));
  };
  EXPECT_EQ(scored(late, right),
            "source offsets must run from 0 to the number of ids 4, but run from 1 to 4");
  EXPECT_EQ(scored(right, late),
            "target offsets must run from 0 to the number of ids 4, but run from 1 to 4");
  EXPECT_EQ(scored(back, right), "source offsets 0 and 5 do not ascend within the 4 ids");
  EXPECT_EQ(scored(right, back), "target offsets 0 and 5 do not ascend within the 4 ids");
}

} // namespace
