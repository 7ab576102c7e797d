// Fields.h: typed look-ups in a JSON object that remember the first mistake, so
// that a family's list of keys reads like a table.
#pragma once
#include "runtime/base/Json.h"

#include <set>
#include <string>
#include <vector>

namespace encdec::checkpoint {

/// A view of one JSON object. The object must outlive it. After the first
/// error, look-ups return their fallback and `status()` holds the error.
class Fields {
public:
  Fields(const JsonValue &object, std::string file)
      : object(object), file(std::move(file)) {}

  /// Null when absent or null. Marks the key as used.
  const JsonValue *get(std::string_view key);
  /// A whole number within [least, most].
  uint64_t count(std::string_view key, uint64_t fallback, uint64_t least,
                 uint64_t most);
  std::optional<uint64_t> optionalCount(std::string_view key, uint64_t least,
                                        uint64_t most);
  /// A number, or a list of numbers, each within [0, most].
  std::vector<uint64_t> counts(std::string_view key, uint64_t most);
  bool flag(std::string_view key, bool fallback);
  double number(std::string_view key, double fallback);
  std::string text(std::string_view key, std::string_view fallback);

  /// Notes an error at `key` unless one is noted already.
  void fail(std::string_view key, const std::string &expected);
  void failWith(Status error) {
    if (first.ok())
      first = std::move(error);
  }
  const Status &status() const { return first; }
  const std::string &fileName() const { return file; }

  void use(std::string_view key) { used.emplace(key); }
  /// Keys with a value (not null) that nobody asked for, in file order.
  std::vector<std::string> unused() const;

private:
  const JsonValue &object;
  std::string file;
  std::set<std::string, std::less<>> used;
  Status first;
};

/// At most eight names, so that no file prints a page.
std::string listNames(const std::vector<std::string> &names);

} // namespace encdec::checkpoint
