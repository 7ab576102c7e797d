//===- MarianTokenizer.cpp - the tokenizer of MarianMT checkpoints --------===//

#include "runtime/text/MarianTokenizer.h"

#include "runtime/base/Json.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

namespace encdec {

/// The files' names, as messages show them.
static constexpr const char *configName = "tokenizer_config.json";
static constexpr const char *vocabName = "vocab.json";
static constexpr const char *targetVocabName = "target_vocab.json";

/// Keeps a string; null, a list or an object keeps the default.
static Status takeString(const JsonValue &value, const std::string &key,
                         std::string &out) {
  if (const std::string *text = value.asText())
    out = *text;
  else if (value.isScalar() && !value.isNull())
    return badModel("expected a string for key " + inQuotes(key) + ", found " +
                    value.kindName());
  return Status::success();
}

/// All strings in `value`: tokens are strings, or objects that hold them.
static void collectStrings(const JsonValue &value,
                           std::vector<std::string> &out) {
  if (const std::string *text = value.asText())
    out.push_back(*text);
  for (const JsonValue &item : value.items)
    collectStrings(item, out);
}

Status MarianTokenizer::Config::readAdded(const std::string &id,
                                          const JsonValue &token) {
  if (token.items.empty())
    return Status::success();
  added.push_back({id, {}, false});
  if (const JsonValue *special = token.find("special"))
    added.back().special = special->boolean;
  const JsonValue *content = token.find("content");
  return content ? takeString(*content, "content", added.back().content)
                 : Status::success();
}

Status MarianTokenizer::Config::read(const std::string &key,
                                     const JsonValue &value) {
  if (key == "separate_vocabs" && value.isScalar()) {
    if (value.kind != JsonValue::Bool)
      return badModel(
          "expected true or false for key 'separate_vocabs', found " +
          std::string(value.kindName()));
    separateVocabs = value.boolean;
  }
  if (key == "source_lang")
    return takeString(value, key, sourceLang);
  if (key == "target_lang")
    return takeString(value, key, targetLang);
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

Result<MarianTokenizer::Config>
MarianTokenizer::parseConfig(std::string_view json) {
  Config config;
  if (json.empty())
    return config;
  ENCDEC_ASSIGN_OR_RETURN(JsonValue root,
                          parseJson(json, {.values = 1u << 22}));
  for (size_t i = 0; i < root.keys.size(); ++i)
    ENCDEC_RETURN_IF_ERROR(config.read(root.keys[i], root.items[i]));
  return config;
}

Status MarianTokenizer::loadVocabs(const MarianFiles &files) {
  auto load = [](std::string_view json,
                 const char *name) -> Result<MarianVocab> {
    if (json.empty())
      return badModel(std::string(name) + ": the file is missing or empty");
    return MarianVocab::parse(json).withContext(name);
  };
  ENCDEC_ASSIGN_OR_RETURN(sourceVocab, load(files.vocab, vocabName));
  if (config.separateVocabs) {
    ENCDEC_ASSIGN_OR_RETURN(targetVocab,
                            load(files.targetVocab, targetVocabName));
  }
  unk = sourceVocab.find(config.unkToken);
  eos = sourceVocab.find(config.eosToken);
  pad = sourceVocab.find(config.padToken);
  for (auto [id, token] :
       {std::pair(unk, config.unkToken), std::pair(eos, config.eosToken)})
    if (id < 0)
      return badModel(std::string(vocabName) + ": the special token " +
                      inQuotes(token) + " is not in the vocabulary");
  greatestSourceId = std::max({unk, eos, pad});
  for (int32_t id = 0; id < sourceVocab.size(); ++id)
    if (const std::string_view piece = sourceVocab.piece(id);
        piece.starts_with(">>") && piece.ends_with("<<")) {
      codes.emplace_back(piece);
      greatestSourceId = std::max(greatestSourceId, id);
    }
  // These are ids of the target, since decode() reads the target's.
  std::vector<std::string> specials = config.otherSpecials;
  specials.insert(specials.end(),
                  {config.unkToken, config.eosToken, config.padToken});
  for (const std::string &token : specials)
    if (const int32_t id = outputVocab().find(token); id >= 0)
      skipped.insert(id);
  return checkAddedTokens();
}

/// Tokens added to a tokenizer beyond its vocabulary would need embeddings
/// that a checkpoint may lack, and splitting that we do not do.
Status MarianTokenizer::checkAddedTokens() const {
  for (const Config::Added &added : config.added) {
    const int32_t id = sourceVocab.find(added.content);
    if (id < 0 || std::to_string(id) != added.id)
      return badModel(std::string(configName) + ": added token " +
                      inQuotes(added.content) + " has id " +
                      inQuotes(added.id) +
                      (id < 0 ? ", but vocab.json does not have it"
                              : ", but vocab.json says " + std::to_string(id)) +
                      "; only tokens of the vocabulary are supported");
  }
  return Status::success();
}

Status MarianTokenizer::loadModels(const MarianFiles &files) {
  auto load = [](std::string_view bytes, const char *name) -> Result<Unigram> {
    if (bytes.empty())
      return badModel(std::string(name) + ": the file is missing or empty");
    ENCDEC_ASSIGN_OR_RETURN(SentencePieceFile file,
                            parseSentencePieceFile(bytes).withContext(name));
    return Unigram::create(std::move(file)).withContext(name);
  };
  ENCDEC_ASSIGN_OR_RETURN(sourceModel, load(files.sourceSpm, "source.spm"));
  if (config.separateVocabs) {
    ENCDEC_ASSIGN_OR_RETURN(targetModel, load(files.targetSpm, "target.spm"));
  } else if (!files.targetSpm.empty() && files.targetSpm != files.sourceSpm) {
    // Not needed with one vocabulary, but a broken file is still an error.
    ENCDEC_RETURN_IF_ERROR(parseSentencePieceFile(files.targetSpm)
                               .withContext("target.spm")
                               .status());
  }
  vocabIds.reserve(sourceModel.pieces().size());
  for (const Piece &piece : sourceModel.pieces()) {
    int32_t id = sourceVocab.find(piece.text);
    // Text never becomes a special token by way of its pieces.
    const bool isSpecial = id >= 0 && (id == eos || id == pad);
    vocabIds.push_back(id < 0 || isSpecial ? unk : id);
    greatestSourceId = std::max(greatestSourceId, id);
  }
  return Status::success();
}

Result<MarianTokenizer> MarianTokenizer::create(const MarianFiles &files) {
  MarianTokenizer tokenizer;
  ENCDEC_ASSIGN_OR_RETURN(
      tokenizer.config,
      parseConfig(files.tokenizerConfig).withContext(configName));
  ENCDEC_RETURN_IF_ERROR(tokenizer.loadVocabs(files));
  for (const Config::Added &added : tokenizer.config.added)
    if (const int32_t id = tokenizer.outputVocab().find(added.content);
        added.special && id >= 0)
      tokenizer.skipped.insert(id);
  ENCDEC_RETURN_IF_ERROR(tokenizer.loadModels(files));
  return tokenizer;
}

void MarianTokenizer::warnUnknownCode(
    std::string_view code, std::vector<std::string> *warnings) const {
  if (!warnings)
    return;
  std::string text = "language code " + inQuotes(code) +
                     " is unknown and becomes " + inQuotes(config.unkToken) + "; ";
  if (codes.empty())
    text += "this model has no language codes";
  else
    text += "this model knows";
  size_t shown = 0;
  while (shown < codes.size() && text.size() < 1500)
    text += " " + inQuotes(codes[shown++]);
  if (shown < codes.size())
    text += " and " + std::to_string(codes.size() - shown) + " more";
  warnings->push_back(std::move(text));
}

Status
MarianTokenizer::encodeFragment(std::string_view text,
                                std::vector<int32_t> &ids,
                                std::vector<std::string> *warnings) const {
  // A target language in front, ">>fra<<": all up to the first "<<".
  if (const size_t end =
          text.starts_with(">>") ? text.find("<<") : std::string_view::npos;
      end != std::string_view::npos) {
    const std::string_view code = text.substr(0, end + 2);
    text.remove_prefix(end + 2);
    const int32_t id = sourceVocab.find(code);
    if (id < 0)
      warnUnknownCode(code, warnings);
    ids.push_back(id < 0 ? unk : id);
  }
  ENCDEC_ASSIGN_OR_RETURN(Segmentation split, sourceModel.encode(text));
  for (const auto &[begin, end, spmId] : split.pieces) {
    int32_t id = vocabIds[spmId];
    // The vocabulary may have a piece that SentencePiece does not know.
    if (spmId == sourceModel.unkId()) {
      id = sourceVocab.find(
          std::string_view(split.text).substr(begin, end - begin));
      if (id < 0 || id == eos || id == pad)
        id = unk;
    }
    ids.push_back(id);
  }
  return Status::success();
}

Result<std::vector<int32_t>>
MarianTokenizer::encode(std::string_view text, const EncodeOptions &options,
                        std::vector<std::string> *warnings) const {
  std::vector<int32_t> ids;
  struct Special {
    std::string_view token;
    int32_t id;
    size_t next = 0; // its first place in the text from `begin` on
  };
  std::vector<Special> specials;
  if (options.parseSpecialTokens)
    specials = {{config.unkToken, unk}, {config.eosToken, eos}, {config.padToken, pad}};
  for (Special &special : specials)
    special.next = special.token.empty() || special.id < 0 ? text.npos
                                                           : text.find(special.token);
  // One warning a text is enough, however many parts it has.
  const size_t before = warnings ? warnings->size() : 0;
  auto encodePart = [&](std::string_view part) {
    const bool isFirst = warnings && warnings->size() == before;
    return encodeFragment(part, ids, isFirst ? warnings : nullptr);
  };
  // Special tokens are cut out from left to right; of two at one place the longer wins.
  // A token is searched for again only from behind the last cut, so the text is read
  // once for each token.
  size_t begin = 0;
  auto isBefore = [](const Special &a, const Special &b) {
    return a.next != b.next ? a.next < b.next : a.token.size() > b.token.size();
  };
  while (!specials.empty()) {
    for (Special &special : specials)
      if (special.next < begin)
        special.next = text.find(special.token, begin);
    const Special &first = *std::ranges::min_element(specials, isBefore);
    if (first.next == text.npos)
      break;
    if (first.next > begin)
      ENCDEC_RETURN_IF_ERROR(encodePart(text.substr(begin, first.next - begin)));
    ids.push_back(first.id);
    begin = first.next + first.token.size();
  }
  ENCDEC_RETURN_IF_ERROR(encodePart(text.substr(begin)));
  ids.push_back(eos);
  return ids;
}

Result<std::string>
MarianTokenizer::decode(std::span<const int32_t> ids) const {
  std::string text;
  std::vector<std::string_view> pieces;
  auto flush = [&] {
    text += outputModel().decode(pieces);
    pieces.clear();
  };
  for (const int32_t id : ids) {
    if (id < 0)
      return usageError("id is " + std::to_string(id) + ", expected 0 or more");
    if (!outputVocab().contains(id)) {
      flush();
      text += config.unkToken + " ";
    } else if (!skipped.contains(id)) {
      pieces.push_back(outputVocab().piece(id));
    }
  }
  flush();
  // Strings that are no pieces may hold U+2581 still.
  std::string spaced;
  appendWithSpaces(text, spaced);
  return std::string(stripWhitespace(spaced));
}

static std::vector<std::string> piecesOf(const MarianVocab &vocab,
                                         std::span<const int32_t> ids) {
  std::vector<std::string> pieces;
  for (const int32_t id : ids)
    pieces.push_back(vocab.contains(id) ? std::string(vocab.piece(id))
                                        : "<" + std::to_string(id) + ">");
  return pieces;
}

std::vector<std::string>
MarianTokenizer::sourcePieces(std::span<const int32_t> ids) const {
  return piecesOf(sourceVocab, ids);
}

std::vector<std::string>
MarianTokenizer::targetPieces(std::span<const int32_t> ids) const {
  return piecesOf(outputVocab(), ids);
}

} // namespace encdec
