//===- TokenizerFolder.cpp - the tokenizer files of a checkpoint folder ---===//
//
// Three targets, one for each form of a vocabulary that is JSON or text and one
// for the settings beside it. What the readers accept must become a table that
// the runtime opens, and texts must go to ids of the vocabulary and back.

#include "compiler/tokenizer/Describe.h"
#include "compiler/tokenizer/Table.h"
#include "runtime/base/Utf8.h"
#include "runtime/text/Tokenizer.h"
#include "tests/fuzz/Fuzz.h"
#include "tests/text/ModelWriter.h"

#include <algorithm>
#include <ctime>
#include <map>

namespace encdec::fuzz {

using Files = std::map<std::string, std::string>;

/// Reads the files and tries what they describe. Whether they were accepted.
static bool tryFolder(const Files &files, const tokenizer::Options &options) {
  const tokenizer::Folder folder = {
      [&](const std::string &name) { return files.contains(name); },
      [&](const std::string &name) -> Result<std::string> {
        return files.at(name);
      }};
  const std::clock_t start = std::clock();
  auto described = tokenizer::describeTokenizer(folder, options);
  require(double(std::clock() - start) / CLOCKS_PER_SEC < 2,
          "time linear in the files");
  if (!described.ok()) {
    requireSentence(described.status().message());
    return false;
  }
  if (!described->description)
    return false;
  auto table = tokenizer::writeTable(*described->description);
  if (!table.ok()) {
    requireSentence(table.status().message());
    return false;
  }
  auto tokenizer = Tokenizer::open(
      {reinterpret_cast<const uint8_t *>(table->data()), table->size()});
  require(tokenizer.ok(), "a table that the runtime opens");
  for (const char *text :
       {"", "a b ab  \u2581 </s><extra_id_0> \xFF fi\u00e9\U0001F600<0x41>"})
    for (const bool special : {false, true})
      for (const bool target : {false, true}) {
        auto encoding = tokenizer->encode(text, {.parseSpecialTokens = special,
                                                 .targetSide = target,
                                                 .offsets = true});
        require(encoding.ok(), "any short text has ids");
        require(encoding->offsets.size() == encoding->ids.size(),
                "an offset for each id");
        require(std::ranges::all_of(encoding->ids,
                                    [](int32_t id) { return id >= 0; }),
                "ids");
        auto decoded = tokenizer->decode(encoding->ids);
        require(decoded.ok() && isValidUtf8(*decoded), "ids are text again");
      }
  return true;
}

static const tokenizer::Options trained = {},
                                reference = {"", tokenizer::As::Transformers};

static std::vector<std::string> jsonSeeds() {
  std::vector<std::string> seeds;
  for (
      const char *stages :
      {R"("normalizer":null,"pre_tokenizer":{"type":"Metaspace"},"post_processor":null,"decoder":{"type":"Metaspace","replacement":"▁","add_prefix_space":true})",
       R"("normalizer":{"type":"Sequence","normalizers":[{"type":"Replace","pattern":{"Regex":"\\s{2,}|[\\n\\r\\t]"},"content":" "},{"type":"NFC"},{"type":"Strip","strip_left":false,"strip_right":true}]},"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Metaspace","replacement":"▁","prepend_scheme":"always","split":true}]},"post_processor":{"type":"TemplateProcessing","single":[{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"</s>","type_id":0}}],"pair":[],"special_tokens":{"</s>":{"id":"</s>","ids":[1],"tokens":["</s>"]}}},"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]})"})
    for (
        const char *model :
        {R"({"type":"Unigram","unk_id":0,"vocab":[["<unk>",0.0],["</s>",0.0],["▁a",-1.5],["b",-2],["▁",-3]]})",
         R"({"type":"BPE","unk_token":"<unk>","fuse_unk":true,"vocab":{"<unk>":0,"</s>":1,"a":2,"b":3,"ab":4,"▁":5},"merges":["a b"]})",
         R"({"type":"BPE","vocab":{"<unk>":0,"</s>":1,"a":2,"b":3,"ab":4},"merges":[["a","b"]]})"})
      seeds.push_back(
          std::string(
              R"({"version":"1.0","added_tokens":[{"id":1,"content":"</s>","single_word":false,"lstrip":false,"rstrip":true,"normalized":false,"special":true}],)") +
          stages + R"(,"model":)" + model + "}");
  return seeds;
}

static bool runJson(std::string_view json) {
  return tryFolder({{"tokenizer.json", std::string(json)}}, trained);
}

static const std::string byteLevelVocabulary =
    R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"a":4,"b":5,"Ġ":6,"ab":7,"Ġab":8,"<mask>":9})";

/// The vocabulary, a zero byte and the merges.
static std::vector<std::string> mergesSeeds() {
  const std::string zero(1, '\0');
  return {byteLevelVocabulary + zero + "#version: 0.2\na b\nĠ ab\n",
          byteLevelVocabulary + zero + "a b\r\nĠ ab",
          byteLevelVocabulary + zero + "#version: 0.2\n"};
}

static bool runMerges(std::string_view input) {
  const size_t zero = std::min(input.find('\0'), input.size());
  return tryFolder({{"vocab.json", std::string(input.substr(0, zero))},
                    {"merges.txt", std::string(input.substr(
                                       std::min(zero + 1, input.size())))}},
                   {.name = "bart"});
}

static std::vector<std::string> settingsSeeds() {
  std::vector<std::string> seeds = {"{}",
                                    R"({"extra_ids":3,"pad_token":null})"};
  for (const char *name :
       {"t5-spm", "madlad", "mbart-json4", "m2m100", "byt5"})
    seeds.push_back(repositoryFile(std::string("tests/tokenizers/") + name +
                                   "/special_tokens_map.json"));
  return seeds;
}

/// The same settings beside several vocabularies, whatever class they name.
static bool runSettings(std::string_view json) {
  static const std::string spm = test::smallModel();
  static const std::string vocab =
      R"({"<s>":0,"<pad>":1,"</s>":2,"<unk>":3,"▁a":4,"b":5})";
  bool accepted = false;
  for (const char *name :
       {"t5", "pegasus", "mbart", "nllb", "m2m100", "byt5", "bart"})
    for (tokenizer::Options options : {trained, reference}) {
      options.name = name;
      const bool bytes = options.name == "bart";
      accepted |=
          tryFolder({{"spiece.model", spm},
                     {"sentencepiece.bpe.model", spm},
                     {"vocab.json", bytes ? byteLevelVocabulary : vocab},
                     {"merges.txt", "a b\n"},
                     {"tokenizer_config.json", std::string(json)}},
                    options);
    }
  return accepted;
}

extern const Target tokenizerJson = {"tokenizer_json", 4096, jsonSeeds,
                                     runJson};
extern const Target merges = {"merges", 2048, mergesSeeds, runMerges};
extern const Target tokenizerSettings = {"tokenizer_settings", 4096,
                                         settingsSeeds, runSettings};

} // namespace encdec::fuzz
