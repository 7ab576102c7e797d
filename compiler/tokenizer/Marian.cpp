//===- Marian.cpp - reads the tokenizer files of MarianMT checkpoints -----===//

#include "compiler/tokenizer/Marian.h"

#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/Vocabulary.h"
#include "runtime/base/Json.h"

#include <algorithm>
#include <optional>
#include <set>

namespace encdec::tokenizer {

namespace {

/// The files' names, as messages show them.
constexpr const char *configName = "tokenizer_config.json";
constexpr const char *vocabName = "vocab.json";
constexpr const char *targetVocabName = "target_vocab.json";

/// Keeps a string; null, a list or an object keeps the default.
Status takeString(const JsonValue &value, const std::string &key, std::string &out) {
  if (const std::string *text = value.asText())
    out = *text;
  else if (value.isScalar() && !value.isNull())
    return badModel("expected a string for key " + inQuotes(key) + ", found " +
                    value.kindName());
  return Status::success();
}

/// All strings in `value`: tokens are strings, or objects that hold them.
void collectStrings(const JsonValue &value, std::vector<std::string> &out) {
  if (const std::string *text = value.asText())
    out.push_back(*text);
  for (const JsonValue &item : value.items)
    collectStrings(item, out);
}

/// tokenizer_config.json.
struct Config {
  bool separateVocabs = false;
  std::string unkToken = "<unk>", eosToken = "</s>", padToken = "<pad>";
  std::vector<std::string> otherSpecials;
  struct Added {
    std::string id, content;
    bool special = false;
  };
  std::vector<Added> added; ///< added_tokens_decoder

  static Result<Config> parse(std::string_view json);

private:
  Status read(const std::string &key, const JsonValue &value);
  Status readAdded(const std::string &id, const JsonValue &token);
};

class Reader {
public:
  Result<TokenizerDescription> read(const MarianFiles &files);

private:
  Status readVocabs(const MarianFiles &files);
  Status checkAddedTokens() const;
  Status readModels(const MarianFiles &files);
  PipelineDescription pipeline(const SentencePieceFile &file,
                               SentencePieceNormalizer normalizer,
                               uint32_t vocabulary) const;
  void describeLanguages();
  std::vector<int32_t> skipped() const;

  const Vocabulary &outputVocab() const { return targetVocab ? *targetVocab : sourceVocab; }

  Config config;
  Vocabulary sourceVocab;
  std::optional<Vocabulary> targetVocab; ///< Only if separate.
  TokenizerDescription result;
};

} // namespace

Status Config::readAdded(const std::string &id, const JsonValue &token) {
  if (token.items.empty())
    return Status::success();
  added.push_back({id, {}, false});
  if (const JsonValue *special = token.find("special"))
    added.back().special = special->boolean;
  const JsonValue *content = token.find("content");
  return content ? takeString(*content, "content", added.back().content)
                 : Status::success();
}

Status Config::read(const std::string &key, const JsonValue &value) {
  if (key == "separate_vocabs" && value.isScalar()) {
    if (value.kind != JsonValue::Bool)
      return badModel("expected true or false for key 'separate_vocabs', found " +
                      std::string(value.kindName()));
    separateVocabs = value.boolean;
  }
  // A token is a string, or an object whose "content" is that string.
  const JsonValue *content = value.find("content");
  for (auto [name, token] :
       {std::pair("unk_token", &unkToken), std::pair("eos_token", &eosToken),
        std::pair("pad_token", &padToken)})
    if (key == name)
      return content ? takeString(*content, "content", *token)
                     : takeString(value, key, *token);
  if (key == "additional_special_tokens" || key == "extra_special_tokens")
    collectStrings(value, otherSpecials);
  if (key == "added_tokens_decoder")
    for (size_t i = 0; i < value.keys.size(); ++i)
      ENCDEC_RETURN_IF_ERROR(readAdded(value.keys[i], value.items[i]));
  return Status::success();
}

Result<Config> Config::parse(std::string_view json) {
  Config config;
  if (json.empty())
    return config;
  ENCDEC_ASSIGN_OR_RETURN(JsonValue root, parseJson(json, {.values = 1u << 22}));
  for (size_t i = 0; i < root.keys.size(); ++i)
    ENCDEC_RETURN_IF_ERROR(config.read(root.keys[i], root.items[i]));
  return config;
}

Status Reader::readVocabs(const MarianFiles &files) {
  auto load = [](std::string_view json, const char *name) -> Result<Vocabulary> {
    if (json.empty())
      return badModel(std::string(name) + ": the file is missing or empty");
    return Vocabulary::parse(json).withContext(name);
  };
  ENCDEC_ASSIGN_OR_RETURN(sourceVocab, load(files.vocab, vocabName));
  if (config.separateVocabs) {
    ENCDEC_ASSIGN_OR_RETURN(targetVocab, load(files.targetVocab, targetVocabName));
  }
  result.unkId = sourceVocab.find(config.unkToken);
  result.eosId = sourceVocab.find(config.eosToken);
  result.padId = sourceVocab.find(config.padToken);
  for (auto [id, token] : {std::pair(result.unkId, config.unkToken),
                           std::pair(result.eosId, config.eosToken)})
    if (id < 0)
      return badModel(std::string(vocabName) + ": the special token " +
                      inQuotes(token) + " is not in the vocabulary");
  result.vocabularies.push_back(sourceVocab.describe());
  if (targetVocab)
    result.vocabularies.push_back(targetVocab->describe());
  return checkAddedTokens();
}

/// Tokens added to a tokenizer beyond its vocabulary would need embeddings
/// that a checkpoint may lack, and splitting that we do not do.
Status Reader::checkAddedTokens() const {
  for (const Config::Added &added : config.added) {
    const int32_t id = sourceVocab.find(added.content);
    if (id < 0 || std::to_string(id) != added.id)
      return badModel(std::string(configName) + ": added token " +
                      inQuotes(added.content) + " has id " + inQuotes(added.id) +
                      (id < 0 ? ", but vocab.json does not have it"
                              : ", but vocab.json says " + std::to_string(id)) +
                      "; only tokens of the vocabulary are supported");
  }
  return Status::success();
}

PipelineDescription Reader::pipeline(const SentencePieceFile &file,
                                     SentencePieceNormalizer normalizer,
                                     uint32_t vocabulary) const {
  const Vocabulary &vocab = vocabulary ? *targetVocab : sourceVocab;
  PipelineDescription made;
  made.vocabulary = vocabulary;
  made.leadingCode = true;
  made.normalizers.push_back(std::move(normalizer));
  made.model = modelOf(file);
  made.model.unknownByName = true;
  const int32_t unk = vocab.find(config.unkToken), eos = vocab.find(config.eosToken),
                pad = vocab.find(config.padToken);
  made.model.unkId = unk;
  for (PieceDescription &piece : made.model.pieces) {
    piece.id = vocab.find(piece.text);
    // Text never becomes a special token by way of its pieces.
    if (piece.id == eos || piece.id == pad)
      piece.id = -1;
  }
  std::set<std::string> seen;
  for (auto [token, id] : {std::pair(config.unkToken, unk), std::pair(config.eosToken, eos),
                           std::pair(config.padToken, pad)})
    if (id >= 0 && !token.empty() && seen.insert(token).second)
      made.addedTokens.push_back({.text = token, .id = id});
  return made;
}

Status Reader::readModels(const MarianFiles &files) {
  auto load = [](std::string_view bytes, const char *name) -> Result<SentencePieceFile> {
    if (bytes.empty())
      return badModel(std::string(name) + ": the file is missing or empty");
    return parseSentencePieceFile(bytes).withContext(name);
  };
  auto add = [&](std::string_view bytes, const char *name, uint32_t vocabulary) -> Status {
    ENCDEC_ASSIGN_OR_RETURN(SentencePieceFile file, load(bytes, name));
    ENCDEC_ASSIGN_OR_RETURN(SentencePieceNormalizer normalizer,
                            normalizerOf(file).withContext(name));
    // Without separate vocabularies the source's model joins pieces, too.
    if (vocabulary || result.pipelines.empty())
      result.decoder.stages = {decoderOf(file)};
    result.pipelines.push_back(pipeline(file, std::move(normalizer), vocabulary));
    return Status::success();
  };
  ENCDEC_RETURN_IF_ERROR(add(files.sourceSpm, "source.spm", 0));
  const bool isSecond = config.separateVocabs ||
                        (!files.targetSpm.empty() && files.targetSpm != files.sourceSpm);
  if (isSecond)
    ENCDEC_RETURN_IF_ERROR(add(files.targetSpm, "target.spm", config.separateVocabs));
  result.target.pipeline = isSecond;
  result.decoder.vocabulary = result.decoder.pipeline = config.separateVocabs;
  return Status::success();
}

/// The codes that the vocabulary names, ">>fra<<", which also answer to "fra".
void Reader::describeLanguages() {
  for (int32_t id = 0; id < sourceVocab.size(); ++id) {
    const std::string_view piece = sourceVocab.piece(id);
    if (piece.size() > 4 && piece.starts_with(">>") && piece.ends_with("<<"))
      result.languages.languages.push_back(
          {std::string(piece), {std::string(piece.substr(2, piece.size() - 4))}, id});
  }
  if (!result.languages.languages.empty())
    result.languages.inText = "";
}

/// Ids that decoding leaves out: ids of the target, since decoding reads the target's.
std::vector<int32_t> Reader::skipped() const {
  std::vector<std::string> specials = config.otherSpecials;
  specials.insert(specials.end(), {config.unkToken, config.eosToken, config.padToken});
  for (const Config::Added &added : config.added)
    if (added.special)
      specials.push_back(added.content);
  std::set<int32_t> ids;
  for (const std::string &token : specials)
    if (const int32_t id = outputVocab().find(token); id >= 0)
      ids.insert(id);
  return {ids.begin(), ids.end()};
}

Result<TokenizerDescription> Reader::read(const MarianFiles &files) {
  result.kind = "marian";
  ENCDEC_ASSIGN_OR_RETURN(config,
                          Config::parse(files.tokenizerConfig).withContext(configName));
  ENCDEC_RETURN_IF_ERROR(readVocabs(files));
  ENCDEC_RETURN_IF_ERROR(readModels(files));
  result.source.suffix = {{.id = result.eosId}};
  result.target.suffix = {{.id = config.separateVocabs
                                     ? targetVocab->find(config.eosToken)
                                     : result.eosId}};
  if (result.target.suffix.front().id < 0)
    result.target.suffix.clear();
  result.decoder.skipped = skipped();
  result.decoder.unnamed = config.unkToken + " ";
  result.decoder.spacesAtLast = true;
  result.decoder.stripWhitespace = true;
  describeLanguages();
  return std::move(result);
}

Result<TokenizerDescription> readMarian(const MarianFiles &files) {
  return Reader().read(files);
}

} // namespace encdec::tokenizer
