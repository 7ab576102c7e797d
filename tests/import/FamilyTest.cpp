// Architecture files with one mistake each, and files that do not go with a config.json:
// each is refused with one sentence that names the file and the field, or the key.
#include "compiler/import/Description.h"
#include "compiler/import/Families.h"

#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace encdec;
using namespace encdec::checkpoint;
using nlohmann::json;

namespace {

json familyJson(const std::string &name) {
  std::ifstream file(std::string(ENCDEC_FAMILY_FILES) + "/" + name + ".json");
  return json::parse(file);
}

/// What is said about the file `base` with the value at `pointer` replaced by `value`, or
/// removed where `value` is empty; and about a config.json, if the file is good.
std::string messageOf(const char *base, const char *pointer, const char *value,
                      const char *config = "{}") {
  json file = familyJson(base);
  json::json_pointer at(pointer);
  if (*value)
    file[at] = json::parse(value);
  else
    file[at.parent_pointer()].erase(at.back());
  auto family = parseFamily(file.dump(), "my.json");
  if (!family.ok())
    return family.status().message();
  ConfigFiles files;
  files.config = *parseJson(config);
  std::vector<std::string> warnings;
  auto model = describeModel(*family, files, 0, warnings);
  EXPECT_TRUE(model.ok() || model.status().code() == Code::BadModel);
  return model.ok() ? "good" : model.status().message();
}

struct Mistake {
  const char *what, *base, *pointer, *value, *message;
  const char *config = "{}";
};

const Mistake mistakes[] = {
    // Fields.
    {"missing_field", "bart", "/d_model", "", "my.json: d_model: expected a value, found nothing"},
    {"missing_in_side", "bart", "/both/heads", "",
     "my.json: encoder.heads: expected a value, found nothing"},
    {"missing_name", "bart", "/both/cross/q", "",
     "my.json: both.cross.q: expected a text, found nothing"},
    {"unknown_field", "bart", "/max_position", "7",
     "my.json: \"max_position\" is no field here; did you mean 'max_positions'?"},
    {"unknown_in_both", "bart", "/both/headz", "7",
     "my.json: both: \"headz\" is no field here; did you mean 'heads'?"},
    {"unknown_in_side", "bart", "/decoder", "{\"cros\": {}}",
     "my.json: decoder: \"cros\" is no field here; did you mean 'cross'?"},
    {"unknown_in_group", "bart", "/both/self/r", "\"x{layer}\"",
     "my.json: both.self: \"r\" is no field here"},
    {"field_of_another_kind", "bart", "/both/positions/buckets", "32",
     "my.json: both.positions: \"buckets\" is no field here"},
    {"group_no_object", "bart", "/both/norm", "\"layer\"",
     "my.json: both.norm: expected an object, found \"layer\""},
    {"both_no_object", "bart", "/both", "3", "my.json: both: expected an object, found 3"},
    {"name_with_nul", "bart", "/family", "\"a\\u0000b\"",
     "my.json: family: expected a text of at most 128 bytes without control characters, found"},
    {"name_with_newline", "bart", "/family", "\"a\\nb\"", "my.json: family: expected a text"},
    {"key_of_config_with_controls", "bart", "/d_model", "{\"key\": \"a\\u0002b\"}",
     "my.json: d_model.key: expected a text of at most 128 bytes without control characters, "
     "found \"a\\x02b\""},
    {"class_with_controls", "bart", "/architectures", "[\"Bart\\u001b[1m\"]",
     "my.json: architectures.0: expected a text of at most 128 bytes without control"},
    {"field_with_controls", "bart", "/neutral", "{\"a\\u007f\": \"any\"}",
     "my.json: neutral: expected a key of at most 128 bytes without control characters, found"},
    {"name_too_long", "bart", "/family",
     "\"12345678901234567890123456789012345678901234567890123456789012345\"",
     "my.json: family: expected a name of at most 64 bytes"},
    {"flag_no_flag", "t5", "/max_positions_adjustable", "\"yes\"",
     "my.json: max_positions_adjustable: expected true or false, found \"yes\""},
    {"types_no_list", "bart", "/model_types", "\"bart\"",
     "my.json: model_types: expected a list of texts, found \"bart\""},
    {"norm_kind", "bart", "/both/norm/kind", "\"batch\"",
     "my.json: both.norm.kind: expected layer or rms, found \"batch\""},
    {"norm_order", "bart", "/both/norm/order", "\"around\"",
     "my.json: both.norm.order: expected after or before, found \"around\""},
    {"embedding_norm_order", "bart", "/both/embedding_norm_order", "\"between\"",
     "my.json: both.embedding_norm_order: expected after or before, found \"between\""},
    {"order_of_no_embedding_norm", "blenderbot", "/encoder/embedding_norm_order", "\"before\"",
     "my.json: encoder.embedding_norm_order: expected after, since the side lacks an "
     "embedding_norm or positions that are added, found \"before\""},
    {"order_without_added_positions", "bart", "/encoder",
     "{\"embedding_norm_order\": \"before\", \"positions\": {\"kind\": \"none\"}}",
     "my.json: encoder.embedding_norm_order: expected after, since"},
    {"positions_kind", "bart", "/both/positions/kind", "\"rotary\"",
     "my.json: both.positions.kind: expected none, learned, sinusoidal or relative, found "
     "\"rotary\""},
    {"formula", "pegasus", "/both/positions/formula", "\"marian\"",
     "my.json: both.positions.formula: expected paper or tensor2tensor, found \"marian\""},
    // Names of tensors.
    {"no_layer_mark", "bart", "/both/self/q", "\"q_proj\"",
     "my.json: both.self.q: expected a tensor's name with {layer} in it once"},
    {"two_layer_marks", "bart", "/both/self/q", "\"{layer}.{layer}\"",
     "my.json: both.self.q: expected a tensor's name with {layer} in it once"},
    {"layer_mark_in_table", "bart", "/both/embedding", "\"embed.{layer}\"",
     "my.json: both.embedding: expected a tensor's name without braces"},
    {"unknown_mark", "bart", "/both/self/q", "\"{layer}.{head}\"",
     "my.json: both.self.q: expected a tensor's name with {layer} in it once"},
    {"side_mark_of_no_side", "bart", "/head/table", "\"{side}.head\"",
     "my.json: head.table: expected a tensor's name without braces"},
    {"bias_of_nothing", "bart", "/both/self/biases", "[\"q\", \"up\"]",
     "my.json: both.self.biases: expected a list of q, k, v or o, found an array of 2"},
    {"gated_without_gate", "bart", "/both/gated", "true",
     "my.json: both.gated: expected a value exactly where ffn has a gate, found true"},
    {"gate_without_gated", "t5", "/both/gated", "",
     "my.json: encoder.gated: expected a value exactly where ffn has a gate, found nothing"},
    {"half_a_gate", "t5", "/encoder/ffn/gate", "",
     "my.json: encoder.ffn.gate: expected a text, found nothing"},
    {"tie_of_one", "bart", "/ties/0/members", "[\"a\"]",
     "my.json: ties.0.members: expected a list of at least two tensors"},
    {"scale_without_norm", "bart", "/head/scale", "0.5",
     "my.json: head.scale: expected a decoder with final_norm"},
    // Values.
    {"value_null", "bart", "/both/layers", "[null]",
     "my.json: both.layers.0: expected"},
    {"value_without_key", "bart", "/both/layers", "{\"of\": 1}",
     "my.json: both.layers.key: expected a text, found nothing"},
    {"value_with_more", "bart", "/both/layers", "{\"key\": \"n\", \"times\": 2}",
     "my.json: both.layers: \"times\" is no field here"},
    {"derivation", "bart", "/both/layers", "{\"derived\": \"d_model / 2\"}",
     "my.json: both.layers.derived: expected other_side, d_model_per_head, d_model,"},
    {"table_no_object", "bart", "/both/layers", "{\"key\": \"n\", \"is\": 7}",
     "my.json: both.layers.is: expected an object, found 7"},
    {"table_empty", "bart", "/both/layers", "{\"key\": \"n\", \"is\": {}}",
     "my.json: both.layers.is: expected an object with an entry for each value of the key, "
     "found an object of 0 keys"},
    {"ties_missing_no_flag", "bart", "/ties_missing", "1",
     "my.json: ties_missing: expected true or false, found 1"},
    {"neutral_no_list", "bart", "/neutral/prefix", "false",
     "my.json: neutral.prefix: expected \"any\" or a list of values, found false"},
    // Values of the file that are of no use.
    {"literal", "bart", "/both/layers", "\"two\"",
     "my.json: both.layers: expected a whole number from 1 to 1024, found \"two\""},
    {"literal_range", "bart", "/both/layers", "0",
     "my.json: both.layers: expected a whole number from 1 to 1024, found 0"},
    {"scale_zero", "bart", "/both/scores_scale", "0",
     "my.json: both.scores_scale: expected a positive number, found 0"},
    {"sides_in_a_circle", "bart", "/both/layers", "{\"derived\": \"other_side\"}",
     "my.json: both.layers: other_side is of no use here: the other side asks for this one"},
    {"no_sides", "bart", "/d_model", "{\"derived\": \"other_side\"}",
     "my.json: d_model: other_side is of no use here"},
    {"too_early", "bart", "/d_model", "{\"derived\": \"layers\"}",
     "my.json: d_model: layers is of no use here: the number that it needs has no value yet"},
    {"no_pad", "m2m_100", "/pad_token_id", "",
     "my.json: both.positions.first_position: pad_token_id_plus_1 is of no use here"},
    {"activation_literal", "bart", "/both/activation", "\"mish\"",
     "my.json: both.activation: expected relu, gelu, gelu_python, gelu_new, "
     "gelu_pytorch_tanh, gelu_python_tanh, gelu_fast, silu or swish, found \"mish\""},
    {"ungated_without_up", "t5", "/encoder/ffn/up", "",
     "my.json: encoder.ffn.up: expected a name, since this model has no gate",
     "{\"feed_forward_proj\": \"relu\"}"},
    // Values of config.json.
    {"key", "bart", "/about", "\"x\"",
     "config.json: key \"encoder_layers\": expected a whole number from 1 to 1024, found -1",
     "{\"encoder_layers\": -1}"},
    {"key_without_fallback", "bart", "/d_model", "{\"key\": \"d_model\"}",
     "config.json: key \"d_model\": expected a whole number from 1 to 1048576, found nothing"},
    {"keys_without_fallback", "bart", "/d_model", "[{\"key\": \"a\"}, {\"key\": \"b\"}]",
     "config.json: key \"a\": expected a whole number from 1 to 1048576, found nothing"},
    {"heads_do_not_divide", "bart", "/about", "\"x\"",
     "config.json: key \"decoder_attention_heads\": expected a divisor of d_model 24, found 5",
     "{\"d_model\": 24, \"encoder_attention_heads\": 2, \"decoder_attention_heads\": 5}"},
    {"no_such_entry", "t5", "/about", "\"x\"",
     "config.json: key \"feed_forward_proj\": expected gated-gelu, gated-gelu_new, "
     "gated-relu, gated-silu, gated-swish, gelu, gelu_new, relu, silu or swish, found "
     "\"tanh\"",
     "{\"feed_forward_proj\": \"tanh\"}"},
    {"too_few_buckets", "t5", "/about", "\"x\"",
     "config.json: key \"relative_attention_num_buckets\": expected a whole number from 4 to",
     "{\"relative_attention_num_buckets\": 2}"},
    {"odd_buckets", "t5", "/about", "\"x\"",
     "config.json: key \"relative_attention_num_buckets\": expected an even number of "
     "buckets, found 7",
     "{\"relative_attention_num_buckets\": 7}"},
    {"not_neutral", "mbart", "/about", "\"x\"",
     "config.json: key \"normalize_before\": expected true (this variant is not supported)",
     "{\"normalize_before\": false}"}};

class FamilyMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(FamilyMistake, IsRefusedInOneSentence) {
  const Mistake &mistake = GetParam();
  std::string message =
      messageOf(mistake.base, mistake.pointer, mistake.value, mistake.config);
  EXPECT_NE(message.find(mistake.message), message.npos) << message;
  EXPECT_EQ(message.find('\n'), message.npos) << message;
}

INSTANTIATE_TEST_SUITE_P(All, FamilyMistake, ::testing::ValuesIn(mistakes),
                         [](const auto &info) { return std::string(info.param.what); });

TEST(Family, TextThatIsNoJsonIsRefused) {
  for (const char *text : {"", "[1]", "{\"family\": ", "{\"family\": \"a\", \"family\": \"b\"}"}) {
    auto family = parseFamily(text, "my.json");
    ASSERT_FALSE(family.ok()) << text;
    EXPECT_EQ(family.status().code(), Code::BadModel);
    EXPECT_TRUE(family.status().message().starts_with("my.json: ")) << family.status().message();
  }
}

//===-- Values ------------------------------------------------------------===//

/// The number of encoder layers of BART with another rule for it.
uint64_t layers(const char *rule, const char *config) {
  json file = familyJson("bart");
  file["encoder"]["layers"] = json::parse(rule);
  auto family = parseFamily(file.dump(), "my.json");
  EXPECT_TRUE(family.ok()) << family.status().message();
  ConfigFiles files;
  files.config = *parseJson(config);
  std::vector<std::string> warnings;
  auto model = describeModel(*family, files, 0, warnings);
  EXPECT_TRUE(model.ok()) << model.status().message();
  return model.ok() ? model->encoder.layers : 0;
}

TEST(Value, TheFirstFallbackWithAValueCounts) {
  constexpr const char *rule = R"([{"key": "a"}, {"key": "b"}, 7])";
  EXPECT_EQ(layers(rule, R"({"a": 3, "b": 4})"), 3u);
  EXPECT_EQ(layers(rule, R"({"b": 4})"), 4u);
  EXPECT_EQ(layers(rule, R"({"a": null})"), 7u);
}

TEST(Value, EntriesOfATableAreValues) {
  constexpr const char *rule =
      R"([{"key": "a", "is": {"true": {"key": "b"}, "x": [{"key": "c"}, 5], "3": 2},
           "otherwise": {"derived": "other_side"}}, 9])";
  EXPECT_EQ(layers(rule, R"({"a": true, "b": 4})"), 4u);
  EXPECT_EQ(layers(rule, R"({"a": true})"), 9u); // the entry has no value
  EXPECT_EQ(layers(rule, R"({"a": "x"})"), 5u);
  EXPECT_EQ(layers(rule, R"({"a": 3})"), 2u);
  EXPECT_EQ(layers(rule, R"({"a": false, "decoder_layers": 11})"), 11u);
  EXPECT_EQ(layers(rule, "{}"), 9u);
}

//===-- Families ----------------------------------------------------------===//

TEST(Families, BuiltInFilesParseAndNoTypeIsListedTwice) {
  auto families = builtInFamilies();
  ASSERT_TRUE(families.ok()) << families.status().message();
  auto refused = refusedFamilies();
  ASSERT_TRUE(refused.ok()) << refused.status().message();
  std::set<std::string> types;
  auto add = [&](const std::vector<std::string> &names) {
    for (const std::string &name : names)
      EXPECT_TRUE(types.insert(name).second) << name;
  };
  for (const FamilyFile &family : *families)
    add(family.modelTypes);
  for (const RefusedFamily &family : *refused)
    add(family.modelTypes);
}

// The class defaults of the reference stand in the files: an empty configuration is a model.
TEST(Families, AnEmptyConfigurationIsTheClassesDefault) {
  auto families = builtInFamilies();
  ASSERT_TRUE(families.ok());
  for (const FamilyFile &family : *families) {
    ConfigFiles files;
    files.config = *parseJson("{}");
    std::vector<std::string> warnings;
    auto model = describeModel(family, files, 0, warnings);
    EXPECT_TRUE(model.ok()) << family.name << ": " << model.status().message();
    EXPECT_TRUE(warnings.empty()) << family.name;
  }
}

TEST(Families, RefusedOnesAreNamedWithTheReason) {
  for (const char *type : {"led", "longt5", "pegasus_x", "fsmt", "prophetnet", "t5gemma"}) {
    auto family = familyFor(*parseJson(R"({"model_type": ")" + std::string(type) + "\"}"), "");
    ASSERT_FALSE(family.ok()) << type;
    EXPECT_NE(family.status().message().find("models are not supported: "), std::string::npos)
        << family.status().message();
  }
}

TEST(Families, AnUnknownTypeIsRefusedWithTheListAndTheWayOut) {
  auto family = familyFor(*parseJson(R"({"model_type": "gpt2"})"), "");
  ASSERT_FALSE(family.ok());
  for (const char *part : {"key \"model_type\"", "bart", "t5", "--family FILE", "\"gpt2\""})
    EXPECT_NE(family.status().message().find(part), std::string::npos)
        << family.status().message();
}

} // namespace
