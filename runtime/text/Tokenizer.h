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

/// Immutable once made; any number of threads may use one at a time.
class Tokenizer {
public:
  virtual ~Tokenizer() = default;

  /// The ids of a source text, with the special tokens that the model expects
  /// around it. Any bytes will do; what is no UTF-8 has a defined result.
  /// Sentences for the user are added to `warnings` unless it is null. No
  /// limit to the number of ids: that is the model's business.
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
  /// have in a source. (Other entries of a vocabulary are of no use to a model, and
  /// may have any ids.)
  virtual int32_t sourceIds() const = 0;
  virtual int32_t eosId() const = 0; ///< Ends a source.
  virtual int32_t unkId() const = 0;
  virtual int32_t padId() const = 0; ///< -1 where there is none.

  /// What may stand in front of a source to choose the target language, as it
  /// is written there (">>fra<<"), by ascending id; empty for most models.
  virtual const std::vector<std::string> &languageCodes() const = 0;
};

} // namespace encdec
