//===- Json.h - the one JSON reader of files nobody vouches for -----------===//
//
// Two readers of one file must not see two models, so nothing is said twice and
// nothing is guessed: repeated keys, deep nesting, broken UTF-8, byte order
// marks and text behind the document are errors, and integers stay exact. The
// document comes as events or, where it is small, as a tree.

#pragma once

#include "runtime/base/Status.h"
#include "runtime/base/Utf8.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

struct JsonLimits {
  unsigned depth = 64;
  uint64_t values = 1u << 20; ///< Scalars, arrays and objects together.
};

/// A value, and in a tree what it holds.
struct JsonValue {
  enum Kind { Null, Bool, Unsigned, Negative, Real, String, Array, Object };
  Kind kind = Null;
  bool boolean = false;
  uint64_t integer = 0; ///< Unsigned.
  int64_t negative = 0; ///< Negative: always < 0.
  double real = 0;      ///< Real, and integers beyond 64 bits.
  std::string text{};   ///< String.
  std::vector<std::string> keys{}; ///< Object: keys[i] names items[i].
  std::vector<JsonValue> items{};  ///< Array and Object.

  /// What messages call it: "an integer".
  const char *kindName() const;
  /// Null when there is no such key.
  const JsonValue *find(std::string_view key) const;
  bool isNull() const { return kind == Null; }
  bool isScalar() const { return kind < Array; }
  /// The exact value, if it is an integer ≥ 0.
  std::optional<uint64_t> asUnsigned() const {
    return kind == Unsigned ? std::optional(integer) : std::nullopt;
  }
  /// Any number (an integer counts as one).
  std::optional<double> asNumber() const;
  /// The text, if it is a string.
  const std::string *asText() const { return kind == String ? &text : nullptr; }
  /// How messages show the value: JSON text, cut when long.
  std::string show() const;
};

/// Receives a document in order. Each call returns an empty string to go on, or
/// a sentence that stops the scan; the scanner puts the byte before it.
class JsonEvents {
public:
  virtual ~JsonEvents();
  virtual std::string beginObject() { return {}; }
  virtual std::string key(std::string_view) { return {}; }
  virtual std::string endObject() { return {}; }
  virtual std::string beginArray() { return {}; }
  virtual std::string endArray() { return {}; }
  /// Neither an array nor an object.
  virtual std::string scalar(JsonValue) { return {}; }
};

/// Collects events into a tree, `root`, which is whole once its document has ended.
class JsonTree : public JsonEvents {
public:
  std::string beginObject() override { return push(JsonValue::Object); }
  std::string beginArray() override { return push(JsonValue::Array); }
  std::string endObject() override { return pop(); }
  std::string endArray() override { return pop(); }
  std::string key(std::string_view name) override {
    stack.back().keys.emplace_back(name);
    return {};
  }
  std::string scalar(JsonValue value) override { return place(std::move(value)); }
  JsonValue root;

private:
  std::string push(JsonValue::Kind kind);
  std::string pop();
  std::string place(JsonValue value);
  std::vector<JsonValue> stack;
};

/// Scans `text`: one document, whose outermost value is an object. BadModel,
/// with the byte, for all that is no such text; Limit for too many values. Not
/// recursive: depth costs no stack.
Status scanJson(std::string_view text, JsonEvents &events,
                const JsonLimits &limits = {});

/// A text as JSON spells it, in double quotes. `utf8` is well formed.
std::string jsonString(std::string_view utf8);

/// The tree of what scanJson takes.
Result<JsonValue> parseJson(std::string_view text,
                            const JsonLimits &limits = {});

} // namespace encdec
