//===- Layout.h - which id a piece, a special token or a language has -----===//

#pragma once

#include "compiler/tokenizer/Base.h"
#include "compiler/tokenizer/Settings.h"
#include "compiler/tokenizer/StringIndex.h"
#include "runtime/base/Json.h"

#include <string>
#include <vector>

namespace encdec::tokenizer {

/// Names and their ids, one to one.
class Names {
public:
  int32_t find(std::string_view name) const;
  /// The name of an id, or nothing.
  const std::string *name(int32_t id) const;
  /// False where the name or the id is taken. Takes memory for all ids below.
  bool add(const std::string &name, int32_t id);
  /// One more than the greatest id.
  int32_t end() const { return int32_t(byId.size()); }
  VocabularyDescription describe() const;

private:
  auto textOf() const {
    return [this](int32_t number) -> std::string_view {
      return names[size_t(number)].first;
    };
  }
  std::vector<std::pair<std::string, int32_t>> names; ///< And their ids.
  StringIndex numbers;                                ///< Of names.
  std::vector<int32_t> byId; ///< The number of each id's name, or -1.
};

/// The numbers and special tokens that a tokenizer file and a folder's settings
/// agree on.
class Roles {
public:
  Roles(const JsonValue &file, const Settings &settings)
      : file(file), settings(settings) {}

  /// The token of a role as "eos_token": the settings', else the file's; null:
  /// none.
  Result<std::optional<TokenSettings>> find(const std::string &role) const;
  /// All roles that the file or the settings name, the usual ones first.
  std::vector<std::string> all() const;
  /// A number, or {"key": a setting, "default": a number}.
  Result<uint64_t> number(const JsonValue &value,
                          const std::string &where) const;

private:
  const JsonValue &file;
  const Settings &settings;
};

/// A series {"numbered": "<extra_id_{}>", "from": 0, "to": n, "down": true}.
Result<std::vector<std::string>> expandSeries(const JsonValue &item,
                                              const Roles &roles,
                                              const std::string &where);

/// `pattern` with `text` for its "{}".
std::string fillIn(std::string_view pattern, std::string_view text);
/// The text that stands for "{}" in `text`, where it fits the pattern.
std::optional<std::string> matchPattern(std::string_view pattern,
                                        std::string_view text);

/// Numbers the base's pieces anew as the tokenizer file's "vocabulary" lists
/// them: roles, series, "languages" and {"pieces": n}, those from piece n on.
/// Pieces that it does not list are gone. Adds pieces for tokens that the base
/// does not have.
Status layOut(const JsonValue &layout, const Roles &roles,
              const std::vector<std::string> &languages,
              ModelDescription &model);

} // namespace encdec::tokenizer
