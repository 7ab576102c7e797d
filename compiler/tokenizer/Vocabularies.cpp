//===- Vocabularies.cpp - reads and numbers pieces and special tokens -----===//

#include "compiler/tokenizer/Vocabularies.h"

#include "compiler/import/Fields.h"
#include "compiler/tokenizer/SentencePieceFile.h"
#include "encdec/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <bitset>

namespace encdec::tokenizer {

using checkpoint::Fields;

std::string fileOfRole(const JsonValue &file, const char *role) {
  const JsonValue *names = file.find("files");
  const JsonValue *name = names ? names->find(role) : nullptr;
  return name && name->asText() ? *name->asText() : std::string();
}

bool isSentencePiece(const JsonValue &file, const char *stage) {
  const JsonValue *value = file.find(stage);
  return value && value->asText() && *value->asText() == "sentencepiece";
}

/// The ids of a tokenizer without a vocabulary: each byte has one.
static Base bytesBase() {
  Base base;
  base.model.kind = ModelKind::Bytes;
  return base;
}

Status VocabularyReader::loadBase(const char *piecesRole, Base &base) {
  const std::string jsonName = fileName("json"), pieces = fileName(piecesRole),
                    merges = fileName("merges"),
                    vocabulary = fileName("vocabulary");
  if (!jsonName.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(std::string text, files.read(jsonName));
    ENCDEC_ASSIGN_OR_RETURN(made.json,
                            parseTokenizerJson(text).withContext(jsonName));
    text = {}; // tens of megabytes, as what follows
    ENCDEC_ASSIGN_OR_RETURN(base,
                            readJsonBase(*made.json).withContext(jsonName));
    made.json->vocabulary = {}; // the base has them, and they are large
    made.json->merges = {};
  } else if (!pieces.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(const std::string bytes, files.read(pieces));
    ENCDEC_ASSIGN_OR_RETURN(base, readPiecesBase(bytes).withContext(pieces));
  } else if (!merges.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(const std::string text, files.read(vocabulary));
    ENCDEC_ASSIGN_OR_RETURN(const std::string lines, files.read(merges));
    ENCDEC_ASSIGN_OR_RETURN(base,
                            readMergesBase(text, vocabulary, lines, merges));
  } else {
    base = bytesBase();
  }
  return Status::success();
}

/// Gives the pieces of `side` their ids, and names to ids.
Status VocabularyReader::number(const char *vocabularyRole,
                                SideVocabulary &side) {
  ModelDescription &model = side.base.model;
  std::vector<std::string> tokens;
  for (const LanguageToken &language : made.languages)
    tokens.push_back(language.token);
  const std::string name = fileName(vocabularyRole);
  side.hasOwnIds = !name.empty() && fileName("merges").empty();
  if (side.hasOwnIds) { // vocab.json numbers, SentencePiece only splits
    ENCDEC_ASSIGN_OR_RETURN(const std::string text, files.read(name));
    ENCDEC_ASSIGN_OR_RETURN(const auto entries,
                            parseVocabularyJson(text).withContext(name));
    for (const VocabularyEntry &entry : entries)
      if (!side.names.add(entry.text, entry.id))
        return badModel(
            fmt::format("{}: {} has id {}, as an earlier piece does", name,
                        quote(entry.text, 40), entry.id));
    for (const char *role : {"unk_token", "eos_token"}) {
      ENCDEC_ASSIGN_OR_RETURN(const auto token, roles.find(role));
      if (token && side.names.find(token->content) < 0)
        return badModel(
            fmt::format("{}: the special token {} is not in the vocabulary",
                        name, quote(token->content, 40)));
    }
    for (PieceDescription &piece : model.pieces)
      piece.id = side.names.find(piece.text);
    const JsonValue *behind = file.find("behind_vocabulary");
    if (behind && behind->boolean)
      for (int32_t id = int32_t(entries.size());
           const std::string &token : tokens)
        if (side.names.find(token) < 0 && !side.names.add(token, id++))
          return badModel(fmt::format("{}: id {} is a piece's, but {} has it",
                                      name, id - 1, token));
    return Status::success();
  }
  const JsonValue *layout = file.find("vocabulary");
  if (layout && fileName("json").empty() && fileName("merges").empty())
    ENCDEC_RETURN_IF_ERROR(layOut(*layout, roles, tokens, model));
  for (const PieceDescription &piece : model.pieces)
    if (!side.names.add(piece.text, piece.id))
      return badModel(
          fmt::format("piece {} stands twice", quote(piece.text, 40)));
  if (model.kind != ModelKind::Bytes)
    return Status::success();
  // The reference names a byte's id as the character of that number.
  model.firstByteId = side.names.end();
  for (int byte = 0; byte < 256; ++byte) {
    const char wide[] = {char(0xC0 | byte >> 6), char(0x80 | (byte & 0x3F)), 0};
    const std::string text = byte < 0x80 ? std::string(1, char(byte)) : wide;
    side.names.add(text, model.firstByteId + byte);
  }
  model.pieces.clear();
  return Status::success();
}

/// All special and added tokens, in the order in which the reference numbers
/// those that the vocabulary lacks. Of two with one text the first counts.
Result<std::vector<TokenSettings>>
VocabularyReader::specialTokens(bool ofSource) const {
  std::vector<TokenSettings> tokens;
  std::unordered_map<std::string, size_t> seen;
  auto add = [&](TokenSettings token) {
    const auto [at, isNew] = seen.emplace(token.content, tokens.size());
    if (isNew)
      tokens.push_back(std::move(token));
    else
      tokens[at->second].special |= token.special;
  };
  if (ofSource)
    std::ranges::for_each(settings.added, add);
  const JsonValue *added =
      made.json ? made.json->document.find("added_tokens") : nullptr;
  if (added && !added->isNull() && added->kind != JsonValue::Array)
    return badModel(fmt::format("{}: key \"added_tokens\": expected an array, found {}",
                                fileName("json"), added->show()));
  if (added && !settings.hasAddedDecoder)
    for (size_t i = 0; i < added->items.size(); ++i) {
      const std::string where =
          fmt::format("{}: added_tokens[{}]", fileName("json"), i);
      ENCDEC_ASSIGN_OR_RETURN(TokenSettings token,
                              readToken(added->items[i], where, false));
      const JsonValue *id = added->items[i].find("id");
      if (!id || !id->asUnsigned() ||
          *id->asUnsigned() >= ENCDEC_TOKENIZER_MAX_IDS)
        return badModel(fmt::format("{}: key \"id\": expected an id from 0 to {}, found {}",
                                    where, ENCDEC_TOKENIZER_MAX_IDS - 1,
                                    id ? id->show() : "nothing"));
      token.file = "tokenizer.json";
      token.id = int32_t(*id->asUnsigned());
      add(std::move(token));
    }
  for (const std::string &role : roles.all()) {
    ENCDEC_ASSIGN_OR_RETURN(const auto token, roles.find(role));
    if (token)
      add(*token);
  }
  if (settings.extra)
    std::ranges::for_each(*settings.extra, add);
  const JsonValue *extra = file.find("extra");
  const JsonValue *always =
      file.find("extra_always"); // beside the settings' own
  if (extra && (!settings.extra || (always && always->boolean)))
    for (size_t i = 0; i < extra->items.size(); ++i) {
      std::vector<std::string> names;
      if (const std::string *text = extra->items[i].asText()) {
        names = {*text};
      } else {
        ENCDEC_ASSIGN_OR_RETURN(
            names,
            expandSeries(extra->items[i], roles, fmt::format("extra[{}]", i)));
      }
      for (std::string &name : names)
        add({.content = std::move(name)});
    }
  const JsonValue *placed = file.find("languages");
  const JsonValue *addedToo = placed ? placed->find("added") : nullptr;
  if (!addedToo || addedToo->boolean)
    for (const LanguageToken &language : made.languages)
      add({.content = language.token});
  return tokens;
}

/// Whether a token becomes its id in any text: sentinels, languages and all
/// that are not special. Control tokens do only where the user asks, so that no
/// text ends a sentence.
bool VocabularyReader::isAlways(const TokenSettings &token) const {
  const JsonValue *patterns = file.find("always");
  return !token.special || languageTokens.contains(token.content) ||
         (patterns &&
          std::ranges::any_of(patterns->items, [&](const JsonValue &pattern) {
            return pattern.asText() &&
                   matchPattern(*pattern.asText(), token.content);
          }));
}

Status VocabularyReader::addTokens(SideVocabulary &side) const {
  ENCDEC_ASSIGN_OR_RETURN(const std::vector<TokenSettings> tokens,
                          specialTokens(&side == &made.source));
  for (const TokenSettings &token : tokens) {
    int32_t id = side.names.find(token.content);
    if (id < 0 && token.id < 0 && side.hasOwnIds)
      continue; // vocab.json numbers all tokens that the settings do not
    if (id < 0) {
      id = side.names.end();
      if (id >= ENCDEC_TOKENIZER_MAX_IDS)
        return badModel("more than 4000000 tokens");
      if (token.id >= 0 && token.id != id)
        return badModel(fmt::format("{}: added token {} has id {}, but the "
                                    "vocabulary ends before id {}",
                                    token.file, quote(token.content, 40),
                                    token.id, id));
      side.names.add(token.content, id);
    } else if (token.id >= 0 && token.id != id) {
      return badModel(fmt::format(
          "{}: added token {} has id {}, but the vocabulary says {}",
          token.file, quote(token.content, 40), token.id, id));
    }
    const bool always = isAlways(token);
    if (token.special)
      side.special.insert(id);
    if (!always)
      side.control.insert(id);
    side.added.push_back({token.content, id, always, token.lstrip, token.rstrip,
                          token.singleWord, token.normalized});
  }
  return Status::success();
}

/// The id of unknown characters: "unk" of the file's "model" is a role, a
/// number, "none", or "file" (what the vocabulary's own file says), which is
/// the default.
Result<int32_t> VocabularyReader::unknownId(const SideVocabulary &side) const {
  const JsonValue *model = file.find("model");
  const JsonValue *unk = model ? model->find("unk") : nullptr;
  if (unk && unk->asUnsigned())
    return int32_t(
        std::min<uint64_t>(*unk->asUnsigned(), ENCDEC_TOKENIZER_MAX_IDS - 1));
  if (!unk || !unk->asText() || *unk->asText() == "file")
    return side.base.model.unkId;
  if (*unk->asText() == "none")
    return -1;
  ENCDEC_ASSIGN_OR_RETURN(const auto token, roles.find(*unk->asText()));
  const int32_t id = token ? side.names.find(token->content) : -1;
  if (id < 0)
    return badModel(fmt::format(
        "the special token {} ({}) is not in the vocabulary", *unk->asText(),
        token ? quote(token->content, 40) : "none"));
  return id;
}

/// Settles what kind each piece is, the unknown id and the bytes.
Status VocabularyReader::finishModel(SideVocabulary &side) const {
  ModelDescription &model = side.base.model;
  static const JsonValue none{.kind = JsonValue::Object};
  const JsonValue *own = file.find("model");
  Fields fields(own ? *own : none, "model");
  ENCDEC_ASSIGN_OR_RETURN(model.unkId, unknownId(side));
  model.unknownByName = fields.flag("unknown_by_name", false);
  model.fuseUnknown = fields.flag("fuse_unknown", model.fuseUnknown);
  if (fields.flag("make_merges", false))
    ENCDEC_RETURN_IF_ERROR(generateMerges(model));
  const bool typed = isSentencePiece(file, "normalizer");
  std::bitset<256> bytes;
  for (const PieceDescription &piece : model.pieces)
    if (const int byte = byteOfPiece(piece.text); byte >= 0)
      bytes.set(size_t(byte));
  const JsonValue *fallback = fields.get("byte_fallback");
  if (fallback && fallback->kind == JsonValue::Bool)
    model.byteFallback = fallback->boolean;
  else if (fallback) // "complete": wherever the vocabulary has all bytes
    model.byteFallback |= bytes.all();
  if (model.byteFallback && !bytes.all())
    return badModel(fmt::format("byte_fallback needs 256 byte pieces, found {}",
                                bytes.count()));
  ENCDEC_RETURN_IF_ERROR(fields.status());
  model.doubleScores = model.kind == ModelKind::Unigram && !typed;
  for (PieceDescription &piece : model.pieces) {
    const bool isControl = piece.id >= 0 && side.control.contains(piece.id);
    if (!typed) // the tokenizers library knows no types
      piece.type = model.byteFallback && byteOfPiece(piece.text) >= 0
                       ? PieceType::Byte
                       : PieceType::Normal;
    if (piece.id == model.unkId && piece.id >= 0 && !model.unknownByName)
      piece.type = PieceType::Unknown;
    else if (isControl && (!typed || piece.type == PieceType::Normal))
      piece.type = PieceType::Control;
  }
  return Status::success();
}

/// Either the vocabulary says which languages there are, or they take part in
/// it.
Status VocabularyReader::numberAndListLanguages() {
  const JsonValue *placed = file.find("languages");
  const JsonValue *codes = placed ? placed->find("codes") : nullptr;
  const bool isOfVocabulary = codes && codes->asText();
  std::vector<std::string> names;
  if (isOfVocabulary) {
    ENCDEC_RETURN_IF_ERROR(number("vocabulary", made.source));
    for (const auto &[name, id] : made.source.names.describe().names)
      names.push_back(name);
  }
  ENCDEC_ASSIGN_OR_RETURN(made.languages,
                          listLanguages(placed, settings, names));
  for (const LanguageToken &language : made.languages)
    languageTokens.insert(language.token);
  return isOfVocabulary ? Status::success() : number("vocabulary", made.source);
}

/// Whether the target has a model of its own; a second copy of the source's is
/// none.
Result<bool> VocabularyReader::hasTargetModel() const {
  const std::string target = fileName("target_pieces");
  if (target.empty() || !fileName("target_vocabulary").empty())
    return !target.empty();
  ENCDEC_ASSIGN_OR_RETURN(const std::string own, files.read(target));
  ENCDEC_ASSIGN_OR_RETURN(const std::string shared,
                          files.read(fileName("pieces")));
  return own != shared;
}

Result<Vocabularies> VocabularyReader::read() {
  ENCDEC_RETURN_IF_ERROR(loadBase("pieces", made.source.base));
  ENCDEC_RETURN_IF_ERROR(numberAndListLanguages());
  ENCDEC_RETURN_IF_ERROR(addTokens(made.source));
  ENCDEC_RETURN_IF_ERROR(finishModel(made.source));
  ENCDEC_ASSIGN_OR_RETURN(const bool hasTarget, hasTargetModel());
  if (!hasTarget)
    return std::move(made);
  SideVocabulary side;
  ENCDEC_RETURN_IF_ERROR(loadBase("target_pieces", side.base));
  const bool hasOwnIds = !fileName("target_vocabulary").empty();
  ENCDEC_RETURN_IF_ERROR(
      number(hasOwnIds ? "target_vocabulary" : "vocabulary", side));
  ENCDEC_RETURN_IF_ERROR(addTokens(side));
  ENCDEC_RETURN_IF_ERROR(finishModel(side));
  (hasOwnIds ? made.targetVocabulary : made.targetPieces) = std::move(side);
  return std::move(made);
}

} // namespace encdec::tokenizer
