//===- TokenizerFile.h - what a family's tokenizer is: data ---------------===//
//
// A tokenizer file (families/*.json; README.md documents the format) says which
// files of a checkpoint folder hold the vocabulary, which stages a text goes
// through, and where a language's token stands. The files are compiled in.

#pragma once

#include "compiler/import/File.h"
#include "compiler/tokenizer/Settings.h"
#include "runtime/base/Json.h"
#include "runtime/base/Status.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

using checkpoint::EmbeddedFile;
/// The tokenizer files, without iso639.json.
std::span<const EmbeddedFile> tokenizerFiles();
/// iso639.json: codes of three letters to codes of two.
std::string_view languageCodesFile();

/// Whose behaviour a tokenizer has where the reference loses what models were
/// trained with.
enum class As { Trained, Transformers };

/// What variants of a tokenizer file are chosen by.
struct Conditions {
  As as = As::Trained;
  const Settings &settings;
  std::function<bool(const std::string &)>
      hasFile; ///< In the checkpoint folder.
  /// Whether the SentencePiece model of that name has byte pieces, or an
  /// unknown piece that is not piece number `unk`.
  std::function<Result<bool>(const std::string &, uint64_t unk)> piecesDiffer;
};

/// Parses a tokenizer file; BadModel names the file and the key.
Result<JsonValue> parseTokenizerFile(const EmbeddedFile &file);

/// The name of the file for a folder: by class and model type, then by the
/// files that are there. Empty where the folder has no tokenizer files at all.
/// BadModel with the known names where nothing or more than one thing fits.
Result<std::string>
chooseTokenizer(const Settings &settings,
                const std::function<bool(const std::string &)> &hasFile);

/// The file called `name`. Usage error, with the known names, where there is
/// none.
Result<JsonValue> findTokenizer(std::string_view name);

/// The file with all variants whose conditions hold applied, in their order. `name` is for
/// messages.
Result<JsonValue> applyVariants(JsonValue file, const std::string &name,
                                const Conditions &conditions);

/// Puts the members of `patch` into `target`: null removes a member, an object
/// is merged, anything else replaces (RFC 7396).
void mergePatch(JsonValue &target, const JsonValue &patch);

} // namespace encdec::tokenizer
