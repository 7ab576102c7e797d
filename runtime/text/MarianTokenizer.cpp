//===- MarianTokenizer.cpp - the tokenizer of MarianMT checkpoints --------===//

#include "runtime/text/MarianTokenizer.h"

#include "runtime/text/StrictJson.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

namespace encdec {

/// The files' names, as messages show them.
static constexpr const char *configName = "tokenizer_config.json";
static constexpr const char *vocabName = "vocab.json";
static constexpr const char *targetVocabName = "target_vocab.json";

/// Keeps a string value; null keeps the default, anything else is an error.
static Status takeString(const JsonPath &path, JsonScalar &&value,
                         std::string &out) {
  if (std::holds_alternative<std::monostate>(value))
    return Status::success();
  if (auto *text = std::get_if<std::string>(&value)) {
    out = std::move(*text);
    return Status::success();
  }
  return badModel("expected a string for key " + inQuotes(path.back()) +
                  ", found " + describe(value));
}

Result<MarianTokenizer::Config>
MarianTokenizer::parseConfig(std::string_view json) {
  Config config;
  if (json.empty())
    return config;
  auto read = [&](JsonPath &path, JsonScalar &&value) -> Status {
    const std::string &key = path[0];
    const size_t depth = path.size();
    if (key == "separate_vocabs" && depth == 1) {
      const bool *flag = std::get_if<bool>(&value);
      if (!flag)
        return badModel("expected true or false for key 'separate_vocabs', "
                        "found " +
                        std::string(describe(value)));
      config.separateVocabs = *flag;
      return Status::success();
    }
    if (key == "source_lang" && depth == 1)
      return takeString(path, std::move(value), config.sourceLang);
    if (key == "target_lang" && depth == 1)
      return takeString(path, std::move(value), config.targetLang);
    // A token is a string, or an object whose "content" is that string.
    const bool isToken = depth == 1 || (depth == 2 && path[1] == "content");
    for (auto [name, token] : {std::pair("unk_token", &config.unkToken),
                               std::pair("eos_token", &config.eosToken),
                               std::pair("pad_token", &config.padToken)})
      if (key == name && isToken)
        return takeString(path, std::move(value), *token);
    if (key == "additional_special_tokens" || key == "extra_special_tokens") {
      if (auto *text = std::get_if<std::string>(&value))
        config.otherSpecials.push_back(std::move(*text));
      return Status::success();
    }
    if (key != "added_tokens_decoder" || depth != 3)
      return Status::success();
    if (config.added.empty() || config.added.back().id != path[1])
      config.added.push_back({path[1], {}, false});
    if (path[2] == "content")
      return takeString(path, std::move(value), config.added.back().content);
    if (const bool *flag = std::get_if<bool>(&value);
        flag && path[2] == "special")
      config.added.back().special = *flag;
    return Status::success();
  };
  if (Status status = visitJson(json, 64, read); !status.ok())
    return std::move(status).withContext(configName);
  return config;
}

Status MarianTokenizer::loadVocabs(const MarianFiles &files) {
  auto load = [](std::string_view json,
                 const char *name) -> Result<MarianVocab> {
    if (json.empty())
      return badModel(std::string(name) + ": the file is missing or empty");
    Result<MarianVocab> vocab = MarianVocab::parse(json);
    if (!vocab.ok())
      return std::move(vocab).status().withContext(name);
    return vocab;
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
  for (int32_t id = 0; id < sourceVocab.size(); ++id)
    if (const std::string_view piece = sourceVocab.piece(id);
        piece.starts_with(">>") && piece.ends_with("<<"))
      codes.emplace_back(piece);
  // Ids as the target numbers them: that is what is decoded.
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
    Result<SentencePieceFile> file = parseSentencePieceFile(bytes);
    if (!file.ok())
      return std::move(file).status().withContext(name);
    Result<Unigram> model = Unigram::create(std::move(file).value());
    if (!model.ok())
      return std::move(model).status().withContext(name);
    return model;
  };
  ENCDEC_ASSIGN_OR_RETURN(sourceModel, load(files.sourceSpm, "source.spm"));
  if (config.separateVocabs) {
    ENCDEC_ASSIGN_OR_RETURN(targetModel, load(files.targetSpm, "target.spm"));
  } else if (!files.targetSpm.empty() && files.targetSpm != files.sourceSpm) {
    // Not needed with one vocabulary, but a broken file is still an error.
    Result<SentencePieceFile> file = parseSentencePieceFile(files.targetSpm);
    if (!file.ok())
      return std::move(file).status().withContext("target.spm");
  }
  vocabIds.reserve(sourceModel.pieces().size());
  for (const Piece &piece : sourceModel.pieces()) {
    int32_t id = sourceVocab.find(piece.text);
    // Text never becomes a special token by way of its pieces.
    const bool isSpecial = id >= 0 && (id == eos || id == pad);
    vocabIds.push_back(id < 0 || isSpecial ? unk : id);
  }
  return Status::success();
}

Result<MarianTokenizer> MarianTokenizer::create(const MarianFiles &files) {
  MarianTokenizer tokenizer;
  ENCDEC_ASSIGN_OR_RETURN(tokenizer.config, parseConfig(files.tokenizerConfig));
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
  for (const auto &[begin, end, spmId] : split.segments) {
    int32_t id = vocabIds[spmId];
    // What SentencePiece does not know, the vocabulary might.
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
    size_t next = 0; // where it stands in the text, behind what was cut out
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
  // Cut out special tokens, the leftmost first, of two there the longer one. Each
  // is looked for again only behind where it stood: the text is read once for each.
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
  std::vector<std::string_view> pieces;
  for (const int32_t id : ids) {
    if (!outputVocab().contains(id))
      return usageError("id " + std::to_string(id) +
                        " is outside the target vocabulary, 0.." +
                        std::to_string(outputVocab().size() - 1));
    if (!skipped.contains(id))
      pieces.push_back(outputVocab().piece(id));
  }
  // Strings that are no pieces may hold U+2581 still.
  std::string text;
  appendWithSpaces(outputModel().decode(pieces), text);
  return std::string(stripWhitespace(text));
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
