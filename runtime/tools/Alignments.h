//===- Alignments.h - cross-attention as a picture ------------------------===//

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace encdec::tools {

/// One decoder layer's cross-attention over one sentence.
struct AlignmentPicture {
  std::string sourceText, targetText;    ///< for the heading; may be empty
  std::vector<std::string> sourcePieces; ///< S labels, columns
  std::vector<std::string> targetPieces; ///< T labels, rows
  std::vector<float> probs;              ///< [H][T][S]
  uint64_t heads = 0;                    ///< H
  uint64_t layer = 0, layers = 0;        ///< layer counts from 1
};

/// A self-contained SVG (no script, no outside font or image) with one panel
/// per head. Source pieces run across and target pieces down; the shade of a
/// cell is its probability, which its tooltip gives as a number. The colours
/// follow the reader's light or dark preference.
std::string drawAlignments(const AlignmentPicture &picture);

} // namespace encdec::tools
