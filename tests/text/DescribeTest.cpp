//===- DescribeTest.cpp - tokenizer files, sound and hostile, as descriptions
//===//
//
// What ids the descriptions give is TokenizerGoldenTest.cpp's matter.

#include "compiler/tokenizer/Describe.h"
#include "tests/text/ModelWriter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>

using namespace encdec;
using namespace encdec::tokenizer;

namespace {

using Files = std::map<std::string, std::string>;

Folder folderOf(const Files &files) {
  return {[files](const std::string &name) { return files.contains(name); },
          [files](const std::string &name) -> Result<std::string> {
            return files.at(name);
          }};
}

Result<Described> describe(const Files &files, const Options &options = {}) {
  return describeTokenizer(folderOf(files), options);
}

/// The description of files that are sound.
TokenizerDescription sound(const Files &files, const Options &options = {}) {
  auto described = describe(files, options);
  EXPECT_TRUE(described.ok()) << described.status().message();
  if (!described.ok() || !described->description)
    return {};
  return *described->description;
}

/// The message with which files are refused: a sentence for exit code 3.
std::string refusal(const Files &files, const Options &options = {}) {
  const auto described = describe(files, options);
  if (described.ok())
    return "accepted";
  EXPECT_EQ(described.status().code(), Code::BadModel)
      << described.status().message();
  return described.status().message();
}

void expectIn(const std::string &text,
              std::initializer_list<const char *> parts) {
  for (const char *part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks " << part;
}

/// A tokenizer.json that is sound, with some of its parts replaced.
struct Json {
  std::string
      normalizer = "null",
      preTokenizer = R"({"type":"Metaspace"})",
      decoder = R"({"type":"Metaspace"})", postProcessor = "null", added = "[]",
      model =
          R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0],["▁a",-1],["b",-2]]})";
  std::string text() const {
    return R"({"version":"1.0","added_tokens":)" + added + R"(,"normalizer":)" +
           normalizer + R"(,"pre_tokenizer":)" + preTokenizer +
           R"(,"post_processor":)" + postProcessor + R"(,"decoder":)" +
           decoder + R"(,"model":)" + model + "}";
  }
  Files files() const {
    return {{"tokenizer.json", text()},
            {"tokenizer_config.json",
             R"({"tokenizer_class":"PreTrainedTokenizerFast"})"}};
  }
};

const std::string bpe =
    R"({"type":"BPE","unk_token":"<unk>","vocab":{"<unk>":0,"a":1,"b":2,"ab":3},"merges":)";

Files t5(const std::string &config =
             R"({"tokenizer_class":"T5Tokenizer","extra_ids":3})") {
  return {{"spiece.model", test::smallModel()},
          {"tokenizer_config.json", config}};
}

} // namespace

TEST(Choose, ClassThenTypeThenFiles) {
  const std::string spm = test::smallModel();
  EXPECT_EQ(sound(t5(R"({"tokenizer_class":"T5TokenizerFast"})")).kind, "t5");
  EXPECT_EQ(
      sound({{"spiece.model", spm}, {"config.json", R"({"model_type":"mt5"})"}})
          .kind,
      "t5");
  EXPECT_EQ(
      sound({{"spiece.model", spm},
             {"tokenizer_config.json", R"({"tokenizer_class":"T5Tokenizer"})"},
             {"config.json", R"({"model_type":"umt5"})"}})
          .kind,
      "umt5");
  EXPECT_EQ(
      sound({{"vocab.json",
              R"({"<s>":0,"</s>":1,"a":2,"<pad>":3,"<unk>":4,"<mask>":5})"},
             {"merges.txt", "#version: 0.2\n"}})
          .kind,
      "bart");
  expectIn(refusal({{"spiece.model", spm}}), {"pegasus, t5", "--tokenizer"});
  EXPECT_EQ(sound({{"spiece.model", spm}}, {"t5"}).kind, "t5");
  expectIn(refusal({{"spiece.model", spm},
                    {"tokenizer_config.json", R"({"tokenizer_class":"Own"})"}}),
           {"tokenizer_config.json", "tokenizer_class", "\"Own\"", "nllb"});
  const auto unknown = describe(t5(), {"t6"});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.status().code(), Code::Usage);
  expectIn(unknown.status().message(), {"t6", "t5"});
}

TEST(Choose, MissingFilesLeaveNoTokenizer) {
  const auto nothing =
      describe({{"config.json", R"({"model_type":"marian"})"}});
  ASSERT_TRUE(nothing.ok());
  EXPECT_FALSE(nothing->description);
  EXPECT_EQ(nothing->missing, (std::vector<std::string>{
                                  "source.spm", "target.spm", "vocab.json"}));
  expectIn(refusal({{"config.json", "{}"}}, {"marian"}),
           {"source.spm", "missing"});
}

TEST(Choose, ATokenizerThatNoFileDescribesIsRefusedWithTheReason) {
  const Files files = {{"config.json", R"({"model_type":"blenderbot-small"})"}};
  const auto refused = describe(files);
  ASSERT_TRUE(refused.ok()) << refused.status().message();
  EXPECT_FALSE(refused->description);
  expectIn(refused->refused, {"blenderbot_small is not supported: ", "</w>"});
  expectIn(refusal(files, {"blenderbot_small"}),
           {"tokenizer blenderbot_small is not supported: ", "</w>"});
  const std::string unknown =
      refusal({{"tokenizer_config.json", R"({"tokenizer_class":"Own"})"}});
  EXPECT_EQ(unknown.find("blenderbot_small"), unknown.npos) << unknown;
}

TEST(Describe, SentinelsStandBehindThePiecesInReverse) {
  const TokenizerDescription made = sound(t5());
  const auto &names = made.vocabularies.at(0).names;
  ASSERT_EQ(names.size(),
            8 + 3 + 1u); // pieces, sentinels, <pad>, which the model lacks
  EXPECT_EQ(names[8].first, "<extra_id_2>");
  EXPECT_EQ(names[10].first, "<extra_id_0>");
  for (const AddedToken &token : made.pipelines.at(0).addedTokens)
    EXPECT_EQ(token.always, token.text.starts_with("<extra_id_")) << token.text;
}

TEST(Describe, TrainedBehaviourIsTheDefault) {
  // The unknown piece is number 0, and the reference takes number 2 for it.
  const TokenizerDescription trained = sound(t5());
  EXPECT_EQ(trained.pipelines.at(0).model.unkId, 0);
  EXPECT_TRUE(std::holds_alternative<SentencePieceNormalizer>(
      trained.pipelines.at(0).normalizers.at(0)));
  const TokenizerDescription reference = sound(t5(), {"", As::Transformers});
  EXPECT_EQ(reference.pipelines.at(0).model.unkId, 2);
  EXPECT_EQ(reference.pipelines.at(0).preTokenizers.size(), 2u);
}

TEST(Describe, ControlTokensAreNoPiecesOfText) {
  const TokenizerDescription made = sound(t5());
  for (const PieceDescription &piece : made.pipelines.at(0).model.pieces)
    if (piece.text == "</s>" || piece.text == "<s>")
      EXPECT_EQ(piece.type, PieceType::Control) << piece.text;
}

TEST(Describe, LanguagesHaveIsoAliases) {
  const std::string vocab = R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"▁a":4})";
  const TokenizerDescription made =
      sound({{"sentencepiece.bpe.model", test::smallModel()},
             {"vocab.json", vocab},
             {"tokenizer_config.json",
              R"({"tokenizer_class":"M2M100Tokenizer","tgt_lang":"de"})"}});
  ASSERT_EQ(made.languages.languages.size(), 100u);
  const auto french = std::ranges::find(made.languages.languages, "fr",
                                        &LanguageDescription::code);
  ASSERT_NE(french, made.languages.languages.end());
  EXPECT_EQ(french->aliases, (std::vector<std::string>{"fra", "__fr__"}));
  EXPECT_EQ(made.languages.languages.at(0).id, 5); // behind the vocabulary
  EXPECT_TRUE(made.languages.forcedFirst);
  EXPECT_EQ(
      made.languages.languages.at(size_t(made.languages.defaultSource)).code,
      "en");
  EXPECT_EQ(
      made.languages.languages.at(size_t(made.languages.defaultTarget)).code,
      "de");
  ASSERT_EQ(made.source.prefix.size(), 1u);
  EXPECT_EQ(made.source.prefix[0].kind, TemplateItem::Kind::SourceLanguage);
}

TEST(Describe, LanguagesOfAGroupHaveItsAlias) {
  const TokenizerDescription made =
      sound({{"sentencepiece.bpe.model", test::smallModel()},
             {"tokenizer_config.json", R"({"tokenizer_class":"NllbTokenizer"})"}});
  using Aliases = std::vector<std::string>;
  for (const auto &[code, aliases] :
       {std::pair("nob_Latn", Aliases{"nob", "nb", "no"}),
        std::pair("nno_Latn", Aliases{"nno", "nn", "no"}),
        std::pair("fra_Latn", Aliases{"fra", "fr"})}) {
    const auto at =
        std::ranges::find(made.languages.languages, code, &LanguageDescription::code);
    ASSERT_NE(at, made.languages.languages.end()) << code;
    EXPECT_EQ(at->aliases, aliases) << code;
  }
}

TEST(Describe, AStartThatIsALanguageIsReplacedNotForced) {
  Files files = {
      {"sentencepiece.bpe.model", test::smallModel()},
      {"tokenizer_config.json", R"({"tokenizer_class":"MBartTokenizer"})"},
      {"config.json", R"({"decoder_start_token_id":2})"}};
  EXPECT_TRUE(sound(files).languages.forcedFirst);
  EXPECT_FALSE(sound(files).languages.decoderStart);
  files["config.json"] = R"({"decoder_start_token_id":9})"; // ar_AR
  EXPECT_FALSE(sound(files).languages.forcedFirst);
  EXPECT_TRUE(sound(files).languages.decoderStart);
  files["tokenizer_config.json"] =
      R"({"tokenizer_class":"MBartTokenizer","src_lang":"xx"})";
  expectIn(refusal(files), {"tokenizer_config.json", "src_lang", "xx"});
}

TEST(Describe, AddedTokensGetTheNextIds) {
  Json json;
  json.added =
      R"([{"id":0,"content":"<unk>","special":true},{"id":3,"content":"c","special":false}])";
  const TokenizerDescription made = sound(json.files());
  EXPECT_EQ(made.vocabularies.at(0).names.back(),
            (std::pair<std::string, int32_t>("c", 3)));
  json.added = R"([{"id":7,"content":"c","special":false}])";
  expectIn(refusal(json.files()), {"\"c\"", "7", "3"});
  json.added = R"([{"id":2,"content":"▁a","special":false}])";
  expectIn(refusal(json.files()), {"▁a", "2", "1"});
}

TEST(TokenizerJson, UnknownStagesAreRefusedByPath) {
  Json json;
  json.normalizer =
      R"({"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"BertNormalizer"}]})";
  expectIn(refusal(json.files()),
           {"tokenizer.json", "normalizer.normalizers[1]", "BertNormalizer",
            "Precompiled"});
  json = {.preTokenizer = R"({"type":"Whitespace"})"};
  expectIn(refusal(json.files()),
           {"tokenizer.json", "pre_tokenizer", "Whitespace"});
  json = {.decoder = R"({"type":"WordPiece"})"};
  expectIn(refusal(json.files()), {"tokenizer.json", "decoder", "WordPiece"});
  json = {.decoder = "null"};
  expectIn(refusal(json.files()), {"tokenizer.json", "decoder", "null"});
  json = {.postProcessor = R"({"type":"Other"})"};
  expectIn(refusal(json.files()),
           {"tokenizer.json", "post_processor", "Other"});
  json = {.preTokenizer = R"({"type":"Metaspace","depth":3})"};
  expectIn(refusal(json.files()), {"pre_tokenizer", "\"depth\""});
  json = {.model = R"({"type":"WordPiece","vocab":{"a":0}})"};
  expectIn(refusal(json.files()),
           {"tokenizer.json", "model", "\"type\"", "WordPiece"});
}

TEST(TokenizerJson, PartsOfAnotherTypeAreRefusedByPath) {
  const char *replace = R"({"type":"Replace","content":"b","pattern":)";
  const std::pair<const char *, std::string> normalizers[] = {
      {"expected an object with a type", "5"},
      {"\"type\": expected a string", R"({"type":7})"},
      {"\"normalizers\": expected an array", R"({"type":"Sequence","normalizers":{}})"},
      {"\"content\": expected a string, found nothing",
       R"({"type":"Replace","pattern":{"String":"a"}})"},
      {"\"content\": expected a string, found 5",
       R"({"type":"Replace","pattern":{"String":"a"},"content":5})"},
      {"\"pattern\": expected either", R"({"type":"Replace","content":"b"})"},
      {"\"pattern\": expected either", replace + std::string("\"a\"}")},
      {"\"pattern\": expected either", replace + std::string(R"({"String":"a","Regex":"a"}})")},
      {"\"pattern\": expected either", replace + std::string(R"({"String":""}})")},
      {"\"pattern\": expected either", replace + std::string(R"({"Regex":["a"]}})")},
      {"\"pattern\": expected either", replace + std::string(R"({"Glob":"a"}})")},
      {"\"prepend\": expected a string, found nothing", R"({"type":"Prepend"})"},
      {"\"strip_left\": expected true or false", R"({"type":"Strip","strip_left":1})"},
      {"precompiled_charsmap", R"({"type":"Precompiled","precompiled_charsmap":[]})"}};
  for (const auto &[says, normalizer] : normalizers) {
    Json json;
    json.normalizer = normalizer;
    expectIn(refusal(json.files()), {"tokenizer.json: normalizer", says});
  }
  const std::pair<const char *, Json> others[] = {
      {"tokenizer.json: key \"added_tokens\": expected an array, found 5", {.added = "5"}},
      {"tokenizer.json: key \"added_tokens\": expected an array", {.added = "{}"}},
      {"added_tokens[0]: expected a string or an object, found 5", {.added = "[5]"}},
      {"added_tokens[0]: key \"id\": expected an id from 0 to 3999999, found \"3\"",
       {.added = R"([{"id":"3","content":"c"}])"}},
      {"added_tokens[0]: key \"id\": expected an id from 0 to 3999999, found nothing",
       {.added = R"([{"content":"c"}])"}},
      {"added_tokens[0]: key \"special\": expected true or false",
       {.added = R"([{"id":3,"content":"c","special":"no"}])"}},
      {"pre_tokenizer: expected an object", {.preTokenizer = "[]"}},
      {"pre_tokenizer: key \"split\": expected true or false",
       {.preTokenizer = R"({"type":"Metaspace","split":0})"}},
      {"decoder: key \"split\": expected true or false",
       {.decoder = R"({"type":"Metaspace","split":0})"}},
      {"decoder: key \"content\": expected a string, found nothing",
       {.decoder = R"({"type":"Replace","pattern":{"String":"a"}})"}},
      {"decoder.decoders[1]: key \"start\": expected a whole number",
       {.decoder = R"({"type":"Sequence","decoders":[{"type":"Fuse"},)"
                   R"({"type":"Strip","content":" ","start":"1"}]})"}},
      {"post_processor: key \"single\": expected an array",
       {.postProcessor = R"({"type":"TemplateProcessing","single":"$A"})"}},
      {"post_processor: key \"special_tokens\": expected an object",
       {.postProcessor = R"({"type":"TemplateProcessing","special_tokens":5,)"
                         R"("single":[{"Sequence":{"id":"A"}}]})"}},
      {"post_processor.single[0]: expected a SpecialToken, or Sequence A",
       {.postProcessor = R"({"type":"TemplateProcessing","special_tokens":{},)"
                         R"("single":[{"Sequence":{"id":"A"},"SpecialToken":{"id":"a"}}]})"}},
      {"post_processor: key \"sep\": expected [token, id]",
       {.postProcessor = R"({"type":"BertProcessing","sep":[1,1],"cls":["a",1]})"}},
      {"post_processor: key \"use_regex\": expected true or false",
       {.postProcessor = R"({"type":"ByteLevel","use_regex":1})"}},
      {"tokenizer.json: key \"model\": expected an object", {.model = "5"}},
      {"model: key \"byte_fallback\": expected true or false",
       {.model = R"({"type":"Unigram","vocab":[["a",0]],"byte_fallback":1})"}},
      {"model: key \"type\": expected a string",
       {.model = R"({"type":1,"vocab":[["a",0]]})"}},
      {"model: key \"dropout\": expected null",
       {.model = R"({"type":"BPE","vocab":{"a":0},"merges":[],"dropout":0.1})"}},
      {"model.vocab: expected an array of Unigram's pairs",
       {.model = R"({"type":"Unigram","vocab":{"a":0}})"}},
      {"model.vocab: expected an object of BPE's pieces",
       {.model = R"({"type":"BPE","vocab":[["a",0]],"merges":[]})"}},
      {"model.merges: expected an array of BPE's merges, found nothing",
       {.model = R"({"type":"BPE","vocab":{"a":0}})"}},
      {"model: key \"merges\" is not supported for Unigram",
       {.model = R"({"type":"Unigram","vocab":[["a",0]],"merges":[]})"}}};
  for (const auto &[says, json] : others)
    expectIn(refusal(json.files()), {"tokenizer.json", says});
}

TEST(TokenizerJson, ItsStagesAreThoseOfTheClassWhereThatHasItsOwn) {
  // As in the reference, T5's class takes the character map out of the file, not the
  // stages, so one that would be refused elsewhere changes nothing.
  Json json;
  json.model = R"({"type":"Unigram","unk_id":2,)"
               R"("vocab":[["<pad>",0],["</s>",0],["<unk>",0],["▁a",-1]]})";
  Files files = json.files();
  files["tokenizer_config.json"] = R"({"tokenizer_class":"T5Tokenizer","extra_ids":0})";
  const TokenizerDescription plain = sound(files);
  json.normalizer = R"({"type":"BertNormalizer"})";
  json.preTokenizer = json.decoder = json.postProcessor = R"({"type":"Whitespace"})";
  files["tokenizer.json"] = json.text();
  const TokenizerDescription other = sound(files);
  EXPECT_EQ(other.pipelines.at(0).normalizers.size(), 0u);
  EXPECT_EQ(other.pipelines.at(0).preTokenizers.size(),
            plain.pipelines.at(0).preTokenizers.size());
  EXPECT_EQ(other.decoder.stages.size(), plain.decoder.stages.size());
  EXPECT_EQ(other.source.suffix.size(), 1u);
}

TEST(TokenizerJson, RegexesThatCouldBlowUpAreRefused) {
  for (const char *regex :
       {"(a+)+$", "(?:a|a)*", "a*", ".*", "\\\\p{L}+", "[^a]", "[a-z]+",
        "a{1,}{1,}", "a{99999}", "\\\\1", "(", "[", "a|", "{2,}", "\\\\"}) {
    Json json;
    json.normalizer =
        std::string(R"({"type":"Replace","content":"","pattern":{"Regex":")") +
        regex + R"("}})";
    expectIn(refusal(json.files()), {"tokenizer.json: normalizer", "regex"});
  }
}

TEST(TokenizerJson, PatternsOfTheFamiliesAreRead) {
  Json json;
  json.normalizer =
      R"({"type":"Replace","content":" ","pattern":{"Regex":"\\s{2,}|[\\n\\r\\t]| {2,}|\n|ab\\.c"}})";
  const TokenizerDescription made = sound(json.files());
  const auto &replace =
      std::get<ReplaceNormalizer>(made.pipelines.at(0).normalizers.at(0));
  ASSERT_EQ(replace.alternatives.size(), 5u);
  using Kind = ReplacePattern::Kind;
  EXPECT_EQ(replace.alternatives[0].kind, Kind::Whitespace);
  EXPECT_EQ(replace.alternatives[0].atLeast, 2u);
  EXPECT_EQ(replace.alternatives[0].atMost, 0u);
  EXPECT_EQ(replace.alternatives[1].kind, Kind::Class);
  EXPECT_EQ(replace.alternatives[1].text, "\n\r\t");
  EXPECT_EQ(replace.alternatives[2].text, " ");
  EXPECT_EQ(replace.alternatives[3].text, "\n");
  EXPECT_EQ(replace.alternatives[4].kind, Kind::Literal);
  EXPECT_EQ(replace.alternatives[4].text, "ab.c");
}

TEST(TokenizerJson, MergesMustNamePieces) {
  Json json{.preTokenizer = "null",
            .model = bpe + R"([["a","b"]]})"};
  EXPECT_EQ(sound(json.files()).pipelines.at(0).model.merges.size(), 1u);
  json.model = bpe + R"(["a b","b a"]})";
  expectIn(refusal(json.files()),
           {"tokenizer.json", "model.merges[1]", "\"ba\""});
  json.model = bpe + R"([["a","c"]]})";
  expectIn(refusal(json.files()), {"model.merges[0]", "\"c\""});
  json.model = bpe + R"(["a b c"]})";
  expectIn(refusal(json.files()), {"model.merges[0]", "a b c"});
  json.model = bpe + R"([["a","b","c"]]})";
  expectIn(refusal(json.files()), {"model.merges[0]"});
  json.model = bpe + "7}";
  expectIn(refusal(json.files()), {"model.merges"});
}

TEST(TokenizerJson, VocabulariesAreOneToOne) {
  Json json;
  for (
      const auto &[model, part] :
      {std::pair(R"({"type":"Unigram","unk_id":0,"vocab":[["a",0],["a",-1]]})",
                 "\"a\""),
       std::pair(R"({"type":"Unigram","unk_id":9,"vocab":[["a",0]]})",
                 "unk_id"),
       std::pair(R"({"type":"Unigram","unk_id":0,"vocab":[]})", "model.vocab"),
       std::pair(R"({"type":"Unigram","unk_id":0,"vocab":[["a"]]})",
                 "model.vocab[0]"),
       std::pair(R"({"type":"Unigram","unk_id":0,"vocab":[["a",0,1]]})",
                 "model.vocab[0]"),
       std::pair(R"({"type":"Unigram","unk_id":0,"vocab":[["a",1e999]]})",
                 "tokenizer.json"),
       std::pair(R"({"type":"BPE","vocab":{"a":0,"b":0},"merges":[]})",
                 "\"b\""),
       std::pair(R"({"type":"BPE","vocab":{"a":-1},"merges":[]})", "\"a\""),
       std::pair(R"({"type":"BPE","vocab":{"a":4000000},"merges":[]})",
                 "\"a\""),
       std::pair(
           R"({"type":"BPE","vocab":{"a":0},"merges":[],"unk_token":"u"})",
           "unk_token"),
       std::pair(
           R"({"type":"BPE","vocab":{"a":0},"merges":[],"end_of_word_suffix":"w"})",
           "end_of_word_suffix"),
       std::pair(
           R"({"type":"Unigram","unk_id":0,"byte_fallback":true,"vocab":[["<0x-1>",0]]})",
           "256 byte pieces")}) {
    json.model = model;
    expectIn(refusal(json.files()), {part});
  }
}

TEST(TokenizerJson, ManyAddedTokensTakeLinearTime) {
  auto files = [](int count) {
    std::string list;
    for (int i = 0; i < count; ++i)
      list += (i ? ",\"t" : "\"t") + std::to_string(i) + "\"";
    return Files{{"spiece.model", test::smallModel()},
                 {"tokenizer_config.json",
                  R"({"tokenizer_class":"T5Tokenizer","extra_ids":0,)"
                  R"("additional_special_tokens":[)" +
                      list + "]}"}};
  };
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(sound(files(100'000)).pipelines.at(0).addedTokens.size(), 100'000u);
  const std::chrono::duration<double> time =
      std::chrono::steady_clock::now() - start;
  EXPECT_LT(time.count(), 10); // a tenth of that, unless it is quadratic
  expectIn(refusal(files(100'001)),
           {"tokenizer_config.json", "additional_special_tokens", "100000"});
}

TEST(Settings, BadValuesAreNamed) {
  const std::string front = R"({"tokenizer_class":"T5Tokenizer",)";
  for (const auto &[config, part] :
       {std::pair(R"("extra_ids":-1})", "extra_ids"),
        std::pair(R"("added_tokens_decoder":{"x":{"content":"a"}}})",
                  "added_tokens_decoder"),
        std::pair(R"("added_tokens_decoder":{"0":{"content":""}}})",
                  "added_tokens_decoder"),
        std::pair(R"("added_tokens_decoder":{"99":{"content":"a"}}})", "99"),
        std::pair(R"("added_tokens_decoder":[]})", "added_tokens_decoder"),
        std::pair(R"("additional_special_tokens":[3]})",
                  "additional_special_tokens"),
        std::pair(R"("eos_token":{"content":"</s>","lstrip":1}})", "lstrip"),
        std::pair(R"("eos_token":{"lstrip":true}})",
                  "key \"eos_token\": expected a token of 1 to"),
        std::pair(R"("pad_token":false})", "key \"pad_token\": expected a string or"),
        std::pair(R"("additional_special_tokens":{}})",
                  "key \"additional_special_tokens\": expected an array"),
        std::pair(R"("extra_special_tokens":"a"})",
                  "key \"extra_special_tokens\": expected an array"),
        std::pair(R"("clean_up_tokenization_spaces":3})",
                  "clean_up_tokenization_spaces")})
    expectIn(refusal(t5(front + config)), {part});
  expectIn(refusal(t5(R"({"tokenizer_class":7})")),
           {"tokenizer_config.json: key \"tokenizer_class\": expected a string, found 7"});
  expectIn(refusal({{"tokenizer_config.json",
                     R"({"tokenizer_class":"PLBartTokenizer","language_codes":1})"},
                    {"sentencepiece.bpe.model", test::smallModel()}}),
           {"tokenizer_config.json: key \"language_codes\": expected a string, found 1"});
  Files files = t5();
  for (const char *key : {"tokenizer_class", "model_type"}) {
    files["config.json"] = std::string("{\"") + key + "\":[]}";
    expectIn(refusal(files), {"config.json: key ", key, "expected a string"});
  }
  for (const char *name : {"config.json", "generation_config.json"}) {
    files = t5();
    files[name] = R"({"decoder_start_token_id":"a"})";
    expectIn(refusal(files), {name, "key \"decoder_start_token_id\": expected"});
    files[name] = R"({"decoder_start_token_id":[1]})";
    EXPECT_EQ(sound(files).kind, "t5");
  }
  files = t5();
  files["special_tokens_map.json"] = "[]";
  expectIn(refusal(files), {"special_tokens_map.json"});
  files = t5();
  files["added_tokens.json"] = R"({"a":"b"})";
  expectIn(refusal(files), {"added_tokens.json", "\"a\""});
}

TEST(Settings, EmptyFilesAreDamage) {
  for (const char *name : {"tokenizer_config.json", "special_tokens_map.json",
                           "added_tokens.json", "config.json",
                           "generation_config.json", "spiece.model"}) {
    Files files = t5();
    files[name] = "";
    expectIn(refusal(files), {name, ": the file is empty"});
  }
  const std::string vocabulary =
      R"({"<s>":0,"</s>":1,"a":2,"<pad>":3,"<unk>":4,"<mask>":5})";
  expectIn(refusal({{"vocab.json", vocabulary}, {"merges.txt", ""}}),
           {"merges.txt: the file is empty"});
  expectIn(refusal({{"vocab.json", ""}, {"merges.txt", "a b"}}),
           {"vocab.json: the file is empty"});
}

TEST(MergesText, LinesAreChecked) {
  auto files = [](const std::string &merges) {
    return Files{
        {"vocab.json",
         R"({"<s>":0,"</s>":1,"a":2,"b":3,"ab":4,"<pad>":5,"<unk>":6})"},
        {"merges.txt", merges},
        {"tokenizer_config.json", R"({"tokenizer_class":"BartTokenizer"})"}};
  };
  EXPECT_EQ(
      sound(files("#version: 0.2\na b\n")).pipelines.at(0).model.merges.size(),
      1u);
  EXPECT_EQ(sound(files("a b\r\na b")).pipelines.at(0).model.merges.size(), 1u);
  expectIn(refusal(files("a b\n\n")), {"merges.txt", "line 2"});
  expectIn(refusal(files("a b c")), {"merges.txt", "line 1"});
  expectIn(refusal(files("a\xFF b")), {"merges.txt", "line 1"});
  expectIn(refusal(files("a c")), {"merges.txt", "\"c\" is not in vocab.json"});
  Files bad = files("a b");
  bad["vocab.json"] = R"({"a":[]})";
  expectIn(refusal(bad), {"vocab.json", "\"a\""});
  for (const char *vocabulary : {"{}", R"({"":0})", R"({"a":0,"b":0})"}) {
    bad["vocab.json"] = vocabulary; // its own mistake, not one of the merges
    EXPECT_TRUE(refusal(bad).starts_with("vocab.json: ")) << refusal(bad);
  }
}

TEST(TokenizerFiles, AllAreSound) {
  EXPECT_GE(tokenizerFiles().size(), 15u);
  for (const EmbeddedFile &file : tokenizerFiles())
    EXPECT_TRUE(parseTokenizerFile(file).ok()) << file.name;
}
