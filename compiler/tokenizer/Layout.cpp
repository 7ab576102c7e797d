//===- Layout.cpp - numbers pieces as a tokenizer file says ---------------===//

#include "compiler/tokenizer/Layout.h"

#include "compiler/import/Fields.h"
#include "encdec/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_set>

namespace encdec::tokenizer {

using checkpoint::Fields;

int32_t Names::find(std::string_view name) const {
  const int32_t number = numbers.find(name, textOf());
  return number < 0 ? -1 : names[size_t(number)].second;
}

const std::string *Names::name(int32_t id) const {
  const bool isNamed = id >= 0 && id < end() && byId[size_t(id)] >= 0;
  return isNamed ? &names[size_t(byId[size_t(id)])].first : nullptr;
}

bool Names::add(const std::string &name, int32_t id) {
  if (id < 0 || this->name(id))
    return false;
  const auto number = int32_t(names.size());
  names.emplace_back(name, id);
  if (numbers.insert(name, number, textOf()) >= 0) {
    names.pop_back();
    return false;
  }
  if (id >= end())
    byId.resize(size_t(id) + 1, -1);
  byId[size_t(id)] = number;
  return true;
}

VocabularyDescription Names::describe() const {
  VocabularyDescription vocabulary;
  vocabulary.names.reserve(names.size());
  for (const int32_t number : byId)
    if (number >= 0)
      vocabulary.names.push_back(names[size_t(number)]);
  return vocabulary;
}

Result<std::optional<TokenSettings>>
Roles::find(const std::string &role) const {
  if (const TokenSettings *token = settings.role(role))
    return token->content.empty() ? std::nullopt : std::optional(*token);
  const JsonValue *roles = file.find("roles");
  const JsonValue *own = roles ? roles->find(role) : nullptr;
  if (!own)
    return std::optional<TokenSettings>();
  ENCDEC_ASSIGN_OR_RETURN(TokenSettings token,
                          readToken(*own, "roles: " + role, true));
  return std::optional(std::move(token));
}

std::vector<std::string> Roles::all() const {
  // The order in which the reference adds tokens that a vocabulary lacks.
  std::vector<std::string> names = {"bos_token", "eos_token", "unk_token",
                                    "sep_token", "pad_token", "cls_token",
                                    "mask_token"};
  auto add = [&](const std::string &name) {
    if (std::ranges::find(names, name) == names.end())
      names.push_back(name);
  };
  if (const JsonValue *roles = file.find("roles"))
    std::ranges::for_each(roles->keys, add);
  for (const auto &[name, token] : settings.roles)
    add(name);
  return names;
}

Result<uint64_t> Roles::number(const JsonValue &value,
                               const std::string &where) const {
  if (value.asUnsigned())
    return *value.asUnsigned();
  Fields fields(value, where);
  const std::string key = fields.text("key", "");
  const uint64_t fallback = fields.count("default", 0, 0, 100'000);
  ENCDEC_RETURN_IF_ERROR(fields.status());
  Fields own(settings.keys, "tokenizer_config.json");
  const uint64_t number = own.count(key, fallback, 0, 100'000);
  ENCDEC_RETURN_IF_ERROR(own.status());
  return number;
}

std::string fillIn(std::string_view pattern, std::string_view text) {
  std::string filled(pattern);
  if (const size_t gap = filled.find("{}"); gap != filled.npos)
    filled.replace(gap, 2, text);
  return filled;
}

std::optional<std::string> matchPattern(std::string_view pattern,
                                        std::string_view text) {
  const size_t gap = pattern.find("{}");
  if (gap == pattern.npos)
    return pattern == text ? std::optional(std::string()) : std::nullopt;
  const std::string_view front = pattern.substr(0, gap),
                         back = pattern.substr(gap + 2);
  if (text.size() <= front.size() + back.size() || !text.starts_with(front) ||
      !text.ends_with(back))
    return std::nullopt;
  return std::string(
      text.substr(front.size(), text.size() - front.size() - back.size()));
}

Result<std::vector<std::string>> expandSeries(const JsonValue &item,
                                              const Roles &roles,
                                              const std::string &where) {
  Fields fields(item, where);
  const std::string pattern = fields.text("numbered", "");
  const uint64_t from = fields.count("from", 0, 0, 100'000);
  const bool down = fields.flag("down", false);
  const JsonValue *to = fields.get("to");
  fields.use("score");
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (!to || !fields.unused().empty() || pattern.find("{}") == pattern.npos)
    return badModel(where +
                    ": expected numbered, from, to, down and score alone");
  ENCDEC_ASSIGN_OR_RETURN(const uint64_t end, roles.number(*to, where + ".to"));
  std::vector<std::string> names;
  for (uint64_t i = from; i < end; ++i)
    names.push_back(fillIn(pattern, std::to_string(i)));
  if (down)
    std::ranges::reverse(names);
  return names;
}

Status layOut(const JsonValue &layout, const Roles &roles,
              const std::vector<std::string> &languages,
              ModelDescription &model) {
  if (layout.kind != JsonValue::Array)
    return badModel("key \"vocabulary\": expected an array");
  std::vector<PieceDescription> laid;
  std::unordered_set<std::string> named;
  auto addToken = [&](const std::string &token, double score) -> Status {
    if (!named.insert(token).second)
      return badModel(fmt::format("token {} stands twice in the vocabulary",
                                  quote(token, 40)));
    laid.push_back({.text = token, .score = score, .type = PieceType::Control});
    return Status::success();
  };
  for (size_t i = 0; i < layout.items.size(); ++i) {
    const JsonValue &item = layout.items[i];
    const std::string where = fmt::format("vocabulary[{}]", i);
    if (item.asText() && *item.asText() == "languages") {
      for (const std::string &language : languages)
        ENCDEC_RETURN_IF_ERROR(addToken(language, 0));
    } else if (item.asText()) {
      ENCDEC_ASSIGN_OR_RETURN(const auto token, roles.find(*item.asText()));
      if (token)
        ENCDEC_RETURN_IF_ERROR(addToken(token->content, 0));
    } else if (item.find("numbered")) {
      ENCDEC_ASSIGN_OR_RETURN(const auto names,
                              expandSeries(item, roles, where));
      const JsonValue *score = item.find("score");
      for (const std::string &name : names)
        ENCDEC_RETURN_IF_ERROR(
            addToken(name, score ? score->asNumber().value_or(0) : 0));
    } else {
      Fields fields(item, where);
      const uint64_t first = fields.count("pieces", 0, 0, 1000);
      const bool skipNamed = fields.flag("but_named", false);
      ENCDEC_RETURN_IF_ERROR(fields.status());
      for (size_t piece = first; piece < model.pieces.size(); ++piece) {
        if (!named.insert(model.pieces[piece].text).second) {
          if (skipNamed)
            continue;
          return badModel(
              fmt::format("piece {} has the text of a special token, {}", piece,
                          quote(model.pieces[piece].text, 40)));
        }
        laid.push_back(model.pieces[piece]);
      }
    }
    if (laid.size() > ENCDEC_TOKENIZER_MAX_IDS)
      return badModel(fmt::format("{}: more than {} pieces", where,
                                  ENCDEC_TOKENIZER_MAX_IDS));
  }
  for (size_t i = 0; i < laid.size(); ++i)
    laid[i].id = int32_t(i);
  model.pieces = std::move(laid);
  return Status::success();
}

} // namespace encdec::tokenizer
