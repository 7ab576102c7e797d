//===- Base.h - a checkpoint's vocabulary, whatever file holds it ---------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "compiler/tokenizer/TokenizerJson.h"
#include "runtime/base/Status.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace encdec::tokenizer {

/// Pieces and merges, and what a SentencePiece model says of its own pipeline.
struct Base {
  ModelDescription model; ///< Ids as the file numbers pieces.
  CharsMap charsMap;
  /// SentencePiece models alone.
  std::optional<SentencePieceNormalizer> normalizer;
  std::optional<SentencePieceDecoder> decoder;
};

/// From tokenizer.json's "model"; takes the texts of its vocabulary.
Result<Base> readJsonBase(TokenizerJson &file);

/// From a SentencePiece model's bytes.
Result<Base> readPiecesBase(std::string_view bytes);

/// From vocab.json and merges.txt.
Result<Base> readMergesBase(std::string_view vocabulary,
                            std::string_view vocabularyName,
                            std::string_view merges,
                            std::string_view mergesName);

/// The merges that Transformers makes up for a SentencePiece BPE: each way to
/// cut a piece into two (generate_merges of its tokenization_utils_base.py), by
/// the pieces' ids.
Status generateMerges(ModelDescription &model);

} // namespace encdec::tokenizer
