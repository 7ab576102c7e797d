//===- TokenizerJson.h - tokenizer.json, the tokenizers library's own file ===//
//
// The file is one object; its model's vocabulary and merges are nearly all of
// it (17 MB in a large one), so these two are read as they come and the rest as
// a tree.

#pragma once

#include "runtime/base/Json.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace encdec::tokenizer {

struct VocabularyEntry {
  std::string text;
  double score = 0; ///< Unigram's.
  int32_t id = 0;
};

struct TokenizerJson {
  JsonValue document; ///< Without model.vocab and model.merges.
  /// model.vocab: a list of pairs (Unigram; ids count up) or an object (BPE).
  std::vector<VocabularyEntry> vocabulary;
  bool vocabularyIsObject = false;
  /// model.merges, written "a b" (up to version 4) or ["a", "b"].
  std::vector<std::pair<std::string, std::string>> merges;
  bool hasMerges = false; ///< Whether the key is there.
};

/// Reads the text of a tokenizer.json. BadModel with the byte for what is no
/// such file; what stands in its stages is read elsewhere (Stages.h). Time:
/// linear in the text.
Result<TokenizerJson> parseTokenizerJson(std::string_view text);

/// Reads vocab.json: {"piece": id, ...}.
Result<std::vector<VocabularyEntry>> parseVocabularyJson(std::string_view text);

/// Reads merges.txt: a line "a b" for each merge, the first merges first. A
/// first line that starts with "#version" is none.
Result<std::vector<std::pair<std::string, std::string>>>
parseMergesText(std::string_view text);

} // namespace encdec::tokenizer
