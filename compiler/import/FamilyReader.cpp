// FamilyReader.cpp: typed look-ups in an architecture file.
#include "compiler/import/FamilyReader.h"

#include "compiler/import/FamilyValue.h"
#include "runtime/base/Suggest.h"

#include <algorithm>
#include <fmt/format.h>

namespace encdec::checkpoint {

std::string oneOf(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

void FamilyError::fail(const std::string &path, const std::string &expected,
                       const JsonValue *found) {
  if (first.ok())
    first = badModel(fmt::format("{}: {}: expected {}, found {}", file, path, expected,
                                 found ? found->show() : "nothing"));
}

FamilyReader::FamilyReader(FamilyError &error, const JsonValue *object, std::string path,
                           const JsonValue *both, std::optional<Side> side)
    : error(error), path(std::move(path)), side(side) {
  auto objectAt = [&](const JsonValue *json, const std::string &place) {
    bool good = !json || json->kind == JsonValue::Object;
    if (!good)
      error.fail(place, "an object", json);
    return good ? json : nullptr;
  };
  own = objectAt(object, this->path);
  this->both = objectAt(both, "both");
}

const JsonValue *FamilyReader::find(std::string_view field, std::string *place) {
  known.emplace(field);
  for (const JsonValue *each : {own, both}) {
    const JsonValue *value = each ? each->find(field) : nullptr;
    if (!value || value->isNull())
      continue;
    if (place)
      *place = each == both ? fmt::format("both.{}", field)
               : path.empty()       ? std::string(field)
                                    : fmt::format("{}.{}", path, field);
    return value;
  }
  if (place)
    *place = path.empty() ? std::string(field) : fmt::format("{}.{}", path, field);
  return nullptr;
}

void FamilyReader::fail(std::string_view field, const std::string &expected) {
  std::string place;
  const JsonValue *value = find(field, &place);
  error.fail(place, expected, value);
}

FamilyReader FamilyReader::object(std::string_view field) {
  std::string place;
  const JsonValue *value = find(field, &place);
  return FamilyReader(error, value, place, nullptr, side);
}

std::string FamilyReader::sided(std::string text) const {
  constexpr std::string_view mark = "{side}";
  if (side)
    for (size_t at; (at = text.find(mark)) != text.npos;)
      text.replace(at, mark.size(), nameOf(*side));
  return text;
}

std::string FamilyReader::text(std::string_view field, bool needed) {
  const JsonValue *value = find(field);
  if (value ? !value->asText() || value->asText()->empty() : needed)
    fail(field, "a text");
  return value && value->asText() ? sided(*value->asText()) : std::string();
}

std::string FamilyReader::word(std::string_view field, const std::vector<std::string> &words,
                               bool needed) {
  const JsonValue *value = find(field);
  if (!value && !needed)
    return words.front();
  if (value && value->asText() && std::ranges::find(words, *value->asText()) != words.end())
    return *value->asText();
  fail(field, oneOf(words));
  return words.front();
}

bool FamilyReader::flag(std::string_view field, bool fallback) {
  const JsonValue *value = find(field);
  if (value && value->kind != JsonValue::Bool)
    fail(field, "true or false");
  return value ? value->boolean : fallback;
}

std::vector<std::string> FamilyReader::texts(std::string_view field, bool needed) {
  const JsonValue *value = find(field);
  std::vector<std::string> result;
  bool good = value ? value->kind == JsonValue::Array : !needed;
  if (value && good)
    for (const JsonValue &item : value->items) {
      good = good && item.asText() && !item.asText()->empty();
      result.push_back(item.asText() ? sided(*item.asText()) : "");
    }
  if (!good || (needed && result.empty()))
    fail(field, "a list of texts");
  return result;
}

FamilyValue FamilyReader::value(std::string_view field, bool needed) {
  std::string place;
  if (const JsonValue *json = find(field, &place))
    return parseValue(*json, place);
  if (needed)
    fail(field, "a value");
  return {};
}

FamilyValue FamilyReader::parseValue(const JsonValue &json, const std::string &place) {
  FamilyValue value;
  value.path = place;
  auto child = [&](const JsonValue &item, const std::string &name) {
    value.entries.push_back(parseValue(item, fmt::format("{}.{}", place, name)));
  };
  if (json.kind == JsonValue::Array && !json.items.empty()) {
    value.kind = FamilyValue::Fallbacks;
    for (size_t i = 0; i < json.items.size(); ++i)
      child(json.items[i], std::to_string(i));
    return value;
  }
  // Empty lists and objects are what a neutral key may hold.
  if ((json.isScalar() && !json.isNull()) || (!json.isScalar() && json.items.empty())) {
    value.kind = FamilyValue::Literal;
    value.literal = json;
    return value;
  }
  FamilyReader fields(error, &json, place, nullptr, side);
  if (fields.has("derived")) {
    value.kind = FamilyValue::Derived;
    value.name = fields.word("derived", derivationNames());
  } else {
    value.kind = FamilyValue::Key;
    value.name = fields.text("key");
    if (const JsonValue *table = fields.find("is")) {
      value.kind = FamilyValue::Table;
      FamilyReader rows(error, table, place + ".is", nullptr, side);
      if (table->items.empty())
        error.fail(place + ".is", "an object with an entry for each value of the key", table);
      for (size_t i = 0; table->kind == JsonValue::Object && i < table->keys.size(); ++i) {
        value.texts.push_back(table->keys[i]);
        child(table->items[i], "is." + table->keys[i]);
      }
      if (const JsonValue *rest = fields.find("otherwise"))
        child(*rest, "otherwise");
    }
  }
  fields.finish();
  return value;
}

std::string FamilyReader::checkTensor(std::string name, const std::string &place,
                                      bool ofLayer, const JsonValue &json) {
  std::string rest = name;
  constexpr std::string_view mark = "{layer}";
  size_t at = rest.find(mark);
  if (at != rest.npos)
    rest.erase(at, mark.size());
  if ((at != rest.npos) != ofLayer || rest.find_first_of("{}") != rest.npos)
    error.fail(place,
               ofLayer ? "a tensor's name with {layer} in it once, and no other braces but "
                         "{side} of a side"
                       : "a tensor's name without braces but {side} of a side",
               &json);
  return name;
}

std::string FamilyReader::tensor(std::string_view field, bool ofLayer, bool needed) {
  std::string place, name = text(field, needed);
  const JsonValue *json = find(field, &place);
  return json ? checkTensor(std::move(name), place, ofLayer, *json) : name;
}

void FamilyReader::finish() {
  std::vector<std::string> names(known.begin(), known.end());
  for (const JsonValue *each : {own, both})
    for (size_t i = 0; each && i < each->keys.size(); ++i)
      if (!known.contains(each->keys[i]) && error.first.ok()) {
        std::string in = each == both ? "both" : path;
        error.first = badModel(fmt::format(
            "{}: {}{}\"{}\" is no field here{}", error.file, in, in.empty() ? "" : ": ",
            each->keys[i], didYouMean(each->keys[i], names)));
      }
}

} // namespace encdec::checkpoint
