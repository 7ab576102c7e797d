// Small folders broken in one place: each is refused with the right code and one message
// that names file, key, expected and found.
#include "tests/import/Imported.h"

#include <functional>
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::testing;

namespace {

//===-- Broken folders ----------------------------------------------------===//

struct Broken {
  const char *what;
  std::function<void(TinyCheckpoint &)> breakIt;
  std::string message;
  Code code = Code::BadModel;
};

Broken configKey(const char *what, const char *key, const char *value,
                 const char *message) {
  return {what, [=](TinyCheckpoint &c) { c.config[key] = value; }, message};
}
Broken generationKey(const char *what, const char *key, const char *value,
                     const char *message) {
  return {what, [=](TinyCheckpoint &c) { c.generation[key] = value; }, message};
}

const Broken broken[] = {
    {"no_model_type", [](TinyCheckpoint &c) { c.config.erase("model_type"); },
     "config.json: key \"model_type\": expected one of the supported families ("},
    configKey("other_family", "model_type", "\"gpt2\"", "found \"gpt2\""),
    configKey("decoder_only", "is_encoder_decoder", "false",
              "key \"is_encoder_decoder\": expected true, found false"),
    configKey("architectures_no_list", "architectures", "\"MarianMTModel\"",
              "key \"architectures\": expected a list of names of classes, found "
              "\"MarianMTModel\""),
    configKey("architectures_of_numbers", "architectures", "[7]",
              "key \"architectures\": expected a list of names of classes"),
    configKey("width_zero", "d_model", "0",
              "key \"d_model\": expected a whole"),
    configKey("width_negative", "d_model", "-4", "found -4"),
    configKey("width_text", "d_model", "\"4\"", "found \"4\""),
    configKey("width_real", "d_model", "4.5", "found 4.5"),
    configKey("width_huge", "d_model", "99999999999", "key \"d_model\""),
    configKey("layers_huge", "encoder_layers", "1025", "from 1 to 1024"),
    configKey(
        "heads_do_not_divide", "decoder_attention_heads", "3",
        "key \"decoder_attention_heads\": expected a divisor of d_model 4, "
        "found 3"),
    configKey("vocabulary_huge", "vocab_size", "4000001", "key \"vocab_size\""),
    configKey("flag_a_number", "scale_embedding", "1",
              "key \"scale_embedding\": expected true or false, found 1"),
    configKey(
        "activation_unknown", "activation_function", "\"mish\"",
        "key \"activation_function\": expected relu, gelu, gelu_python, gelu_new, "
        "gelu_pytorch_tanh, gelu_python_tanh, gelu_fast, silu or swish, found \"mish\""),
    configKey("pre_norm", "normalize_before", "true",
              "key \"normalize_before\": expected false"),
    configKey("learned_positions", "static_position_embeddings", "false",
              "key \"static_position_embeddings\": expected true"),
    configKey("final_norm", "add_final_layer_norm", "true",
              "key \"add_final_layer_norm\""),
    configKey("embedding_norm", "normalize_embedding", "true",
              "key \"normalize_embedding\""),
    configKey("extra_positions", "extra_pos_embeddings", "5",
              "key \"extra_pos_embeddings\""),
    configKey("layers_disagree", "num_hidden_layers", "6",
              "key \"num_hidden_layers\": expected 1"),
    configKey("shape_follows_config", "d_model", "8",
              "expected shape [7, 8] from config.json, found [7, 4]"),
    {"position_table_huge",
     [](TinyCheckpoint &c) {
       c.config["d_model"] = "1048576";
       c.config["max_position_embeddings"] = "1048576";
     },
     "beyond the limit", Code::Limit},
    generationKey("no_start", "decoder_start_token_id", "null",
                  "generation_config.json: key \"decoder_start_token_id\""),
    generationKey("start_beyond_vocabulary", "decoder_start_token_id", "7",
                  "decoder_start_token_id: 7 is outside the vocabulary 0 ... 6"),
    generationKey("two_forced_tokens", "forced_bos_token_id", "[1, 2]",
                  "key \"forced_bos_token_id\": expected a token id, found an array of 2"),
    generationKey("eos_beyond_vocabulary", "eos_token_id", "[0, 9]",
                  "eos_token_id: 9 is outside the vocabulary 0 ... 6"),
    generationKey("eos_text", "eos_token_id", "\"x\"", "found \"x\""),
    generationKey("bad_words_flat", "bad_words_ids", "[6]",
                  "key \"bad_words_ids\": expected a list of lists"),
    generationKey("bad_word_beyond", "bad_words_ids", "[[7]]",
                  "bad_words_ids: 7 is outside the vocabulary 0 ... 6"),
    generationKey("no_beams", "num_beams", "0", "key \"num_beams\""),
    generationKey("length_zero", "max_length", "0", "key \"max_length\""),
    {"tensor_missing",
     [](TinyCheckpoint &c) {
       c.tensors.erase("model.encoder.layers.0.fc1.weight");
       c.tensors.erase("model.shared.weight");
     },
     "2 tensors that config.json and the family's file call for are missing: "
     "\"model.shared.weight\", \"model.encoder.layers.0.fc1.weight\""},
    {"tensor_transposed",
     [](TinyCheckpoint &c) {
       c.tensors["model.encoder.layers.0.fc1.weight"].shape = {4, 6};
     },
     "tensor \"model.encoder.layers.0.fc1.weight\": expected shape [6, 4] from "
     "config.json, found [4, 6]"},
    {"tensor_i64",
     [](TinyCheckpoint &c) {
       c.tensors["model.encoder.layers.0.fc1.bias"].dtype = "I64";
     },
     "expected dtype F64, F32, F16 or BF16, found I64"},
    {"logits_bias_shape",
     [](TinyCheckpoint &c) { c.tensors["final_logits_bias"].shape = {7}; },
     "tensor \"final_logits_bias\": expected shape [1, 7]"},
    {"positions_shape",
     [](TinyCheckpoint &c) {
       c.tensors["model.encoder.embed_positions.weight"] = {"F32", {9, 4}};
     },
     "expected shape [8, 4] from config.json, found [9, 4]"}};

class BrokenFolder : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenFolder, IsRefusedWithOneMessage) {
  TinyCheckpoint checkpoint;
  GetParam().breakIt(checkpoint);
  Imported imported(checkpoint);
  ASSERT_FALSE(imported.module);
  ASSERT_FALSE(imported.report.status.ok());
  EXPECT_EQ(imported.report.status.code(), GetParam().code);
  EXPECT_TRUE(contains(imported.error(), GetParam().message))
      << imported.error();
}

INSTANTIATE_TEST_SUITE_P(All, BrokenFolder, ::testing::ValuesIn(broken),
                         [](const ::testing::TestParamInfo<Broken> &info) {
                           return std::string(info.param.what);
                         });

struct BadText {
  const char *what, *file, *text, *message;
};
const BadText badTexts[] = {
    {"empty_config", "config.json", "", "config.json: byte 0: not valid JSON"},
    {"array_config", "config.json", "[1]",
     "expected an object, found an array"},
    {"cut_config", "config.json", "{\"d_model\": 4", "not valid JSON"},
    {"duplicate_key", "config.json", "{\"d_model\": 4, \"d_model\": 8}",
     "key \"d_model\" appears twice"},
    {"not_a_number", "config.json", "{\"d_model\": NaN}", "not valid JSON"},
    {"bad_utf8", "config.json", "{\"\xc3\x28\": 4}", "not valid JSON"},
    {"cut_generation", "generation_config.json", "{",
     "generation_config.json: byte 1: not valid JSON"},
    {"number_generation", "generation_config.json", "3", "expected an object"}};

class BadTextFile : public ::testing::TestWithParam<BadText> {};

TEST_P(BadTextFile, IsRefusedWithOneMessage) {
  TempFolder folder;
  TinyCheckpoint().write(folder);
  folder.write(GetParam().file, GetParam().text);
  mlir::MLIRContext context;
  ImportReport report;
  EXPECT_FALSE(importCheckpoint(context, folder.path(), {}, report));
  ASSERT_FALSE(report.status.ok());
  EXPECT_EQ(report.status.code(), Code::BadModel);
  EXPECT_TRUE(contains(report.status.message(), GetParam().message))
      << report.status.message();
}

INSTANTIATE_TEST_SUITE_P(All, BadTextFile, ::testing::ValuesIn(badTexts),
                         [](const ::testing::TestParamInfo<BadText> &info) {
                           return std::string(info.param.what);
                         });

TEST(Import, DeepJsonIsRefused) {
  TempFolder folder;
  TinyCheckpoint().write(folder);
  folder.write("config.json", "{\"a\": " + std::string(100000, '['));
  mlir::MLIRContext context;
  ImportReport report;
  EXPECT_FALSE(importCheckpoint(context, folder.path(), {}, report));
  EXPECT_TRUE(
      contains(report.status.message(), "nested deeper than 64 levels"));
}

TEST(Import, MissingFolderIsNamed) {
  mlir::MLIRContext context;
  ImportReport report;
  EXPECT_FALSE(importCheckpoint(context, "/nowhere/model", {}, report));
  EXPECT_TRUE(contains(report.status.message(), "/nowhere/model"));
  EXPECT_EQ(report.status.code(), Code::BadModel);
}

} // namespace
