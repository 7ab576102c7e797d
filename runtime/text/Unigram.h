//===- Unigram.h - SentencePiece's unigram tokenizer ----------------------===//
//
// Splits a text into the pieces whose log-probabilities sum highest (Kudo
// 2018, arXiv 1804.10959), with the choices of SentencePiece 0.2.3
// (src/unigram_model.cc, EncodeOptimized; src/sentencepiece_processor.cc), so
// that pieces come out the same to the last tie.

#pragma once

#include "runtime/text/Normalizer.h"
#include "runtime/text/PieceTrie.h"
#include "runtime/text/SentencePieceFile.h"

#include <span>
#include <unordered_map>

namespace encdec {

/// A text split into pieces. `text` is the normalized text.
struct Segmentation {
  struct PlacedPiece {
    size_t begin, end; ///< In `text`. A byte piece covers its one byte.
    int32_t id;        ///< SentencePiece id; a run of unknowns is one piece.
  };
  std::string text;
  std::vector<PlacedPiece> pieces;
};

/// Immutable once made; any number of threads may encode and decode.
class Unigram {
public:
  /// Owns `file`. BadModel when its character map is broken.
  static Result<Unigram> create(SentencePieceFile file);

  /// Time: linear in the text, at most the longest piece's bytes a character.
  Result<Segmentation> encode(std::string_view text) const;

  /// The text that pieces spell, the leading space removed as the model says.
  /// Control pieces vanish, strings that are no pieces stand for themselves.
  std::string decode(std::span<const std::string_view> pieces) const;

  const std::vector<Piece> &pieces() const { return file.pieces; }
  int32_t unkId() const { return file.unkId; }

private:
  struct BestPath;
  std::vector<BestPath> search(std::string_view text) const;
  void addPiece(Segmentation &result, size_t begin, size_t end, int32_t id) const;

  SentencePieceFile file;
  Normalizer normalizer;
  PieceTrie trie; ///< Normal, user-defined and unused pieces.
  std::unordered_map<std::string, int32_t> reserved; ///< The other pieces.
  std::vector<int32_t> bytePieces; ///< byte -> id, empty without fallback.
  float unkScore = 0;
};

} // namespace encdec
