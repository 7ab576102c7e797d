//===- Settings.h - tokenizer_config.json and the files beside it ---------===//
//
// What a checkpoint folder says about its tokenizer besides vocabularies: the
// class, the special tokens and the added ones, in the forms of Transformers 4
// and 5.

#pragma once

#include "runtime/base/Json.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

/// A special or an added token.
struct TokenSettings {
  std::string content;
  bool lstrip = false, rstrip = false, singleWord = false;
  bool normalized = false;
  bool special = true;
  int32_t id = -1; ///< -1: where the vocabulary has it, or behind all others.
  const char *file = "tokenizer_config.json"; ///< That says so, for messages.
};

/// "</s>", or {"content": "</s>", "lstrip": false, ...}. `special` is for the
/// ones that do not say; those are normalized unless they are special. BadModel
/// names `where`.
Result<TokenSettings> readToken(const JsonValue &value,
                                const std::string &where, bool special);

/// The contents of the files; empty: no such file. Borrowed during the call.
struct SettingsFiles {
  std::string_view tokenizerConfig;  ///< tokenizer_config.json
  std::string_view specialTokensMap; ///< special_tokens_map.json
  std::string_view addedTokens;      ///< added_tokens.json
  std::string_view config;           ///< config.json
  std::string_view generationConfig; ///< generation_config.json
};

struct Settings {
  /// tokenizer_class without "Fast", of tokenizer_config.json or else
  /// config.json; empty: none.
  std::string tokenizerClass;
  std::string modelType;                ///< config.json's; empty: none.
  std::optional<uint64_t> decoderStart; ///< The model's decoder_start_token_id.
  /// By role, as "eos_token". A role that is null in the files is there without
  /// content.
  std::vector<std::pair<std::string, TokenSettings>> roles;
  /// additional_special_tokens or extra_special_tokens, if a file has them.
  std::optional<std::vector<TokenSettings>> extra;
  /// added_tokens_decoder or added_tokens.json, by ascending id.
  std::vector<TokenSettings> added;
  bool hasAddedDecoder = false;
  JsonValue
      keys; ///< tokenizer_config.json, for the keys that tokenizer files name.

  const TokenSettings *role(std::string_view name) const;
};

/// Reads all. BadModel with file and key. Limits: 100,000 added tokens.
Result<Settings> readSettings(const SettingsFiles &files);

} // namespace encdec::tokenizer
