//===- ManifestTree.h - JSON that is read key by key, and no other --------===//
//
// Two passes: JSON to a tree (repeated keys and deep nesting are refused on the
// way), then the tree to numbers by one reader per object. The reader keeps the
// first error, so that a schema reads as a list of keys and ranges.

#pragma once

#include "runtime/base/Status.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace encdec::runtime {

using Json = nlohmann::json;

/// Text of the file as it may stand in a message: escaped, so that it stays one
/// line of ASCII, and cut.
std::string shown(const Json &value);
/// A key as it may stand in a message.
std::string shownKey(const std::string &key);

/// The tree of a JSON text. Errors: BadModel for broken syntax (with the byte),
/// a repeated key, deep nesting.
Result<Json> parseTree(std::string_view text);

/// Takes keys out of one object; the first error stays in `status`.
class ObjectReader {
public:
  ObjectReader(const Json *object, std::string path, Status &status)
      : object(object), path(std::move(path)), status(status) {
    if (!object || !object->is_object())
      fail("", "an object", object);
  }

  const Json *take(const char *key) {
    if (!status.ok())
      return nullptr;
    taken.insert(key);
    auto found = object->find(key);
    if (found == object->end()) {
      status = badModel(fmt::format("manifest: key '{}{}' is missing", path,
                                    key));
      return nullptr;
    }
    return &*found;
  }

  /// Like take, for a key that may be missing: then null.
  const Json *takeIfThere(const char *key) {
    return status.ok() && object->contains(key) ? take(key) : nullptr;
  }

  uint64_t number(const char *key, uint64_t least, uint64_t most) {
    return toNumber(key, take(key), least, most);
  }

  std::optional<uint64_t> numberOrNull(const char *key, uint64_t least,
                                       uint64_t most) {
    const Json *value = take(key);
    if (!value || value->is_null())
      return std::nullopt;
    return toNumber(key, value, least, most);
  }

  std::string text(const char *key) {
    const Json *value = take(key);
    if (!value)
      return {};
    if (!isPlainText(*value)) {
      fail(key, plainText, value);
      return {};
    }
    return value->get<std::string>();
  }

  /// One of `words`.
  std::string oneOf(const char *key,
                    std::initializer_list<std::string_view> words) {
    const Json *value = take(key);
    for (std::string_view word : words)
      if (value && *value == word)
        return std::string(word);
    if (value)
      fail(key, fmt::format("one of {}", fmt::join(words, ", ")), value);
    return {};
  }

  /// One of `words`, or "" for null.
  std::string oneOfOrNull(const char *key,
                          std::initializer_list<std::string_view> words) {
    const Json *value = take(key);
    if (!value || value->is_null())
      return {};
    return oneOf(key, words);
  }

  double real(const char *key) {
    const Json *value = take(key);
    if (!value)
      return 0;
    double result = value->is_number() ? value->get<double>() : NAN;
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
    const Json *value = take(key);
    if (!value)
      return result;
    if (!value->is_array()) {
      fail(key, "a list of token ids", value);
      return result;
    }
    for (const Json &entry : *value)
      result.push_back(int32_t(toNumber(key, &entry, 0, vocabulary - 1)));
    return result;
  }

  /// A list of at most `most` entries, each read by one(reader of an object).
  template <typename One> void objects(const char *key, size_t most, One one) {
    const Json *value = take(key);
    if (!value)
      return;
    if (!value->is_array() || value->size() > most)
      return fail(key, fmt::format("a list of at most {} objects", most), value);
    for (size_t i = 0; i < value->size() && status.ok(); ++i)
      one(ObjectReader(&(*value)[i], fmt::format("{}{}[{}].", path, key, i),
                       status));
  }

  std::vector<std::string> texts(const char *key) {
    std::vector<std::string> result;
    const Json *value = take(key);
    if (!value)
      return result;
    bool good = value->is_array();
    for (size_t i = 0; good && i < value->size(); ++i) {
      good = isPlainText((*value)[i]);
      if (good)
        result.push_back((*value)[i].get<std::string>());
    }
    if (!good)
      fail(key, std::string("a list, each entry ") + plainText, value);
    return result;
  }

  /// Complains about keys that nobody took.
  void finish() {
    if (!status.ok())
      return;
    for (const auto &entry : object->items())
      if (!taken.count(entry.key())) {
        status = badModel(
            fmt::format("manifest: unknown key {}", shownKey(path + entry.key())));
        return;
      }
  }

private:
  /// What goes on to messages and terminals holds nothing that steers them.
  static constexpr const char *plainText =
      "a string of at most 200 bytes without control characters";
  static bool isPlainText(const Json &value) {
    if (!value.is_string())
      return false;
    const auto &text = value.get_ref<const std::string &>();
    return text.size() <= 200 && std::all_of(text.begin(), text.end(), [](char c) {
             return static_cast<unsigned char>(c) >= ' ' && c != 0x7f;
           });
  }

  uint64_t toNumber(const char *key, const Json *value, uint64_t least,
                    uint64_t most) {
    if (!value)
      return least;
    uint64_t number = 0;
    bool good = value->is_number_unsigned();
    if (good) {
      number = value->get<uint64_t>();
      good = number >= least && number <= most;
    }
    if (!good)
      fail(key, fmt::format("an integer from {} to {}", least, most), value);
    return good ? number : least;
  }

  void fail(const char *key, const std::string &expected, const Json *found) {
    if (!status.ok())
      return;
    status = badModel(fmt::format("manifest: key '{}{}' must be {}, but is {}",
                                  path, key, expected,
                                  found ? shown(*found) : "nothing"));
  }

  const Json *object;
  std::string path;
  Status &status;
  std::set<std::string> taken;
};

} // namespace encdec::runtime
