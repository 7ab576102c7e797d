// Json.h: JSON from files nobody vouches for. Duplicate keys, deep nesting,
// broken UTF-8 and trailing text are errors; integers stay exact.
#pragma once
#include "runtime/base/Status.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::checkpoint {

struct JsonLimits {
  unsigned depth = 64;
  uint64_t values = 1u << 20; // scalars, arrays and objects together
};

/// A value that is neither an array nor an object.
struct JsonScalar {
  enum Kind { Null, Bool, Unsigned, Negative, Real, String };
  Kind kind = Null;
  bool boolean = false;
  uint64_t integer = 0; // Unsigned
  int64_t negative = 0; // Negative: always < 0
  double real = 0;      // Real, and integers beyond 64 bits
  std::string text;     // String
};

/// Receives a document in order. Each call returns an empty string to go on,
/// or a sentence that stops the scan; the scanner adds file and byte offset.
class JsonEvents {
public:
  virtual ~JsonEvents();
  virtual std::string beginObject() = 0;
  virtual std::string key(std::string_view name) = 0;
  virtual std::string endObject() = 0;
  virtual std::string beginArray() = 0;
  virtual std::string endArray() = 0;
  virtual std::string scalar(JsonScalar value) = 0;
};

/// Scans `text` (one whole document); `file` is the name used in messages.
Status scanJson(std::string_view text, const std::string &file,
                JsonEvents &events, const JsonLimits &limits = {});

/// A document as a tree, for small files.
struct JsonValue {
  enum Kind { Scalar, Array, Object };
  Kind kind = Scalar;
  JsonScalar scalar;
  std::vector<std::string> keys; // Object: keys[i] names items[i]
  std::vector<JsonValue> items;  // Array and Object

  const JsonValue *find(std::string_view key) const;
  bool isNull() const {
    return kind == Scalar && scalar.kind == JsonScalar::Null;
  }
  /// The exact value, if it is an integer ≥ 0.
  std::optional<uint64_t> asUnsigned() const {
    if (kind == Scalar && scalar.kind == JsonScalar::Unsigned)
      return scalar.integer;
    return std::nullopt;
  }
  /// Any number (an integer counts as one).
  std::optional<double> asNumber() const;
  /// How messages show the value: JSON text, cut when long.
  std::string show() const;
};

Result<JsonValue> parseJson(std::string_view text, const std::string &file,
                            const JsonLimits &limits = {});

/// `text` in quotes, control characters escaped, cut after `most` bytes.
std::string quote(std::string_view text, size_t most = 100);

/// Reads a whole file of at most `most` bytes. `name` is used in messages.
Result<std::string> readFile(const std::string &path, const std::string &name,
                             uint64_t most);

} // namespace encdec::checkpoint
