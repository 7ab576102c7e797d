// Fields.cpp: typed look-ups in a JSON object.
#include "compiler/import/Fields.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace encdec::checkpoint {

const JsonValue *Fields::get(std::string_view key) {
  use(key);
  const JsonValue *value = object.find(key);
  return value && !value->isNull() ? value : nullptr;
}

void Fields::fail(std::string_view key, const std::string &expected) {
  const JsonValue *value = object.find(key);
  failWith(
      badModel(fmt::format("{}: key \"{}\": expected {}, found {}", file, key,
                           expected, value ? value->show() : "nothing")));
}

std::optional<uint64_t> Fields::optionalCount(std::string_view key,
                                              uint64_t least, uint64_t most) {
  const JsonValue *value = get(key);
  if (!value)
    return std::nullopt;
  std::optional<uint64_t> number = value->asUnsigned();
  if (number && *number >= least && *number <= most)
    return number;
  fail(key, fmt::format("a whole number from {} to {}", least, most));
  return std::nullopt;
}

uint64_t Fields::count(std::string_view key, uint64_t fallback, uint64_t least,
                       uint64_t most) {
  return optionalCount(key, least, most).value_or(fallback);
}

std::vector<uint64_t> Fields::counts(std::string_view key, uint64_t most) {
  const JsonValue *value = get(key);
  if (!value)
    return {};
  std::vector<uint64_t> result;
  auto add = [&](const JsonValue &item) {
    std::optional<uint64_t> number = item.asUnsigned();
    if (!number || *number > most)
      return false;
    result.push_back(*number);
    return true;
  };
  bool good = true;
  if (value->kind == JsonValue::Array)
    for (const JsonValue &item : value->items)
      good = good && add(item);
  else
    good = add(*value);
  if (good)
    return result;
  fail(key, fmt::format("a whole number from 0 to {} or a list of them", most));
  return {};
}

bool Fields::flag(std::string_view key, bool fallback) {
  const JsonValue *value = get(key);
  if (!value)
    return fallback;
  if (value->kind == JsonValue::Bool)
    return value->boolean;
  fail(key, "true or false");
  return fallback;
}

double Fields::number(std::string_view key, double fallback) {
  const JsonValue *value = get(key);
  if (!value)
    return fallback;
  if (std::optional<double> result = value->asNumber())
    return *result;
  fail(key, "a number");
  return fallback;
}

std::string Fields::text(std::string_view key, std::string_view fallback) {
  const JsonValue *value = get(key);
  if (!value)
    return std::string(fallback);
  if (const std::string *result = value->asText())
    return *result;
  fail(key, "a string");
  return std::string(fallback);
}

std::vector<std::string> Fields::unused() const {
  std::vector<std::string> result;
  for (size_t i = 0; i < object.keys.size(); ++i)
    if (!object.items[i].isNull() && !used.contains(object.keys[i]))
      result.push_back(object.keys[i]);
  return result;
}

std::string listNames(const std::vector<std::string> &names) {
  size_t shown = std::min<size_t>(names.size(), 8);
  std::string list = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + ptrdiff_t(shown), ", "));
  if (names.size() > shown)
    list += fmt::format(" and {} more", names.size() - shown);
  return list;
}

} // namespace encdec::checkpoint
