//===- ManifestTest.cpp - manifests that lie or are no manifests ----------===//

#include "tests/bundle/Refusal.h"

using namespace encdec;
using namespace encdec::tests;

namespace {

Status readWith(const std::string &manifest) {
  return readStatus(buildBundle(fakeParts(manifest, fakeCode())));
}

struct Edit {
  const char *pointer; ///< JSON pointer of the value.
  const char *value;   ///< JSON text; null: the key goes.
  const char *message; ///< Must be in the message.
};

// Names in the messages show that the edit itself was found, not a consequence.
const Edit edits[] = {
    {"/format", nullptr, "'format' is missing"},
    {"/format", "9", "format 9"},
    {"/format", "-1", "'format'"},
    {"/abi", "999", "ABI 999"},
    {"/abi", "\"1\"", "'abi'"},
    {"/abi", "1.0", "'abi'"},
    {"/producer", nullptr, "'producer' is missing"},
    {"/producer", "7", "'producer'"},
    {"/model", nullptr, "'model' is missing"},
    {"/model", "[]", "an object"},
    {"/model", "null", "an object"},
    {"/model/d_model", nullptr, "'model.d_model' is missing"},
    {"/model/d_model", "0", "'model.d_model'"},
    {"/model/d_model", "-40", "'model.d_model'"},
    {"/model/d_model", "18446744073709551615", "'model.d_model'"},
    {"/model/d_model", "18446744073709551616", "'model.d_model'"},
    {"/model/d_model", "40.5", "'model.d_model'"},
    {"/model/d_model", "true", "'model.d_model'"},
    {"/model/decoder_layers", "0", "'model.decoder_layers'"},
    {"/model/decoder_layers", "null", "are partly null"},
    {"/model/vocab_size", "null", "are partly null"},
    {"/model/decoder_layers", "1000000", "'model.decoder_layers'"},
    {"/model/decoder_layers", "3", "no head size"},
    {"/model/decoder_heads", "5", "no head size"},
    {"/model/vocab_size", "0", "'model.vocab_size'"},
    {"/model/vocab_size", "4294967296", "'model.vocab_size'"},
    {"/model/vocab_size", "40", "'model.d_model' are 40 and 40"},
    {"/model/vocab_size", "42", "'model.d_model' are 42 and 40"},
    {"/model/source_vocab_size", "4194304", "are 4194304 and 40, but"},
    {"/model/source_vocab_size", "50", "has 51 rows of 40"},
    {"/model/max_positions", "0", "'model.max_positions'"},
    {"/model/max_positions", "4294967297", "'model.max_positions'"},
    {"/model/max_positions", "5000", "are 5000 and 40, but the table 'positions'"},
    {"/model/max_positions", "39", "has 40 rows of 40"},
    {"/model/uncounted_token_id", "51", "'model.uncounted_token_id'"},
    {"/model/uncounted_token_id", "3", "'model.d_model' are 40 and 40, but the table"},
    {"/model/uncounted_token_id", "3", "has 40 rows of 40, expected one row more for"},
    {"/model/d_model", "41", "are 51 and 41, but"},
    {"/model/family", "null", "'model.family'"},
    {"/model/extra", "1", "unknown key 'model.extra'"},
    {"/weights/type", "\"f16\"", "'weights.type'"},
    {"/weights/bytes", "8193", "bytes of weights"},
    {"/weights/bytes", "0", "'weights.bytes'"},
    {"/weights/step_bytes", "8193", "'weights.step_bytes'"},
    {"/weights/sketch_bytes", "8193", "'weights.sketch_bytes'"},
    {"/weights/sketched_bytes", "65", "'weights.sketched_bytes'"},
    {"/weights/list/0/rows", "52", "from 8320 to 12288, but is 8160"},
    {"/weights/list/0/rows", "50", "has 50 rows of 40"},
    {"/weights/list/0/columns", "39", "has 51 rows of 39"},
    {"/weights/list/0/bytes", "8159", "from 8160 to 12288, but is 8159"},
    {"/weights/list/0/bytes", "8193", "'source' has 8193 bytes from byte 0"},
    {"/weights/list/0/bytes", "12289", "'weights.list[0].bytes'"},
    {"/weights/list/0/offset", "33", "has 8160 bytes from byte 33"},
    {"/weights/list/0/format", "\"bf16\"", "from 4080 to 6144, but is 8160"},
    {"/weights/tables", "{}", "a list of at most"},
    {"/weights/tables/0", nullptr, "names no source_tokens"},
    {"/weights/tables/1", nullptr, "names no target_tokens"},
    {"/weights/tables/2", nullptr, "names no vocabulary"},
    {"/weights/tables/3/role", "\"rows\"", "one of source_tokens, "},
    {"/weights/tables/3/weight", "\"none\"", "names 'none', which"},
    {"/weights/tables/3/rows", "40", "unknown key 'weights.tables[3].rows'"},
    {"/memory/cache_per_key", "0", "'memory.cache_per_key'"},
    {"/memory/cache_per_key", "833", "'memory.cache_per_key'"},
    {"/memory/cache_per_key", "-832", "'memory.cache_per_key'"},
    {"/memory/cache_per_key", "9223372036854775808", "'memory.cache_per_key'"},
    {"/memory/memory_per_key", "16", "'memory.memory_per_key'"},
    {"/memory/key_type", "\"f16\"", "'memory.key_type'"},
    {"/memory/step_arena_per_key", "-1", "step_arena_per_key"},
    {"/memory/encode_arena_per_key", "null", "encode_arena_per_key"},
    {"/memory/states_per_row", "191", "'memory.states_per_row' is 191, expected 192"},
    {"/memory/states_per_row", "-1", "'memory.states_per_row'"},
    {"/memory/encode_arena_per_row", "18446744073709551615",
     "encode_arena_per_row"},
    {"/memory/scratch_fixed", nullptr, "'memory.scratch_fixed' is missing"},
    {"/generation", "null", "an object"},
    {"/generation/decoder_start_token_id", "41", "decoder_start_token_id"},
    {"/generation/decoder_start_token_id", "-1", "decoder_start_token_id"},
    {"/generation/decoder_start_token_id", "null", "decoder_start_token_id"},
    {"/generation/eos_token_id", "[41]", "generation.eos_token_id: 41 is outside"},
    {"/generation/eos_token_id", "[0, -1]", "generation.eos_token_id: expected a list"},
    {"/generation/eos_token_ids", "[0]", "unknown key 'generation.eos_token_ids'"},
    {"/generation/bad_words_ids", "[[4294967296]]", "bad_words_ids"},
    {"/generation/bad_words_ids", "[1]", "bad_words_ids"},
    {"/generation/bad_words_ids", "[[1], [2, 41]]", "bad_words_ids: 41 is outside"},
    {"/generation/sequence_bias", "[[[1, 41], 2.5]]", "sequence_bias: 41 is outside"},
    {"/generation/penalty_alpha", "2", "unknown key 'generation.penalty_alpha'"},
    {"/generation/pad_token_id", "41", "pad_token_id"},
    {"/generation/forced_bos_token_id", "1000", "forced_bos_token_id"},
    {"/generation/max_length", "0", "max_length"},
    {"/generation/max_new_tokens", "0", "max_new_tokens"},
    {"/generation/min_length", "-1", "min_length"},
    {"/generation/no_repeat_ngram_size", "-1", "no_repeat_ngram_size"},
    {"/generation/no_repeat_ngram_size", "18446744073709551615", "no_repeat_ngram_size"},
    {"/generation/encoder_no_repeat_ngram_size", "\"3\"", "encoder_no_repeat_ngram_size"},
    {"/generation/decoder_start_token_id", nullptr, "decoder_start_token_id' is missing"},
    {"/generation/num_beams", "0", "num_beams"},
    {"/generation/length_penalty", "\"1\"", "length_penalty"},
    {"/generation/early_stopping", "\"no\"", "expected true, false or \"never\""},
    {"/generation/early_stopping", "\"false\"", "early_stopping"},
    {"/passes", "{}", "'passes'"},
    {"/passes", "[1]", "'passes'"},
    {"/checkpoint_hash", nullptr, "'checkpoint_hash' is missing"},
    {"/tokenizer", "{}", "'tokenizer.kind' is missing"},
    {"/tokenizer", "\"marian\"", "an object"},
    {"/levels", "[]", "the manifest lists"},
    {"/levels", "[\"v3\", \"v3\"]", "the manifest lists"},
    {"/levels", "\"v3\"", "'levels'"},
    {"/segments", "[]", "an object"},
    {"/segments", "null", "an object"},
    {"/segments/step", "{}", "a list of at most"},
    {"/segments/step", "[[]]", "'segments.step[0].' must be an object"},
    {"/segments/more", "[]", "unknown key 'segments.more'"},
    {"/segments/step/1/ops", nullptr, "'segments.step[1].ops' is missing"},
    {"/segments/step/1/ops", "\"a\\nb\"", "'segments.step[1].ops'"},
    {"/segments/step/1/side", "\"left\"", "one of encoder, decoder"},
    {"/segments/step/0/layer", "2", "'segments.step[0].layer'"},
    {"/segments/encode/0/layer", "1", "'segments.encode[0].layer'"},
    {"/segments/step/0/layer", "-1", "'segments.step[0].layer'"},
    {"/segments/step/1/weight_bytes", "8193",
     "'segments.step[1].weight_bytes'"},
    {"/segments/step/1/row_madds", "18446744073709551615", "row_madds"},
    {"/segments/step/0/keys/0/from", "\"values\"",
     "one of cache, memory, source"},
    {"/segments/step/1/keys", "7", "'segments.step[1].keys'"},
    {"/segments/step/0/keys/0/bytes", "1099511627777",
     "'segments.step[0].keys[0].bytes'"},
    {"/segments/step/0/keys/0/madds", "0.5",
     "'segments.step[0].keys[0].madds'"},
    {"/segments/step/0/keys/0/more", "0",
     "unknown key 'segments.step[0].keys[0].more'"},
    {"/segments/step/1/extra", "1", "unknown key 'segments.step[1].extra'"},
    {"/weights/list/0/format", "\"int3\"", "'weights.list[0].format' must be one of"},
    {"/weights/list/0/offset", "8193", "'weights.list[0].offset'"},
    {"/weights/list/0/more", "1", "unknown key 'weights.list[0].more'"},
    {"/new_key", "1", "unknown key 'new_key'"},
    // Text from the file must neither break the line nor flood the terminal.
    {"/weights/type", "\"a\\nb\\u001b[31m\"", "'weights.type'"},
    {"/levels", "[\"v3\\nnext line\"]", "'levels'"},
    {"/new\nline", "1", "unknown key"},
};

TEST(Manifest, Edits) {
  for (const Edit &edit : edits) {
    SCOPED_TRACE(testing::Message() << edit.pointer << " = "
                                    << (edit.value ? edit.value : "nothing"));
    Json manifest = fakeManifest();
    Json::json_pointer pointer(edit.pointer);
    if (edit.value)
      manifest[pointer] = Json::parse(edit.value);
    else
      manifest = manifest.patch({{{"op", "remove"}, {"path", edit.pointer}}});
    expectRefused(readWith(manifest.dump()), edit.message);
  }
}

/// A size that is changed together with its table's rows contradicts the table's bytes.
TEST(Manifest, SizesAndRowsMeetTheBytes) {
  Json manifest = fakeManifest();
  manifest["model"]["max_positions"] = 5000;
  manifest["weights"]["list"][2]["rows"] = 5000;
  expectRefused(readWith(manifest.dump()), "'weights.list[2].bytes'");
  manifest["weights"]["list"][2]["bytes"] = 5000 * 40 * 4;
  expectRefused(readWith(manifest.dump()), "800000 bytes from byte 0");
}

/// A model may be an encoder only; then it says nothing of a decoder, and has no step.
TEST(Manifest, AnEncoderOnly) {
  auto readEncoder = [](const Json &json, const std::string &code) {
    return readStatus(buildBundle(fakeParts(json.dump(), code)));
  };
  const Json json = fakeEncoderManifest();
  const std::string encoder = fakeCode(ENCDEC_FAKE_ENCODER);
  Status status = readEncoder(json, encoder);
  EXPECT_TRUE(status.ok()) << status.message();
  auto manifest = runtime::parseManifest(json.dump());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_FALSE(manifest->model.hasDecoder());
  EXPECT_EQ(manifest->memory.statesPerRow, uint64_t(FAKE_STATES_PER_ROW));

  expectRefused(readEncoder(json, fakeCode()), "has no decoder, but the code for");
  expectRefused(readEncoder(fakeManifest(), encoder), "has a decoder, but the code for");
  const Json whole = fakeManifest();
  const std::pair<const char *, Json> additions[] = {
      {"/model/decoder_heads", 2},
      {"/model/vocab_size", 41},
      {"/generation", whole["generation"]},
      {"/memory/cache_per_key", 832},
      {"/memory/memory_per_key", 832},
      {"/memory/step_arena_per_row", 64},
      {"/memory/step_arena_per_key", 4},
      {"/memory/states_per_row", 0},
      {"/segments/step", whole["segments"]["step"]},
      {"/segments/encode/0/side", "decoder"},
      {"/weights/tables/1/role", "target_positions"},
  };
  for (const auto &[pointer, value] : additions) {
    Json more = json;
    more[Json::json_pointer(pointer)] = value;
    if (std::string(pointer) == "/weights/tables/1/role")
      EXPECT_TRUE(readEncoder(more, encoder).ok()); // a table that is merely there
    else
      expectRefused(readEncoder(more, encoder));
  }
}

/// A table of positions may be absent: positions may be computed.
TEST(Manifest, PositionsMayBeComputed) {
  Json manifest = fakeManifest();
  manifest["weights"]["tables"].erase(4);
  manifest["weights"]["tables"].erase(3);
  EXPECT_TRUE(readWith(manifest.dump()).ok());
}

TEST(Manifest, VersionsAreMisfits) {
  for (const char *key : {"format", "abi"}) {
    Json manifest = fakeManifest();
    manifest[key] = 12;
    EXPECT_EQ(readWith(manifest.dump()).code(), Code::DoesNotFit) << key;
  }
}

TEST(Manifest, Texts) {
  std::string good = fakeManifest().dump();
  auto replaced = [&](const std::string &from, const std::string &to) {
    std::string text = good;
    auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  expectRefused(readWith(replaced("\"abi\"", "\"format\":1,\"abi\"")),
                "appears twice");
  expectRefused(readWith(replaced("\"d_model\"", "\"d_model\":40,\"d_model\"")),
                "key \"d_model\" appears twice");
  expectRefused(
      readWith(replaced("\"abi\"", "\"a\\nb\":1,\"a\\nb\":1,\"abi\"")),
      "appears twice");
  expectRefused(readWith(replaced("\"max_length\":30", "\"length_penalty\":1e999")));
  expectRefused(readWith(replaced("\"max_length\":30", "\"length_penalty\":NaN")),
                "not valid JSON");
  expectRefused(readWith(replaced("by hand", "\xff\xfe")), "not valid JSON");
  expectRefused(readWith(replaced("\"by hand\"", std::string(100000, '['))), "deeper");
  expectRefused(readWith(replaced("by hand", std::string(1 << 20, 'x'))), "'producer'");
  expectRefused(readWith(replaced("\"fake\"", "\"" + std::string(500, '\t') + "\"")));
  expectRefused(readWith("{\"" + std::string(100000, 'k') + "\":1," + good.substr(1)),
                "unknown key");
  expectRefused(readWith(good + " x"), "not valid JSON");
  expectRefused(readWith(good + std::string(1, '\0')), "not valid JSON");
  expectRefused(readWith(good.substr(0, good.size() - 1)), "not valid JSON");
  expectRefused(readWith("[]"));
  expectRefused(readWith("7"));
  expectRefused(readWith("null"));
  expectRefused(readWith(" "), "not valid JSON");
  expectRefused(readWith(good + std::string(17 << 20, ' ')), "more than the limit");
}

TEST(Manifest, EveryKeyIsNeeded) {
  const Json whole = fakeManifest();
  for (const auto &[key, value] : whole.items()) {
    Json without = whole;
    without.erase(key);
    if (key == "segments" || key == "shortlists") // those that may be missing
      EXPECT_TRUE(readWith(without.dump()).ok());
    else
      expectRefused(readWith(without.dump()), key);
    if (!value.is_object())
      continue;
    for (const auto &[inner, unused] : value.items()) {
      Json less = whole;
      less[key].erase(inner);
      if (key == "generation" && inner != "decoder_start_token_id") // options are optional
        EXPECT_TRUE(readWith(less.dump()).ok()) << inner;
      else
        expectRefused(readWith(less.dump()), key + "." + inner);
    }
  }
}

TEST(Manifest, Values) {
  auto manifest = runtime::parseManifest(fakeManifest().dump());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  EXPECT_EQ(manifest->model.maxPositions, uint64_t(FAKE_POSITIONS));
  EXPECT_EQ(manifest->memory.cacheHeadSize, uint64_t(FAKE_HEAD_SIZE));
  EXPECT_EQ(manifest->generation.eos_token_id, std::vector<int32_t>{0});
  EXPECT_FALSE(manifest->generation.forced_bos_token_id);
}

TEST(Manifest, Segments) {
  using From = runtime::SegmentInfo::Keys::From;
  auto manifest = runtime::parseManifest(fakeManifest().dump());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  ASSERT_EQ(manifest->encodeSegments.size(), 2u);
  ASSERT_EQ(manifest->encodeSegments[0].keys.size(), 1u);
  EXPECT_EQ(manifest->encodeSegments[0].keys[0].from, From::Source);
  EXPECT_TRUE(manifest->encodeSegments[1].keys.empty());
  EXPECT_FALSE(manifest->encodeSegments[1].layer);
  ASSERT_EQ(manifest->stepSegments.size(), 2u);
  const runtime::SegmentInfo &first = manifest->stepSegments[0];
  EXPECT_EQ(first.ops, "append+mix");
  EXPECT_TRUE(first.decoder);
  EXPECT_EQ(first.layer, 1u);
  ASSERT_EQ(first.keys.size(), 1u);
  EXPECT_EQ(first.keys[0].from, From::Cache);
  EXPECT_EQ(first.keys[0].bytes, 10u);
  EXPECT_EQ(manifest->stepSegments[1].weightBytes, 64u);
}

TEST(Manifest, Shortlists) {
  Json json = fakeManifest();
  const Json table = json["weights"]["list"][1]; // target
  Json tokens = Json::array();
  for (uint64_t i = 0; i < table["rows"].get<uint64_t>(); ++i)
    tokens.push_back(i);
  const Json list = {
      {"name", "fr"}, {"weight", table["name"]}, {"step_bytes", 64}, {"tokens", tokens}};
  json["shortlists"] = {list};
  auto manifest = runtime::parseManifest(json.dump());
  ASSERT_TRUE(manifest.ok()) << manifest.status().message();
  ASSERT_EQ(manifest->shortlists.size(), 1u);
  EXPECT_EQ(manifest->shortlists[0].tokens.size(), tokens.size());
  EXPECT_EQ(*runtime::findShortlist(*manifest, "fr"), 1u);

  Json twice = json;
  twice["shortlists"].push_back(list);
  expectRefused(readWith(twice.dump()), "two shortlists are called 'fr'");
  const std::tuple<const char *, Json, const char *> changes[] = {
      {"/shortlists/0/tokens/0", 3, "ids in another order"},
      {"/shortlists/0/tokens/1", FAKE_VOCABULARY, "must be an integer from 0 to"},
      {"/shortlists/0/tokens", Json::array(), "has no token"},
      {"/shortlists/0/tokens", Json::array({1}), "no weight"},
      {"/shortlists/0/weight", "other", "no weight 'other' of so many rows"},
      {"/shortlists/0/step_bytes", -1, "step_bytes"},
      {"/shortlists/0/more", 1, "unknown key"},
      {"/shortlists", 7, "a list of at most"}};
  for (const auto &[pointer, value, message] : changes) {
    Json changed = json;
    changed[Json::json_pointer(pointer)] = value;
    expectRefused(readWith(changed.dump()), message);
  }
  Json segment = json;
  segment["segments"]["step"][0]["shortlist"] = 2;
  expectRefused(readWith(segment.dump()), "shortlist");
}

TEST(Manifest, TooManySegments) {
  Json json = fakeManifest();
  Json one = json["segments"]["step"][0];
  json["segments"]["step"] = Json::array();
  for (int i = 0; i <= 65536; ++i)
    json["segments"]["step"].push_back(one);
  expectRefused(readWith(json.dump()), "a list of at most 65536");
}

TEST(Manifest, TooManyLevels) {
  Json json = fakeManifest();
  for (int i = 0; i < 100; ++i)
    json["levels"].push_back(std::string(200, 'v'));
  expectRefused(readWith(json.dump()), "the manifest lists code for 'v3, vvv");
}

/// Every head size is found again from its bytes per key.
TEST(Manifest, HeadSizeFromBytes) {
  for (auto [type, element] : {std::pair("f32", 4), {"bf16", 2}})
    for (uint64_t head = 1; head <= 300; ++head) {
      uint64_t bytes =
          FAKE_LAYERS * FAKE_HEADS * element * (head + (head + 15) / 16 * 16);
      Json json = fakeManifest();
      json["memory"]["cache_per_key"] = json["memory"]["memory_per_key"] = bytes;
      json["memory"]["key_type"] = type;
      auto manifest = runtime::parseManifest(json.dump());
      ASSERT_TRUE(manifest.ok()) << head << ": " << manifest.status().message();
      EXPECT_EQ(manifest->memory.cacheHeadSize, head);
    }
}

} // namespace
