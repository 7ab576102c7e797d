//===- Vocabularies.h - ids, pieces and special tokens of a folder --------===//

#pragma once

#include "compiler/tokenizer/Describe.h"
#include "compiler/tokenizer/Languages.h"
#include "compiler/tokenizer/Layout.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace encdec::tokenizer {

/// Reads files and remembers which.
class FilesRead {
public:
  FilesRead(const Folder &folder, std::vector<std::string> &names)
      : folder(folder), names(names) {}

  bool has(const std::string &name) const { return folder.has(name); }
  /// No file may be empty: one of 0 bytes is what a broken download leaves.
  Result<std::string> read(const std::string &name) {
    if (!has(name))
      return badModel(name + ": the file is missing");
    if (std::ranges::find(names, name) == names.end())
      names.push_back(name);
    ENCDEC_ASSIGN_OR_RETURN(std::string bytes, folder.read(name));
    if (bytes.empty())
      return badModel(name + ": the file is empty; copy it again from where the "
                             "checkpoint comes from, or remove it");
    return bytes;
  }
  /// Empty where there is no such file.
  Result<std::string> readIfThere(const std::string &name) {
    return has(name) ? read(name) : Result<std::string>(std::string());
  }

private:
  const Folder &folder;
  std::vector<std::string> &names;
};

/// One vocabulary with its special tokens: the source's, or a target's of its
/// own.
struct SideVocabulary {
  Base base;
  Names names;
  bool hasOwnIds = false; ///< vocab.json numbers the pieces.
  std::vector<AddedToken> added;
  std::set<int32_t> special; ///< Ids that decoded text leaves out.
  std::set<int32_t>
      control; ///< Ids that no text has unless the user asks for them.
};

/// What the files of a folder say, numbered as its tokenizer file says.
struct Vocabularies {
  std::optional<TokenizerJson> json; ///< For the stages in it.
  std::vector<LanguageToken> languages;
  SideVocabulary source;
  std::optional<SideVocabulary> targetPieces;     ///< A model of its own.
  std::optional<SideVocabulary> targetVocabulary; ///< With ids of its own, too.

  const SideVocabulary &target() const {
    return targetVocabulary ? *targetVocabulary : source;
  }
};

/// The name of the folder's file that has a role in the tokenizer file's
/// "files"; empty: none.
std::string fileOfRole(const JsonValue &file, const char *role);
/// Whether the tokenizer file leaves a stage to the SentencePiece model.
bool isSentencePiece(const JsonValue &file, const char *stage);

/// Reads the vocabularies that the tokenizer file `file` names.
class VocabularyReader {
public:
  VocabularyReader(FilesRead &files, const Settings &settings,
                   const JsonValue &file)
      : files(files), settings(settings), file(file), roles(file, settings) {}

  Result<Vocabularies> read();

private:
  std::string fileName(const char *role) const {
    return fileOfRole(file, role);
  }
  Status loadBase(const char *pieces, Base &base);
  Status number(const char *vocabulary, SideVocabulary &side);
  Status numberAndListLanguages();
  Result<bool> hasTargetModel() const;
  Result<std::vector<TokenSettings>> specialTokens(bool ofSource) const;
  Status addTokens(SideVocabulary &side) const;
  bool isAlways(const TokenSettings &token) const;
  Status finishModel(SideVocabulary &side) const;
  Result<int32_t> unknownId(const SideVocabulary &side) const;

  FilesRead &files;
  const Settings &settings;
  const JsonValue &file;
  Roles roles;
  Vocabularies made;
  std::set<std::string> languageTokens;
};

} // namespace encdec::tokenizer
