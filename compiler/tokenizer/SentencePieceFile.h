//===- SentencePieceFile.h - what a SentencePiece model file says ---------===//
//
// The message ModelProto of SentencePiece's src/sentencepiece_model.proto,
// reduced to what unigram and BPE tokenizers need.

#pragma once

#include "compiler/tokenizer/Description.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

struct Piece {
  std::string_view text; ///< Borrowed from the file's bytes.
  float score = 0; ///< Log-probability.
  PieceType type = PieceType::Normal;
};

/// NormalizerSpec; the defaults are the schema's.
struct NormalizerOptions {
  std::string_view charsMap; ///< precompiled_charsmap, borrowed; empty: none.
  uint64_t charsMapOffset = 0; ///< Where that lies in the file, for messages.
  bool addDummyPrefix = true;
  bool removeExtraWhitespaces = true;
  bool escapeWhitespaces = true;
  bool whitespaceAsSuffix =
      false; ///< TrainerSpec's treat_whitespace_as_suffix.
};

struct SentencePieceFile {
  std::shared_ptr<const std::string> bytes; ///< Copies share them.
  std::vector<Piece> pieces; ///< Indexed by SentencePiece id.
  int32_t unkId = -1;        ///< The one piece of type Unknown.
  bool isBpe = false;        ///< model_type BPE, else UNIGRAM.
  bool byteFallback = false; ///< Unknown characters become byte pieces.
  std::string unkSurface = " \xE2\x81\x87 "; ///< What <unk> decodes to.
  NormalizerOptions normalizer;
};

/// Reads and checks a whole file: structure, then meaning (one unknown piece,
/// no piece twice, finite scores, valid UTF-8, all byte pieces where fallback
/// wants them). BadModel with the byte offset otherwise, and for models other
/// than unigram and BPE. Copies what it keeps.
Result<SentencePieceFile> parseSentencePieceFile(std::string_view bytes);

/// The byte that a piece like "<0x0A>" stands for, or -1.
int byteOfPiece(std::string_view piece);

} // namespace encdec::tokenizer
