//===- Settings.cpp - reads tokenizer_config.json and the files beside it -===//
//
// Follows Transformers 5.24, tokenization_utils_base.py, _from_pretrained: with
// added_tokens_decoder, special_tokens_map.json and added_tokens.json are not
// read.

#include "compiler/tokenizer/Settings.h"

#include "compiler/import/Fields.h"
#include "encdec/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

namespace encdec::tokenizer {
namespace {

using checkpoint::Fields;

constexpr size_t maxAddedTokens = 100'000;
constexpr size_t maxRoles = 64;
constexpr JsonLimits jsonLimits = {.depth = 16, .values = 4u << 20};
constexpr std::string_view usualRoles[] = {"bos_token", "eos_token", "unk_token",
                                           "sep_token", "pad_token", "cls_token",
                                           "mask_token"};
constexpr const char *configName = "tokenizer_config.json";
constexpr const char *mapName = "special_tokens_map.json";
constexpr const char *addedName = "added_tokens.json";

/// An id of added tokens, spelled as a key.
std::optional<int32_t> parseId(std::string_view text) {
  int32_t id = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0 ||
      id >= ENCDEC_TOKENIZER_MAX_IDS)
    return std::nullopt;
  return id;
}

Status addToken(Settings &settings, TokenSettings token,
                const std::string &where) {
  if (settings.added.size() == maxAddedTokens)
    return badModel(
        fmt::format("{}: more than {} added tokens", where, maxAddedTokens));
  settings.added.push_back(std::move(token));
  return Status::success();
}

Status readAddedDecoder(const JsonValue &decoder, Settings &settings) {
  const std::string where = std::string(configName) + ": added_tokens_decoder";
  if (decoder.kind != JsonValue::Object)
    return badModel(
        fmt::format("{}: expected an object, found {}", where, decoder.show()));
  settings.hasAddedDecoder = true;
  for (size_t i = 0; i < decoder.keys.size(); ++i) {
    const std::string here =
        fmt::format("{}: {}", where, quote(decoder.keys[i]));
    const std::optional<int32_t> id = parseId(decoder.keys[i]);
    if (!id)
      return badModel(fmt::format("{}: expected an id from 0 to {}", here,
                                  ENCDEC_TOKENIZER_MAX_IDS - 1));
    ENCDEC_ASSIGN_OR_RETURN(TokenSettings token,
                            readToken(decoder.items[i], here, false));
    token.id = *id;
    ENCDEC_RETURN_IF_ERROR(addToken(settings, std::move(token), where));
  }
  return Status::success();
}

Status readAddedTokens(std::string_view json, Settings &settings) {
  ENCDEC_ASSIGN_OR_RETURN(const JsonValue root,
                          parseJson(json, jsonLimits).withContext(addedName));
  std::set<std::string> special;
  for (const auto &[role, token] : settings.roles)
    special.insert(token.content);
  if (settings.extra)
    for (const TokenSettings &token : *settings.extra)
      if (token.special)
        special.insert(token.content);
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const std::optional<uint64_t> id = root.items[i].asUnsigned();
    if (!id || *id >= ENCDEC_TOKENIZER_MAX_IDS)
      return badModel(
          fmt::format("{}: key {}: expected an id from 0 to {}, found {}",
                      addedName, quote(root.keys[i]),
                      ENCDEC_TOKENIZER_MAX_IDS - 1, root.items[i].show()));
    if (root.keys[i].empty() ||
        root.keys[i].size() > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
      return badModel(fmt::format(
          "{}: key {}: expected a token of 1 to {} bytes", addedName,
          quote(root.keys[i], 40), ENCDEC_TOKENIZER_MAX_PIECE_BYTES));
    TokenSettings token{.content = root.keys[i]};
    token.file = addedName;
    token.special = special.contains(token.content);
    token.normalized = !token.special;
    token.id = int32_t(*id);
    ENCDEC_RETURN_IF_ERROR(addToken(settings, std::move(token), addedName));
  }
  return Status::success();
}

Status setRole(Settings &settings, const std::string &name, TokenSettings token,
               const std::string &where) {
  for (auto &[role, settled] : settings.roles)
    if (role == name) {
      settled = std::move(token);
      return Status::success();
    }
  if (settings.roles.size() == maxRoles)
    return badModel(
        fmt::format("{}: more than {} keys of tokens", where, maxRoles));
  settings.roles.emplace_back(name, std::move(token));
  return Status::success();
}

/// The tokens of one of the two files; what it says comes last and so wins.
Status readTokens(const JsonValue &root, const char *file, Settings &settings) {
  for (size_t i = 0; i < root.keys.size(); ++i) {
    const std::string &key = root.keys[i];
    const JsonValue &value = root.items[i];
    const std::string where = fmt::format("{}: key {}", file, quote(key));
    if (key == "additional_special_tokens" || key == "extra_special_tokens") {
      if (value.isNull() ||
          (key == "extra_special_tokens" && value.kind == JsonValue::Object))
        continue; // an object names tokens of roles, which no text model has
      if (value.kind != JsonValue::Array)
        return badModel(fmt::format("{}: expected an array, found {}", where,
                                    value.show()));
      if (value.items.size() > maxAddedTokens)
        return badModel(fmt::format("{}: more than {} added tokens", where,
                                    maxAddedTokens));
      std::vector<TokenSettings> tokens;
      for (const JsonValue &item : value.items) {
        // Objects are special where they say so, names always.
        ENCDEC_ASSIGN_OR_RETURN(
            tokens.emplace_back(),
            readToken(item, where, item.asText() != nullptr));
      }
      // An empty list of the new name stands beside a full one of the old name.
      if (!tokens.empty() || !settings.extra)
        settings.extra = std::move(tokens);
    } else if (key.ends_with("_token") && value.isNull()) {
      ENCDEC_RETURN_IF_ERROR(setRole(settings, key, {}, where));
    } else if (std::ranges::find(usualRoles, key) != std::end(usualRoles) ||
               (key.ends_with("_token") &&
                (value.asText() || value.find("content")))) {
      ENCDEC_ASSIGN_OR_RETURN(TokenSettings token,
                              readToken(value, where, true));
      token.special = true;
      ENCDEC_RETURN_IF_ERROR(setRole(settings, key, std::move(token), where));
    }
  }
  return Status::success();
}

std::string withoutFast(std::string name) {
  if (name.ends_with("Fast"))
    name.resize(name.size() - 4);
  return name;
}

/// An id, or a list of one; the importer judges longer lists.
void readDecoderStart(Fields &fields, Settings &settings) {
  const std::vector<uint64_t> ids =
      fields.counts("decoder_start_token_id", ENCDEC_TOKENIZER_MAX_IDS - 1);
  if (ids.size() == 1)
    settings.decoderStart = ids[0];
}

/// Flags of a role come from the added token of the same text, if there is one.
void shareFlags(Settings &settings) {
  for (auto &[name, token] : settings.roles) {
    const auto same = std::ranges::find(settings.added, token.content,
                                        &TokenSettings::content);
    if (token.content.empty() || same == settings.added.end())
      continue;
    const int32_t id = token.id;
    token = *same;
    token.id = id;
    token.special = true;
  }
}

} // namespace

Result<TokenSettings> readToken(const JsonValue &value,
                                const std::string &where, bool special) {
  TokenSettings token;
  if (const std::string *text = value.asText()) {
    token.content = *text;
    token.special = special;
    token.normalized = !special;
  } else if (value.kind == JsonValue::Object) {
    Fields fields(value, where);
    token.content = fields.text("content", "");
    token.lstrip = fields.flag("lstrip", false);
    token.rstrip = fields.flag("rstrip", false);
    token.singleWord = fields.flag("single_word", false);
    token.special = fields.flag("special", special);
    token.normalized = fields.flag("normalized", !token.special);
    ENCDEC_RETURN_IF_ERROR(fields.status());
  } else {
    return badModel(
        fmt::format("{}: expected a string or an object, found {}", where, value.show()));
  }
  if (token.content.empty() ||
      token.content.size() > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
    return badModel(fmt::format(
        "{}: expected a token of 1 to {} bytes, found {}", where,
        ENCDEC_TOKENIZER_MAX_PIECE_BYTES, quote(token.content, 40)));
  return token;
}

const TokenSettings *Settings::role(std::string_view name) const {
  for (const auto &[role, token] : roles)
    if (role == name)
      return &token;
  return nullptr;
}

Result<Settings> readSettings(const SettingsFiles &files) {
  Settings settings;
  auto className = [&](Fields &fields) {
    const std::string name = withoutFast(fields.text("tokenizer_class", ""));
    if (settings.tokenizerClass.empty())
      settings.tokenizerClass = name;
  };
  settings.keys.kind = JsonValue::Object;
  if (!files.tokenizerConfig.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(
        settings.keys,
        parseJson(files.tokenizerConfig, jsonLimits).withContext(configName));
    Fields fields(settings.keys, configName);
    className(fields);
    ENCDEC_RETURN_IF_ERROR(fields.status());
    if (const JsonValue *decoder = settings.keys.find("added_tokens_decoder"))
      if (!decoder->isNull())
        ENCDEC_RETURN_IF_ERROR(readAddedDecoder(*decoder, settings));
    ENCDEC_RETURN_IF_ERROR(readTokens(settings.keys, configName, settings));
  }
  if (!settings.hasAddedDecoder && !files.specialTokensMap.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(
        const JsonValue map,
        parseJson(files.specialTokensMap, jsonLimits).withContext(mapName));
    ENCDEC_RETURN_IF_ERROR(readTokens(map, mapName, settings));
  }
  if (!settings.hasAddedDecoder && !files.addedTokens.empty())
    ENCDEC_RETURN_IF_ERROR(readAddedTokens(files.addedTokens, settings));
  std::ranges::sort(settings.added, {}, &TokenSettings::id);
  shareFlags(settings);
  if (!files.config.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(
        const JsonValue config,
        parseJson(files.config, jsonLimits).withContext("config.json"));
    Fields fields(config, "config.json");
    className(fields);
    settings.modelType = fields.text("model_type", "");
    readDecoderStart(fields, settings);
    ENCDEC_RETURN_IF_ERROR(fields.status());
  }
  if (!files.generationConfig.empty()) {
    ENCDEC_ASSIGN_OR_RETURN(const JsonValue config,
                            parseJson(files.generationConfig, jsonLimits)
                                .withContext("generation_config.json"));
    Fields fields(config, "generation_config.json");
    readDecoderStart(fields, settings);
    ENCDEC_RETURN_IF_ERROR(fields.status());
  }
  return settings;
}

} // namespace encdec::tokenizer
