//===- SentencePieceModel.cpp - a SentencePiece model as it describes itself ===//

#include "compiler/tokenizer/SentencePieceModel.h"

#include "compiler/tokenizer/CharsMap.h"

namespace encdec::tokenizer {

ModelDescription modelOf(const SentencePieceFile &file) {
  ModelDescription model;
  model.kind = file.isBpe ? ModelKind::MergesByScore : ModelKind::Unigram;
  model.byteFallback = file.byteFallback;
  model.unkId = file.unkId;
  model.pieces.reserve(file.pieces.size());
  for (const Piece &piece : file.pieces)
    model.pieces.push_back({std::string(piece.text), piece.score, piece.type,
                            static_cast<int32_t>(model.pieces.size())});
  return model;
}

Result<SentencePieceNormalizer> normalizerOf(const SentencePieceFile &file) {
  SentencePieceNormalizer normalizer;
  const NormalizerOptions &options = file.normalizer;
  ENCDEC_ASSIGN_OR_RETURN(normalizer.charsMap,
                          readCharsMap(options.charsMap, options.charsMapOffset));
  normalizer.addDummyPrefix = options.addDummyPrefix;
  normalizer.removeExtraWhitespaces = options.removeExtraWhitespaces;
  normalizer.escapeWhitespaces = options.escapeWhitespaces;
  normalizer.whitespaceAsSuffix = options.whitespaceAsSuffix;
  return normalizer;
}

SentencePieceDecoder decoderOf(const SentencePieceFile &file) {
  SentencePieceDecoder decoder;
  const NormalizerOptions &options = file.normalizer;
  decoder.collapsesSpaces = options.removeExtraWhitespaces;
  decoder.stripsLeadingSpace =
      options.addDummyPrefix || options.removeExtraWhitespaces;
  decoder.unkSurface = file.unkSurface;
  return decoder;
}

} // namespace encdec::tokenizer
