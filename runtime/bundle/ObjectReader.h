//===- ObjectReader.h - an object that is read key by key, and no other ---===//
//
// One reader per object of the tree keeps the first error, so that a schema
// reads as a list of keys and ranges.

#pragma once

#include "runtime/base/Json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace encdec::runtime {

/// Takes keys out of one object; the first error stays in `status`.
class ObjectReader {
public:
  ObjectReader(const JsonValue *object, std::string path, Status &status)
      : object(object), path(std::move(path)), status(status) {
    if (!object || object->kind != JsonValue::Object)
      fail("", "an object", object);
  }

  const JsonValue *take(const char *key) {
    if (!status.ok())
      return nullptr;
    taken.insert(key);
    const JsonValue *found = object->find(key);
    if (!found)
      status = badModel(fmt::format("manifest: key '{}{}' is missing", path,
                                    key));
    return found;
  }

  /// Like take, for a key that may be missing: then null.
  const JsonValue *takeIfThere(const char *key) {
    return status.ok() && object->find(key) ? take(key) : nullptr;
  }

  uint64_t number(const char *key, uint64_t least, uint64_t most) {
    return toNumber(key, take(key), least, most);
  }

  std::optional<uint64_t> numberOrNull(const char *key, uint64_t least,
                                       uint64_t most) {
    const JsonValue *value = take(key);
    if (!value || value->isNull())
      return std::nullopt;
    return toNumber(key, value, least, most);
  }

  std::optional<uint64_t> numberIfThere(const char *key, uint64_t least, uint64_t most) {
    const JsonValue *value = takeIfThere(key);
    return value ? std::optional(toNumber(key, value, least, most)) : std::nullopt;
  }

  std::string text(const char *key) {
    const JsonValue *value = take(key);
    if (value && isPlainText(*value))
      return *value->asText();
    fail(key, plainText, value);
    return {};
  }

  /// One of `words`.
  template <typename Words = std::initializer_list<std::string_view>>
  std::string oneOf(const char *key, const Words &words) {
    const JsonValue *value = take(key);
    const std::string *text = value ? value->asText() : nullptr;
    if (text && std::ranges::count(words, *text))
      return *text;
    fail(key, fmt::format("one of {}", fmt::join(words, ", ")), value);
    return {};
  }

  double real(const char *key) {
    const JsonValue *value = take(key);
    if (!value)
      return 0;
    double result = value->asNumber().value_or(NAN);
    if (!std::isfinite(result))
      fail(key, "a finite number", value);
    return result;
  }

  /// A token id below `vocabulary`.
  int32_t id(const char *key, uint64_t vocabulary) {
    return int32_t(number(key, 0, vocabulary - 1));
  }

  std::optional<int32_t> idOrNull(const char *key, uint64_t vocabulary) {
    auto value = numberOrNull(key, 0, vocabulary - 1);
    return value ? std::optional(int32_t(*value)) : std::nullopt;
  }

  std::vector<int32_t> ids(const char *key, uint64_t vocabulary) {
    std::vector<int32_t> result;
    const JsonValue *value = take(key);
    if (!value || value->kind != JsonValue::Array) {
      fail(key, "a list of token ids", value);
      return result;
    }
    for (const JsonValue &entry : value->items)
      result.push_back(int32_t(toNumber(key, &entry, 0, vocabulary - 1)));
    return result;
  }

  /// A list of at most `most` entries, each read by one(reader of an object).
  template <typename One> void objects(const char *key, size_t most, One one) {
    const JsonValue *value = take(key);
    if (!value || value->kind != JsonValue::Array || value->items.size() > most)
      return fail(key, fmt::format("a list of at most {} objects", most), value);
    for (size_t i = 0; i < value->items.size() && status.ok(); ++i)
      one(ObjectReader(&value->items[i], fmt::format("{}{}[{}].", path, key, i),
                       status));
  }

  std::vector<std::string> texts(const char *key) {
    std::vector<std::string> result;
    const JsonValue *value = take(key);
    if (value && value->kind == JsonValue::Array &&
        std::ranges::all_of(value->items, isPlainText))
      for (const JsonValue &item : value->items)
        result.push_back(*item.asText());
    else
      fail(key, std::string("a list, each entry ") + plainText, value);
    return result;
  }

  /// Complains about keys that nobody took.
  void finish() {
    if (!status.ok())
      return;
    auto unknown =
        std::ranges::find_if(object->keys, [&](const std::string &key) {
          return !taken.contains(key);
        });
    if (unknown != object->keys.end())
      status =
          badModel("manifest: unknown key " + quote(path + *unknown, 60, '\''));
  }

private:
  /// What goes on to messages and terminals holds nothing that steers them.
  static constexpr const char *plainText =
      "a string of at most 200 bytes without control characters";
  static bool isPlainText(const JsonValue &value) {
    const std::string *text = value.asText();
    return text && text->size() <= 200 &&
           std::ranges::all_of(
               *text, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  }

  uint64_t toNumber(const char *key, const JsonValue *value, uint64_t least,
                    uint64_t most) {
    if (!value)
      return least;
    std::optional<uint64_t> number = value->asUnsigned();
    if (number && *number >= least && *number <= most)
      return *number;
    fail(key, fmt::format("an integer from {} to {}", least, most), value);
    return least;
  }

  /// Of a key that is missing, take() has said so already.
  void fail(const char *key, const std::string &expected,
            const JsonValue *found) {
    if (!status.ok())
      return;
    status =
        badModel(fmt::format("manifest: key '{}{}' must be {}, but is {}", path,
                             key, expected, found ? found->show() : "nothing"));
  }

  const JsonValue *object;
  std::string path;
  Status &status;
  std::set<std::string> taken;
};

} // namespace encdec::runtime
