//===- Bpe.h - a word's pieces by merges of neighbours --------------------===//
//
// Byte-pair encoding (Sennrich et al. 2016, arXiv 1508.07909): a word starts as its
// characters or bytes; of all neighbours that merge, those of the lowest rank do, the
// leftmost first, until none is left. So do SentencePiece (src/bpe_model.cc) and
// tokenizers (models/bpe/word.rs); a table's merges hold what either takes for ranks.

#pragma once

#include "runtime/text/Table.h"
#include "runtime/text/Text.h"
#include "runtime/text/Unigram.h"

#include <unordered_map>
#include <utility>

namespace encdec {

/// Splits words; keeps its memory between them, so one belongs to one call.
class BpeSplitter {
public:
  explicit BpeSplitter(const PipelineTable &pipeline) : pipeline(pipeline) {}

  /// Appends the pieces of `word` in order. Time: n log n for a word of n characters.
  void split(std::string_view bytes, Word word, std::vector<PlacedPiece> &out);

private:
  static constexpr uint32_t none = ENCDEC_TOKENIZER_NONE;

  /// A part of the word; those that have merged into their left neighbour are empty.
  struct Symbol {
    uint32_t begin, end;
    uint32_t piece; ///< none: an unknown character.
    uint32_t before, after; ///< Neighbours, or none.
    bool isFrozen; ///< A user-defined piece, which merges with nothing.
  };
  /// A merge that may be made, of the symbol at `left` and the next one.
  struct Candidate {
    uint32_t rank, left, piece;
    uint32_t end; ///< Of the right one. Symbols only grow, so it tells their states.
    /// Heaps have the greatest on top, so the first to be made is the greatest.
    bool operator<(const Candidate &other) const {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };

  void makeSymbols(std::string_view bytes, Word word);
  void push(uint32_t begin, uint32_t end, uint32_t piece, bool isFrozen = false);
  /// What two neighbours merge into, or null.
  const encdec_tokenizer_merge *findMerge(uint32_t left) const;
  /// Adds the candidate of a symbol and the next one, if they merge.
  bool offer(uint32_t left);
  void merge(const Candidate &candidate);
  void mergeAll();
  void emit(const PlacedPiece &made, std::vector<PlacedPiece> &out);
  /// Puts the halves of a piece that is never made into `open`, if it has any.
  bool openHalves(const PlacedPiece &whole);

  const PipelineTable &pipeline;
  std::vector<Symbol> symbols;
  std::vector<Candidate> heap;
  /// Of pieces that are never made, what they were last merged from.
  std::unordered_map<uint32_t, std::pair<uint32_t, uint32_t>> halves;
  std::vector<PlacedPiece> open;
};

} // namespace encdec
