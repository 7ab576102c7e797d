//===- Marian.h - reads the tokenizer files of MarianMT checkpoints -------===//
//
// SentencePiece splits the text, vocab.json numbers the pieces. Follows
// Transformers 5.24 (models/marian/tokenization_marian.py); runtime/text/README.md
// lists the differences.

#pragma once

#include "compiler/tokenizer/Description.h"
#include "runtime/base/Status.h"

#include <string_view>

namespace encdec::tokenizer {

/// The contents of a checkpoint folder's tokenizer files; empty: no such file.
struct MarianFiles {
  std::string_view sourceSpm;       ///< source.spm
  std::string_view targetSpm;       ///< target.spm
  std::string_view vocab;           ///< vocab.json
  std::string_view targetVocab;     ///< target_vocab.json
  std::string_view tokenizerConfig; ///< tokenizer_config.json, optional
};

/// BadModel that names the file, for a file that is missing, damaged or at odds
/// with another. Files are borrowed for the call.
Result<TokenizerDescription> readMarian(const MarianFiles &files);

} // namespace encdec::tokenizer
