// Configuration keys, decoding defaults, ties and weight names as Transformers 4 and 5
// write them: which pass, warn or are errors.
#include "tests/import/Imported.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

using namespace encdec;
using namespace encdec::testing;

namespace {

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
           {"torch_dtype", "\"float32\""},
           {"normalize_before", "false"},
           {"normalize_embedding", "false"},
           {"add_final_layer_norm", "false"},
           {"add_bias_logits", "false"},
           {"static_position_embeddings", "true"},
           {"extra_pos_embeddings", "7"},
           {"num_hidden_layers", "1"},
           {"classif_dropout", "0.0"},
           {"_num_labels", "3"},
           {"id2label", "{\"0\": \"LABEL_0\"}"},
           {"gradient_checkpointing", "false"},
           {"task_specific_params", "{\"translation\": {\"num_beams\": 4}}"},
           {"bos_token_id", "0"},
           // Generation keys here are ignored: generation_config.json exists.
           {"num_beams", "6"},
           {"max_length", "512"},
           {"bad_words_ids", "7"}})
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

TEST(Import, UnknownKeysDoNotFillAPage) {
  TinyCheckpoint checkpoint;
  for (int i = 0; i < 1000; ++i)
    checkpoint.config[fmt::format("flux{:03}", i)] =
        checkpoint.generation[fmt::format("warp{:03}", i)] = "1";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(contains(imported.warnings(), "\"flux007\" and 992 more\n"));
  EXPECT_TRUE(contains(imported.warnings(), "\"warp007\" and 992 more\n"));
}

TEST(Import, NoWarningSpeaksOfAKeyThatIsRefused) {
  TinyCheckpoint checkpoint;
  checkpoint.config["vocab_size"] = "\"seven\"";
  checkpoint.config["decoder_vocab_size"] = "7";
  Imported imported(checkpoint);
  EXPECT_NE(imported.error().find("key \"vocab_size\""), std::string::npos);
  EXPECT_EQ(imported.warnings(), "");
}

TEST(Import, AModelOfAnotherClassIsNamed) {
  TinyCheckpoint checkpoint;
  checkpoint.config["architectures"] = "[\"MarianForFortunes\"]";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(contains(imported.warnings(), "key \"architectures\": expected MarianMTModel, "
                                            "MarianModel, found \"MarianForFortunes\""));
}

TEST(Import, StrictMakesWarningsErrors) {
  TinyCheckpoint checkpoint;
  checkpoint.config["flux"] = "1";
  Imported imported(checkpoint, {.strict = true});
  EXPECT_FALSE(imported.module);
  EXPECT_TRUE(contains(imported.error(), "\"flux\""));
}

TEST(Generation, BeamsAreKept) {
  TinyCheckpoint checkpoint;
  checkpoint.generation["num_beams"] = "4";
  checkpoint.generation["early_stopping"] = "true";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(), "");
  EXPECT_EQ(imported.generation<mlir::IntegerAttr>("num_beams").getInt(), 4);
  EXPECT_TRUE(imported.generation<mlir::BoolAttr>("early_stopping").getValue());
}

/// What the attribute of each key prints as.
std::string printed(Imported &imported, llvm::StringRef key) {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (auto value = imported.generation<mlir::Attribute>(key))
    out << value;
  return text;
}

// Each option of Transformers in either file, with the attribute that it becomes. None is
// worth a warning.
TEST(Generation, OptionsAreHonoured) {
  constexpr const char *keys[][3] = {
      {"do_sample", "true", "true"},
      {"temperature", "0.5", "5.000000e-01 : f64"},
      {"top_k", "3", "3 : i64"},
      {"num_beams", "1000", "1000 : i64"},
      {"length_penalty", "2", "2.000000e+00 : f64"},
      {"early_stopping", "\"never\"", "\"never\""},
      {"num_return_sequences", "2", "2 : i64"},
      {"renormalize_logits", "true", "true"},
      {"repetition_penalty", "1.5", "1.500000e+00 : f64"},
      {"encoder_repetition_penalty", "2", "2.000000e+00 : f64"},
      {"remove_invalid_values", "true", "true"},
      {"max_time", "1.5", "1.500000e+00 : f64"},
      {"stop_strings", "\".\"", "[\".\"]"},
      {"bad_words_ids", "[[6], [1, 2], [0]]", "[[6], [1, 2], [0]]"},
      {"sequence_bias", "[[[1, 3], -1.0]]", "[[[1, 3], -1.000000e+00]]"},
      {"suppress_tokens", "[1, 4]", "[1, 4]"},
      {"begin_suppress_tokens", "[1]", "[1]"},
      {"exponential_decay_length_penalty", "[2, 1.5]", "[2, 1.500000e+00]"},
      {"num_beam_groups", "2", "2 : i64"},
      {"diversity_penalty", "0.5", "5.000000e-01 : f64"},
      {"force_words_ids", "[[1], [[2], [3, 4]]]", "[[[1]], [[2], [3, 4]]]"}};
  for (const auto &[key, value, attribute] : keys)
    for (bool ownFile : {true, false}) {
      TinyCheckpoint checkpoint;
      checkpoint.generationFile = ownFile;
      checkpoint.config["decoder_start_token_id"] = "6";
      (ownFile ? checkpoint.generation : checkpoint.config)[key] = value;
      Imported imported(checkpoint);
      ASSERT_TRUE(imported.module) << imported.error();
      if (ownFile)
        EXPECT_EQ(imported.warnings(), "") << key;
      EXPECT_EQ(printed(imported, key), attribute) << key;
    }
}

TEST(Generation, AnEmptyListIsNone) {
  TinyCheckpoint checkpoint;
  for (const char *key : {"suppress_tokens", "stop_strings", "bad_words_ids", "eos_token_id"})
    checkpoint.generation[key] = "[]";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(), "");
  for (const char *key : {"suppress_tokens", "stop_strings", "bad_words_ids", "eos_token_id"})
    EXPECT_EQ(printed(imported, key), "");
}

// Options that only this engine has are none of a checkpoint's.
TEST(Generation, OptionsOfOthersAreUnknown) {
  TinyCheckpoint checkpoint;
  checkpoint.generation["patience"] = "2";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_TRUE(contains(imported.warnings(), "unknown keys, ignored: \"patience\""));
  EXPECT_EQ(printed(imported, "patience"), "");
}

// Each key that changes the reference's result and not ours, with the value that turns it
// off and a value that does not.
TEST(Generation, KeysThatAreRefusedAreNamed) {
  constexpr const char *keys[][3] = {
      {"token_healing", "false", "true"},
      {"forced_decoder_ids", "null", "[[1, 2]]"},
      {"constraints", "null", "[1]"},
      {"watermarking_config", "null", "{\"bias\": 2.0}"},
      {"penalty_alpha", "0.0", "0.6"},
      {"dola_layers", "null", "\"low\""}};
  for (const auto &[key, off, on] : keys)
    for (bool ownFile : {true, false}) {
      TinyCheckpoint checkpoint;
      checkpoint.generationFile = ownFile;
      if (!ownFile)
        checkpoint.config["decoder_start_token_id"] = "6";
      std::string &value = (ownFile ? checkpoint.generation : checkpoint.config)[key];
      value = off;
      EXPECT_EQ(Imported(checkpoint).warnings(), "") << key;
      value = on;
      Imported named(checkpoint), strict(checkpoint, {.strict = true});
      EXPECT_TRUE(contains(named.warnings(), key)) << key << named.warnings();
      EXPECT_EQ(printed(named, key), "");
      EXPECT_FALSE(strict.module) << key;
    }
}

TEST(Generation, SizesOfNgramsAreKept) {
  for (bool ownFile : {true, false}) {
    TinyCheckpoint checkpoint;
    checkpoint.generationFile = ownFile;
    checkpoint.config["decoder_start_token_id"] = "6";
    auto &keys = ownFile ? checkpoint.generation : checkpoint.config;
    keys["no_repeat_ngram_size"] = "3";
    keys["encoder_no_repeat_ngram_size"] = "0"; // off
    Imported imported(checkpoint);
    ASSERT_TRUE(imported.module) << imported.error();
    if (ownFile)
      EXPECT_EQ(imported.warnings(), "");
    EXPECT_EQ(imported.generation<mlir::IntegerAttr>("no_repeat_ngram_size").getInt(), 3);
    EXPECT_EQ(imported.generation<mlir::IntegerAttr>("encoder_no_repeat_ngram_size").getInt(),
              0);
    keys["encoder_no_repeat_ngram_size"] = "2.5";
    EXPECT_TRUE(contains(Imported(checkpoint).error(),
                         "key \"encoder_no_repeat_ngram_size\""));
  }
}

/// Old configurations ask for a forced first token without naming it.
TEST(Generation, AnOldConfigForcesItsFirstToken) {
  TinyCheckpoint checkpoint;
  checkpoint.generationFile = false;
  checkpoint.config["decoder_start_token_id"] = "6";
  checkpoint.config["bos_token_id"] = "3";
  auto forced = [&] {
    Imported imported(checkpoint);
    EXPECT_TRUE(imported.module) << imported.error();
    EXPECT_EQ(imported.warnings(), "");
    auto token = imported.generation<mlir::IntegerAttr>("forced_bos_token_id");
    return token ? token.getInt() : -1;
  };
  checkpoint.config["force_bos_token_to_be_generated"] = "false";
  EXPECT_EQ(forced(), -1);
  checkpoint.config["force_bos_token_to_be_generated"] = "true";
  EXPECT_EQ(forced(), 3);
  checkpoint.config["forced_bos_token_id"] = "5"; // as in Transformers, overridden
  EXPECT_EQ(forced(), 3);
  checkpoint.config.erase("bos_token_id");
  EXPECT_EQ(forced(), 5);
  checkpoint.config["bos_token_id"] = "3";
  checkpoint.generationFile = true; // of config.json no generation key counts then
  EXPECT_EQ(forced(), -1);
}

TEST(Generation, ATokenMayBeAListOfOne) {
  TinyCheckpoint checkpoint;
  checkpoint.generation["forced_bos_token_id"] = "[3]";
  checkpoint.generation["decoder_start_token_id"] = "[5]";
  checkpoint.generation["pad_token_id"] = "[4]";
  Imported imported(checkpoint);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(), "");
  auto number = [&](llvm::StringRef key) {
    return imported.generation<mlir::IntegerAttr>(key).getInt();
  };
  EXPECT_EQ(number("forced_bos_token_id"), 3);
  EXPECT_EQ(number("decoder_start_token_id"), 5);
  EXPECT_EQ(number("pad_token_id"), 4);
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
  EXPECT_EQ(imported.generation<mlir::IntegerAttr>("max_new_tokens").getInt(),
            3);
  // Class defaults such as Marian's forced eos are not applied.
  EXPECT_EQ(printed(imported, "forced_eos_token_id"), "");
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
  EXPECT_EQ(imported.report.warnings.size(), 1u) << imported.warnings();
  EXPECT_TRUE(contains(imported.warnings(), "\"lm_head.weight\" and \"model.shared.weight\" "
                                            "hold different values"));
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

//===-- Names and types ---------------------------------------------------===//

/// `name` without the prefix that the base model has inside the whole one.
std::string bare(const std::string &name) {
  constexpr std::string_view prefix = "model.";
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

TEST(Import, WeightsOfTheBaseModelNeedNoPrefix) {
  TinyCheckpoint whole, base;
  base.tensors.clear();
  for (const auto &[name, tensor] : whole.tensors)
    base.tensors[bare(name)] = tensor;
  base.tensors["extra"] = {"F32", {3}};
  Imported imported(base);
  ASSERT_TRUE(imported.module) << imported.error();
  EXPECT_EQ(imported.warnings(),
            "model.safetensors: 1 tensors not used: \"extra\"\n");
  EXPECT_TRUE(imported.weight("shared"));
  EXPECT_TRUE(imported.weight("decoder.head_bias").getBans());
  base.tensors["encoder.layers.0.fc1.bias"].shape = {5};
  EXPECT_TRUE(contains(Imported(base).error(), "tensor \"encoder.layers.0.fc1.bias\""));
}

// Names with and without the prefix are not mixed in one folder.
TEST(Import, NamesWithAndWithoutPrefixDoNotMix) {
  TinyCheckpoint checkpoint;
  checkpoint.tensors.erase("model.encoder.layers.0.fc1.bias");
  checkpoint.tensors["encoder.layers.0.fc1.bias"] = {"F32", {6}};
  EXPECT_TRUE(contains(Imported(checkpoint).error(),
                       "missing: \"model.encoder.layers.0.fc1.bias\""));
}

TEST(Import, StoredTypesAreKept) {
  for (const char *dtype : {"F64", "F32", "F16", "BF16"}) {
    TinyCheckpoint checkpoint;
    for (auto &[name, tensor] : checkpoint.tensors)
      tensor.dtype = dtype;
    Imported imported(checkpoint);
    ASSERT_TRUE(imported.module) << dtype << imported.error();
    mlir::Type type = imported.weight("shared").getTensorType().getElementType();
    std::string text;
    llvm::raw_string_ostream(text) << type;
    EXPECT_EQ(llvm::StringRef(text).upper(), dtype);
  }
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
  EXPECT_TRUE(
      mlir::isa<FileAttr>(imported.weight("encoder.positions").getOrigin()));
  EXPECT_TRUE(
      mlir::isa<SinusoidalAttr>(imported.weight("positions").getOrigin()));
}

} // namespace
