// FamilyReader.h: typed look-ups in an architecture file that remember the first mistake
// and notice fields that nobody reads.
#pragma once
#include "compiler/import/FamilyFile.h"

#include <set>

namespace encdec::checkpoint {

/// The first mistake of one file.
struct FamilyError {
  std::string file;
  Status first;

  /// Notes "FILE: PATH: expected EXPECTED, found VALUE" unless there is an error already.
  void fail(const std::string &path, const std::string &expected, const JsonValue *found);
};

/// One object of the file. The reader of a side looks a field up in the side's own object
/// and, where that lacks the field, in `both`; in texts it replaces {side} by the side's name.
class FamilyReader {
public:
  /// `object` may be null: an object without fields.
  FamilyReader(FamilyError &error, const JsonValue *object, std::string path,
               const JsonValue *both = nullptr, std::optional<Side> side = {});

  /// Null where the field is absent; `path` gets its place.
  const JsonValue *find(std::string_view field, std::string *path = nullptr);
  /// An absent object reads as one without fields.
  FamilyReader object(std::string_view field);
  bool has(std::string_view field) { return find(field); }

  std::string text(std::string_view field, bool needed = true);
  /// One of `words`; the first of them where the field is absent and not needed.
  std::string word(std::string_view field, const std::vector<std::string> &words,
                   bool needed = true);
  bool flag(std::string_view field, bool fallback);
  std::vector<std::string> texts(std::string_view field, bool needed = true);
  FamilyValue value(std::string_view field, bool needed = true);
  /// The name of a tensor or module; with {layer} in it exactly if it is one `ofLayer`.
  std::string tensor(std::string_view field, bool ofLayer, bool needed = true);
  FamilyValue parseValue(const JsonValue &json, const std::string &path);
  std::string checkTensor(std::string name, const std::string &path, bool ofLayer,
                          const JsonValue &json);

  /// A field that nobody asked for is a mistake.
  void finish();
  void fail(std::string_view field, const std::string &expected);
  const std::string &place() const { return path; }
  FamilyError &error;

private:
  std::string sided(std::string text) const;
  const JsonValue *own, *both;
  std::string path;
  std::optional<Side> side;
  std::set<std::string, std::less<>> known;
};

/// "a, b or c"
std::string oneOf(const std::vector<std::string> &words);

} // namespace encdec::checkpoint
