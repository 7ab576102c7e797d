//===- SentencePieceModel.h - a SentencePiece model as it describes itself -===//

#pragma once

#include "compiler/tokenizer/SentencePieceFile.h"

namespace encdec::tokenizer {

/// The model of a file. Pieces have their SentencePiece numbers as ids; readers of
/// checkpoints that number them otherwise change the ids, `unkId` included.
ModelDescription modelOf(const SentencePieceFile &file);

/// How the file wants texts normalized. BadModel where its character map is broken.
Result<SentencePieceNormalizer> normalizerOf(const SentencePieceFile &file);

/// How the file wants pieces joined.
SentencePieceDecoder decoderOf(const SentencePieceFile &file);

} // namespace encdec::tokenizer
