//===- Tokenizer.h - text to ids and back ---------------------------------===//

#pragma once

#include "runtime/base/Status.h"
#include "runtime/text/Table.h"
#include "runtime/text/Text.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

struct EncodeOptions {
  /// Turn text like "</s>" into the special token that it spells. Off, because
  /// then whoever writes the text could end the sentence in its middle. Sentinels,
  /// user-defined pieces and languages are tokens in either case.
  bool parseSpecialTokens = false;
  /// As a target (a decoder's input, a text to score) instead of as a source.
  bool targetSide = false;
  /// With the special tokens that the model expects around the text.
  bool affixes = true;
  bool offsets = false; ///< Fill Encoding::offsets.
  /// Of Tokenizer::language; -1: the model's default, if it has one.
  int32_t sourceLanguage = -1, targetLanguage = -1;
};

struct Encoding {
  std::vector<int32_t> ids;
  /// With EncodeOptions::offsets, the bytes of the text that each id stands for; empty
  /// ranges for ids that stand for none. Neither begins nor ends decrease.
  std::vector<Origin> offsets;
  bool hasUnknown = false;           ///< Whether the unknown token stands for text.
  std::vector<std::string> warnings; ///< Sentences for the user.
};

/// What a table describes. Borrows the table's bytes; immutable, so any number of threads
/// may use one at the same time.
class Tokenizer {
public:
  /// Verifies the table (TokenizerTable::open). Builds nothing.
  static Result<Tokenizer> open(std::span<const uint8_t> table);

  /// The ids of a text. `text` may hold any bytes; each that is no UTF-8 reads as U+FFFD.
  /// The number of ids has no limit here; the model has one. Limit for a text, or a
  /// normal form, of more than 16 MB; BadModel where a damaged table shows
  /// only here. Time: linear in the text, n log n for a long word
  /// with merges.
  Result<Encoding> encode(std::string_view text, const EncodeOptions &options = {}) const;

  /// The text of generated ids, special tokens left out. A model may have more rows than
  /// its vocabulary has names: such an id reads as nothing, or as the reference reads it
  /// (the unknown token). Usage for a negative id. Detokenizer.h has the same
  /// piece by piece.
  Result<std::string> decode(std::span<const int32_t> ids) const;

  /// The pieces of ids as the vocabulary spells them, special ones included,
  /// for pictures and tables; "<id>" for ids without a name.
  std::vector<std::string> sourcePieces(std::span<const int32_t> ids) const;
  std::vector<std::string> targetPieces(std::span<const int32_t> ids) const;

  /// One more than the greatest id that pieces, special tokens and languages
  /// have in a source. (No text has the ids of other entries of a vocabulary, so these
  /// may be any.)
  int32_t sourceIds() const { return static_cast<int32_t>(table.header.source_ids); }
  int32_t eosId() const { return table.header.eos_id; } ///< -1 where there is none.
  int32_t unkId() const { return table.header.unk_id; }
  int32_t padId() const { return table.header.pad_id; }
  const char *kind() const { return table.header.kind; }

  /// Languages, by ascending id: how many, each one's code as the checkpoint names it
  /// (">>fra<<", "fra_Latn") and its token.
  size_t languageCount() const { return table.languages.size(); }
  std::string_view languageCode(size_t language) const {
    return table.text(table.languages[language].code);
  }
  int32_t languageId(size_t language) const { return table.languages[language].id; }
  /// The language of a code, or of another name that only one language has ("fr"), in
  /// capitals, too, where that leaves one. Usage, with the nearest names, where there is
  /// none, and with the candidates where several have it.
  Result<size_t> findLanguage(std::string_view name) const;

  /// What a target language asks of the decoder: its first generated token and its start
  /// token, where the model's default start is a language. -1 for the default language.
  struct DecoderTokens {
    std::optional<int32_t> forcedFirst, start;
  };
  DecoderTokens decoderTokens(int32_t targetLanguage, int32_t defaultStart) const;
  /// Whether choosing a source language, or a target language, changes anything.
  bool hasSourceLanguage() const;
  bool hasTargetLanguage() const;

private:
  friend class Detokenizer;
  /// Languages with this code or, where none has, with this alias.
  std::vector<size_t> languagesCalled(std::string_view name, bool ignoringCase) const;

  TokenizerTable table;
};

} // namespace encdec
