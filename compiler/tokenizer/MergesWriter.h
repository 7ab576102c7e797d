//===- MergesWriter.h - which neighbouring pieces merge -------------------===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "encdec/tokenizer.h"
#include "runtime/base/Status.h"

#include <string>
#include <vector>

namespace encdec::tokenizer {

/// SentencePiece's BPE merges two neighbours wherever a piece spells them, whatever the
/// neighbours are. Characters of pieces that are no pieces themselves take part, too, so
/// they are appended to `pieces` as unknown ones.
void addMissingCharacters(std::vector<PieceDescription> &pieces);

/// The hash table of all merges of a model with `pieces`, those that addMissingCharacters
/// added included. BadModel for a merge of pieces that are not there.
Result<std::vector<encdec_tokenizer_merge>>
mergesOf(const ModelDescription &model, const std::vector<PieceDescription> &pieces);

/// Whether a text can hold a piece of this type by its spelling.
inline bool isFoundInText(PieceType type) {
  return type == PieceType::Normal || type == PieceType::UserDefined ||
         type == PieceType::Unused;
}

} // namespace encdec::tokenizer
