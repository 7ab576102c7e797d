//===- Normalizer.h - a text as a SentencePiece model is given it ---------===//
//
// Follows Normalizer::Normalize of SentencePiece (src/normalizer.cc): the
// character map, U+FFFD for each byte that is no UTF-8, whitespace collapsed
// and trimmed, a space put in front, spaces written as U+2581, each as far as
// the model asks for it.

#pragma once

#include "runtime/text/CharsMap.h"
#include "runtime/text/PieceTrie.h"
#include "runtime/text/SentencePieceFile.h"

namespace encdec {

/// Immutable once made; any number of threads may normalize.
class Normalizer {
public:
  Normalizer() = default;

  /// `userDefined` holds the symbols that pass unchanged. BadModel when the
  /// character map is broken.
  static Result<Normalizer> create(const NormalizerOptions &options,
                                   PieceTrie userDefined);

  /// Valid UTF-8 whatever bytes come in (if the character map's strings are).
  /// Limit when `text` or the result is longer than 16 MB.
  Result<std::string> normalize(std::string_view text) const;

  bool collapsesSpaces() const { return options.removeExtraWhitespaces; }
  /// Whether decoding drops the space that encoding put in front.
  bool stripsLeadingSpace() const {
    return options.addDummyPrefix || options.removeExtraWhitespaces;
  }

private:
  struct Step {
    std::string_view replacement; ///< What stands for ...
    size_t consumed;              ///< ... this many bytes of input.
  };
  Step nextStep(std::string_view text) const;

  NormalizerOptions options; // without the map's bytes
  CharsMap charsMap;
  PieceTrie userDefined;
};

} // namespace encdec
