//===- Unigram.h - the most probable pieces of a word ---------------------===//
//
// Splits a word into the pieces whose log-probabilities sum highest (Kudo 2018, arXiv
// 1804.10959), with the choices of SentencePiece 0.2.3 (src/unigram_model.cc,
// EncodeOptimized) or of tokenizers (models/unigram/model.rs, encode_optimized), so that
// pieces come out the same to the last tie.

#pragma once

#include "runtime/text/Table.h"
#include "runtime/text/Text.h"

namespace encdec {

/// A piece in a normalized text.
struct PlacedPiece {
  static constexpr int32_t unknown = -1;
  uint32_t begin, end; ///< In the text's bytes.
  int32_t piece;       ///< Index of PIECES, or unknown: one character.
};

/// Splits words; keeps its memory between them, so one belongs to one call.
class UnigramSplitter {
public:
  explicit UnigramSplitter(const PipelineTable &pipeline) : pipeline(pipeline) {}

  /// Appends the pieces of `word` in order. Time: linear in the word, at most the longest
  /// piece's bytes a character.
  void split(std::string_view bytes, Word word, std::vector<PlacedPiece> &out) {
    if (pipeline.has(ENCDEC_TOKENIZER_DOUBLE_SCORES))
      splitWith(doubles, bytes, word, out);
    else
      splitWith(floats, bytes, word, out);
  }

private:
  /// The best way found so far to reach one byte of the word.
  template <typename Score> struct BestPath {
    static constexpr uint32_t notReached = UINT32_MAX;
    Score score = 0;
    uint32_t begin = notReached; ///< Of the last piece on the way.
    int32_t piece = PlacedPiece::unknown; ///< The last piece on the way.

    void offer(Score candidate, size_t from, int32_t last) {
      if (begin != notReached && !(candidate > score))
        return;
      score = candidate;
      begin = static_cast<uint32_t>(from);
      piece = last;
    }
  };
  template <typename Score>
  void search(std::string_view word, std::vector<BestPath<Score>> &best) const;
  template <typename Score>
  void splitWith(std::vector<BestPath<Score>> &best, std::string_view bytes, Word word,
                 std::vector<PlacedPiece> &out);

  const PipelineTable &pipeline;
  std::vector<BestPath<float>> floats;
  std::vector<BestPath<double>> doubles;
};

} // namespace encdec
