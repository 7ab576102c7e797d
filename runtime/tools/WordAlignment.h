//===- WordAlignment.h - which words a word was made from -----------------===//

#pragma once

#include "runtime/tools/Alignments.h"
#include "runtime/tools/Markup.h"

#include <cstddef>
#include <span>
#include <utility>

namespace encdec::tools {

/// A word: its text, and the pieces [begin, end) that spell it; none where the tokenizer drops
/// the word.
struct Word {
  std::string text;
  size_t begin = 0, end = 0;
};

/// The words of a text, which white space of ASCII separates, and the pieces that stand for
/// them by their bytes. A piece of several words counts for the last, since characters that the
/// tokenizer drops belong to the piece behind them; a piece of white space alone for the next.
std::vector<Word> wordsIn(std::string_view text, std::span<const Range> bytesOfPieces);

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
/// source word with the mean over its own pieces of the sum over the other's. S: the source's
/// pieces.
WordAlignment alignWords(std::vector<Word> source, std::vector<Word> target,
                         std::span<const float> probs, uint64_t heads, size_t S);

/// The links in Pharaoh's form, "0-0 1-2": source word, target word, from 0.
std::string pharaoh(const WordAlignment &alignment);

} // namespace encdec::tools
