//===- WordAlignment.h - which words a word was made from -----------------===//

#pragma once

#include "runtime/tools/Alignments.h"

#include <cstddef>
#include <span>
#include <utility>

namespace encdec::tools {

/// A word: the pieces [begin, end) of a sentence, and its text.
struct Word {
  std::string text;
  size_t begin = 0, end = 0;
};

/// The words that pieces spell. A piece begins a word where the vocabulary marks it: with
/// "▁" (SentencePiece), "Ġ" (byte-level BPE) or a space; where no piece has such a mark,
/// each piece whose predecessor does not end in "@@" does. Pieces of `special` are no words.
std::vector<Word> wordsOf(std::span<const std::string> pieces,
                          const std::vector<bool> &special);

/// One sentence's cross-attention between words.
struct WordAlignment {
  std::vector<Word> source, target;
  std::vector<float> probs; ///< [target word][source word]
  /// (source word, target word): for each target word the source word that its pieces
  /// attended to most. In the order of the target's words.
  std::vector<std::pair<size_t, size_t>> links;
};

/// The mean over the heads of `probs` ([H][T][S], of one layer): a target word attends to a
/// source word with the mean over its own pieces of the sum over the other's.
WordAlignment alignWords(std::span<const std::string> sourcePieces,
                         std::span<const std::string> targetPieces,
                         const std::vector<bool> &sourceSpecial,
                         const std::vector<bool> &targetSpecial,
                         std::span<const float> probs, uint64_t heads);

/// The links in Pharaoh's form, "0-0 1-2": source word, target word, from 0.
std::string pharaoh(const WordAlignment &alignment);

} // namespace encdec::tools
