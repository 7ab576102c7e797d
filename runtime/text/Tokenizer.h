//===- Tokenizer.h - what every tokenizer does: text to ids and back ------===//

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

struct EncodeOptions {
  /// Turn text like "</s>" into the special token that it spells. Off, because
  /// then whoever writes the text could end the sentence in its middle.
  bool parseSpecialTokens = false;
};

/// Immutable once made; any number of threads may use one at the same time.
class Tokenizer {
public:
  virtual ~Tokenizer() = default;

  /// The ids of a source text, with the special tokens that the model expects
  /// around it. `text` may hold any bytes; broken UTF-8 has a defined result.
  /// Sentences for the user are added to `warnings` unless it is null. The number of
  /// ids has no limit here; the model has one.
  virtual Result<std::vector<int32_t>>
  encode(std::string_view text, const EncodeOptions &options,
         std::vector<std::string> *warnings) const = 0;

  /// The text of generated ids, special tokens left out. A model may have more
  /// rows than its vocabulary has names: an id without one reads as the
  /// reference reads it (Marian: the unknown token). Usage for a negative id.
  virtual Result<std::string> decode(std::span<const int32_t> ids) const = 0;

  /// The pieces of ids as the vocabulary spells them, special ones included,
  /// for pictures and tables; "<id>" for ids outside the vocabulary.
  virtual std::vector<std::string>
  sourcePieces(std::span<const int32_t> ids) const = 0;
  virtual std::vector<std::string>
  targetPieces(std::span<const int32_t> ids) const = 0;

  /// One more than the greatest id that pieces, special tokens and language codes
  /// have in a source. (No text has the ids of other entries of a vocabulary, so these
  /// may be any.)
  virtual int32_t sourceIds() const = 0;
  virtual int32_t eosId() const = 0; ///< Ends a source.
  virtual int32_t unkId() const = 0;
  virtual int32_t padId() const = 0; ///< -1 where there is none.

  /// The codes that choose the target language in front of a source, as written
  /// there (">>fra<<"), by ascending id; empty for most models.
  virtual const std::vector<std::string> &languageCodes() const = 0;
};

} // namespace encdec
