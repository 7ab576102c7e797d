//===- PieceIndex.h - finds pieces by their texts -------------------------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "compiler/tokenizer/StringIndex.h"

namespace encdec::tokenizer {

/// Finds pieces by their texts. Borrows the pieces, whose texts stay as they
/// are while the index is used.
class PieceIndex {
public:
  explicit PieceIndex(const std::vector<PieceDescription> &pieces)
      : pieces(&pieces), numbers(pieces.size()) {}

  /// Puts a piece in and returns -1, or returns the number of the piece that
  /// has its text already.
  int32_t insert(size_t piece) {
    return numbers.insert(textOf(int32_t(piece)), int32_t(piece),
                          [this](int32_t other) { return textOf(other); });
  }
  /// The number of the piece, or -1.
  int32_t find(std::string_view text) const {
    return numbers.find(text, [this](int32_t piece) { return textOf(piece); });
  }

private:
  std::string_view textOf(int32_t piece) const {
    return (*pieces)[size_t(piece)].text;
  }
  const std::vector<PieceDescription> *pieces;
  StringIndex numbers;
};

} // namespace encdec::tokenizer
