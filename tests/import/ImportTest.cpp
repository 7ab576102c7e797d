// The importer on small folders broken in one place, and on what Transformers 4
// and 5 write.
#include "compiler/import/Import.h"
#include "dialect/Ops.h"
#include "tests/import/TinyCheckpoint.h"

#include <functional>
#include <gtest/gtest.h>

using namespace encdec;
using encdec::testing::TempFolder;
using encdec::testing::TinyCheckpoint;

namespace {

struct Imported {
  mlir::MLIRContext context;
  ImportReport report;
  mlir::OwningOpRef<mlir::ModuleOp> module;

  explicit Imported(const TinyCheckpoint &checkpoint,
                    ImportOptions options = {}) {
    TempFolder folder;
    checkpoint.write(folder);
    module = importCheckpoint(context, folder.path(), options, report);
  }
  std::string error() const {
    return report.error ? report.error->message : std::string();
  }
  std::string warnings() const {
    std::string all;
    for (const std::string &warning : report.warnings)
      all += warning + "\n";
    return all;
  }
  WeightOp weight(llvm::StringRef name) {
    return module->lookupSymbol<WeightOp>(name);
  }
  template <typename Attr> Attr generation(llvm::StringRef key) {
    auto all = (*module)->getAttrOfType<mlir::DictionaryAttr>("encdec.generation");
    return all.getAs<Attr>(key);
  }
};

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

//===-- Broken folders ----------------------------------------------------===//

struct Broken {
  const char *what;
  std::function<void(TinyCheckpoint &)> breakIt;
  std::string message;
  checkpoint::Code code = checkpoint::Code::BadModel;
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
     "config.json: key \"model_type\": expected one of the supported families "
     "(marian), found nothing"},
    configKey("other_family", "model_type", "\"gpt2\"", "found \"gpt2\""),
    configKey("decoder_only", "is_encoder_decoder", "false",
              "key \"is_encoder_decoder\": expected true, found false"),
    configKey("width_zero", "d_model", "0", "key \"d_model\": expected a whole"),
    configKey("width_negative", "d_model", "-4", "found -4"),
    configKey("width_text", "d_model", "\"4\"", "found \"4\""),
    configKey("width_real", "d_model", "4.5", "found 4.5"),
    configKey("width_huge", "d_model", "99999999999", "key \"d_model\""),
    configKey("layers_huge", "encoder_layers", "1025", "from 1 to 1024"),
    configKey("heads_do_not_divide", "decoder_attention_heads", "3",
              "key \"decoder_attention_heads\": expected a divisor of d_model 4, "
              "found 3"),
    configKey("vocabulary_huge", "vocab_size", "4000001", "key \"vocab_size\""),
    configKey("flag_a_number", "scale_embedding", "1",
              "key \"scale_embedding\": expected true or false, found 1"),
    configKey("activation_unknown", "activation_function", "\"mish\"",
              "key \"activation_function\": expected relu, gelu, gelu_new, swish "
              "or silu, found \"mish\""),
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
     "beyond the limit", checkpoint::Code::Limit},
    generationKey("no_start", "decoder_start_token_id", "null",
                  "generation_config.json: key \"decoder_start_token_id\""),
    generationKey("start_beyond_vocabulary", "decoder_start_token_id", "7",
                  "from 0 to 6, found 7"),
    generationKey("eos_beyond_vocabulary", "eos_token_id", "[0, 9]",
                  "key \"eos_token_id\""),
    generationKey("eos_text", "eos_token_id", "\"x\"", "found \"x\""),
    generationKey("bad_words_flat", "bad_words_ids", "[6]",
                  "key \"bad_words_ids\": expected a list of lists"),
    generationKey("bad_word_beyond", "bad_words_ids", "[[7]]",
                  "token ids below 7"),
    generationKey("no_beams", "num_beams", "0", "key \"num_beams\""),
    generationKey("length_zero", "max_length", "0", "key \"max_length\""),
    {"tensor_missing",
     [](TinyCheckpoint &c) {
       c.tensors.erase("model.encoder.layers.0.fc1.weight");
       c.tensors.erase("model.shared.weight");
     },
     "2 tensors that config.json calls for are missing: model.shared.weight, "
     "model.encoder.layers.0.fc1.weight"},
    {"tensor_transposed",
     [](TinyCheckpoint &c) {
       c.tensors["model.encoder.layers.0.fc1.weight"].shape = {4, 6};
     },
     "tensor \"model.encoder.layers.0.fc1.weight\": expected shape [6, 4] from "
     "config.json, found [4, 6]"},
    {"tensor_f64",
     [](TinyCheckpoint &c) {
       c.tensors["model.encoder.layers.0.fc1.bias"].dtype = "F64";
     },
     "expected dtype F32, F16 or BF16, found F64"},
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
  ASSERT_TRUE(imported.report.error);
  EXPECT_EQ(imported.report.error->code, GetParam().code);
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
    {"array_config", "config.json", "[1]", "expected an object, found an array"},
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
  ASSERT_TRUE(report.error);
  EXPECT_EQ(report.error->code, checkpoint::Code::BadModel);
  EXPECT_TRUE(contains(report.error->message, GetParam().message))
      << report.error->message;
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
  EXPECT_TRUE(contains(report.error->message, "nested deeper than 64 levels"));
}

TEST(Import, MissingFolderIsNamed) {
  mlir::MLIRContext context;
  ImportReport report;
  EXPECT_FALSE(importCheckpoint(context, "/nowhere/model", {}, report));
  EXPECT_TRUE(contains(report.error->message, "/nowhere/model"));
  EXPECT_EQ(report.error->code, checkpoint::Code::BadModel);
}

//===-- Keys --------------------------------------------------------------===//

TEST(Import, PlainFolderImportsInSilence) {
  Imported imported{TinyCheckpoint()};
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(), "");
}

TEST(Import, LegacyKeysWithNeutralValuesPassInSilence) {
  TinyCheckpoint checkpoint;
  checkpoint.config.erase("dtype");
  for (auto [key, value] : std::map<std::string, std::string>{
           {"torch_dtype", "\"float32\""}, {"normalize_before", "false"},
           {"normalize_embedding", "false"}, {"add_final_layer_norm", "false"},
           {"add_bias_logits", "false"}, {"static_position_embeddings", "true"},
           {"extra_pos_embeddings", "7"}, {"num_hidden_layers", "1"},
           {"classif_dropout", "0.0"}, {"_num_labels", "3"},
           {"id2label", "{\"0\": \"LABEL_0\"}"}, {"gradient_checkpointing", "false"},
           {"task_specific_params", "null"}, {"bos_token_id", "0"},
           // Generation keys here count for nothing: there is another file.
           {"num_beams", "6"}, {"max_length", "512"}, {"bad_words_ids", "7"}})
    checkpoint.config[key] = value;
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(), "");
}

TEST(Import, UnknownKeysGetOneWarning) {
  TinyCheckpoint checkpoint;
  checkpoint.config["flux"] = "1";
  checkpoint.config["warp"] = "{\"deep\": [1]}";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(),
            "config.json: unknown keys, ignored: \"flux\", \"warp\"\n");
}

TEST(Import, StrictMakesWarningsErrors) {
  TinyCheckpoint checkpoint;
  checkpoint.config["flux"] = "1";
  Imported imported(checkpoint, {.strict = true});
  EXPECT_FALSE(imported.module);
  EXPECT_TRUE(contains(imported.error(), "\"flux\""));
}

TEST(Generation, BeamsDecodeGreedilyWithOneWarning) {
  TinyCheckpoint checkpoint;
  checkpoint.generation["num_beams"] = "4";
  checkpoint.generation["early_stopping"] = "true";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.report.warnings.size(), 1u);
  EXPECT_TRUE(contains(imported.warnings(), "decodes greedily"));
  EXPECT_EQ(imported.generation<mlir::IntegerAttr>("num_beams").getInt(), 4);
}

TEST(Generation, SamplingAndUnhonouredKeysAreNamed) {
  TinyCheckpoint checkpoint;
  checkpoint.generation["do_sample"] = "true";
  checkpoint.generation["temperature"] = "0.7";
  checkpoint.generation["no_repeat_ngram_size"] = "3";
  checkpoint.generation["repetition_penalty"] = "1.0"; // off
  checkpoint.generation["bad_words_ids"] = "[[6], [1, 2], [0]]";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.report.warnings.size(), 3u) << imported.warnings();
  EXPECT_TRUE(contains(imported.warnings(), "do_sample = true"));
  EXPECT_TRUE(contains(imported.warnings(), "no_repeat_ngram_size = 3"));
  EXPECT_TRUE(contains(imported.warnings(), "1 words of several tokens"));
  // [0] is the eos: such a ban is dropped.
  EXPECT_EQ(imported.generation<mlir::DenseI64ArrayAttr>("bad_token_ids")
                .asArrayRef(),
            llvm::ArrayRef<int64_t>({6}));
}

TEST(Generation, WithoutItsFileTheRawConfigCounts) {
  TinyCheckpoint checkpoint;
  checkpoint.generationFile = false;
  checkpoint.config["decoder_start_token_id"] = "5";
  checkpoint.config["max_new_tokens"] = "3";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(
      imported.generation<mlir::IntegerAttr>("decoder_start_token_id").getInt(),
      5);
  EXPECT_EQ(imported.generation<mlir::IntegerAttr>("max_new_tokens").getInt(), 3);
  // Class defaults such as Marian's forced eos are not applied.
  EXPECT_TRUE(imported.generation<mlir::DenseI64ArrayAttr>("forced_eos_token_ids")
                  .empty());
}

TEST(Generation, UnsetLengthIsTwentyNewTokensWithinPositions) {
  TinyCheckpoint checkpoint;
  checkpoint.generation.erase("max_length");
  Imported few(checkpoint);
  EXPECT_EQ(few.generation<mlir::IntegerAttr>("max_length").getInt(), 8);
  checkpoint.config["max_position_embeddings"] = "64";
  Imported many(checkpoint);
  EXPECT_EQ(many.generation<mlir::IntegerAttr>("max_length").getInt(), 21);
}

TEST(Generation, LengthBeyondPositionsIsCutWithAWarning) {
  TinyCheckpoint checkpoint;
  checkpoint.generation["max_length"] = "512";
  Imported imported(checkpoint);
  EXPECT_EQ(imported.generation<mlir::IntegerAttr>("max_length").getInt(), 9);
  EXPECT_TRUE(contains(imported.warnings(), "cut to 9"));
}

TEST(Generation, StartFallsBackToBosAndPadToEos) {
  TinyCheckpoint checkpoint;
  checkpoint.generation.erase("decoder_start_token_id");
  checkpoint.generation.erase("pad_token_id");
  checkpoint.generation["bos_token_id"] = "2";
  checkpoint.generation["eos_token_id"] = "[3, 4]";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(
      imported.generation<mlir::IntegerAttr>("decoder_start_token_id").getInt(),
      2);
  EXPECT_EQ(imported.generation<mlir::IntegerAttr>("pad_token_id").getInt(), 3);
}

//===-- Ties --------------------------------------------------------------===//

constexpr const char *shared = "model.shared.weight",
                     *encoder = "model.encoder.embed_tokens.weight",
                     *decoder = "model.decoder.embed_tokens.weight",
                     *head = "lm_head.weight";

TEST(Ties, AnyMemberFeedsTheRest) {
  for (const char *only : {shared, encoder, decoder, head}) {
    TinyCheckpoint checkpoint;
    checkpoint.tensors.erase(shared);
    checkpoint.tensors[only] = {"F32", {7, 4}};
    Imported imported(checkpoint);
    ASSERT_TRUE(imported.module) << only << ": " << imported.error();
    EXPECT_TRUE(imported.weight("shared")) << only;
    EXPECT_FALSE(imported.weight("decoder.head")) << only;
    EXPECT_EQ(imported.warnings(), "") << only;
  }
}

TEST(Ties, EqualCopiesBecomeOneTable) {
  TinyCheckpoint checkpoint; // all values of a TinyCheckpoint are equal
  for (const char *name : {encoder, decoder, head})
    checkpoint.tensors[name] = {"F32", {7, 4}};
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(imported.weight("shared"));
  EXPECT_FALSE(imported.weight("decoder.head"));
  EXPECT_EQ(imported.warnings(), "");
}

TEST(Ties, DifferentValuesAreNotTied) {
  TinyCheckpoint checkpoint;
  checkpoint.tensors[head] = {"F16", {7, 4}}; // other bytes
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(imported.weight("shared"));
  EXPECT_TRUE(imported.weight("decoder.head"));
}

TEST(Ties, UntiedFolderWithOnlySharedIsTiedWithAWarning) {
  TinyCheckpoint checkpoint;
  checkpoint.config["tie_word_embeddings"] = "false";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(imported.weight("shared"));
  EXPECT_TRUE(contains(imported.warnings(), "\"lm_head.weight\" is missing"));
}

TEST(Ties, SeparateVocabulariesHaveTheirOwnSizes) {
  TinyCheckpoint checkpoint;
  checkpoint.tensors.erase(shared);
  checkpoint.config["share_encoder_decoder_embeddings"] = "false";
  checkpoint.config["decoder_vocab_size"] = "9";
  checkpoint.tensors[encoder] = {"F32", {7, 4}};
  checkpoint.tensors[decoder] = {"F32", {9, 4}};
  checkpoint.tensors["final_logits_bias"] = {"F32", {1, 9}};
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.weight("encoder.embed").getTensorType().getDimSize(0), 7);
  EXPECT_EQ(imported.weight("decoder.embed").getTensorType().getDimSize(0), 9);
}

TEST(Import, UnusedTensorsAreNamed) {
  TinyCheckpoint checkpoint;
  checkpoint.tensors["model.extra"] = {"F32", {3}};
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(),
            "model.safetensors: 1 tensors not used: \"model.extra\"\n");
}

TEST(Import, NoLogitsBiasMeansNone) {
  TinyCheckpoint checkpoint;
  checkpoint.tensors.erase("final_logits_bias");
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_FALSE(imported.weight("decoder.head_bias"));
}

TEST(Import, StoredPositionTablesWin) {
  TinyCheckpoint checkpoint;
  checkpoint.tensors["model.encoder.embed_positions.weight"] = {"F32", {8, 4}};
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(mlir::isa<FileAttr>(imported.weight("encoder.positions").getOrigin()));
  EXPECT_TRUE(mlir::isa<SinusoidalAttr>(imported.weight("positions").getOrigin()));
}

} // namespace
