//===- Text.h - what the targets of tokenizers share ----------------------===//

#pragma once

#include "tests/text/Load.h"

#include <string>
#include <string_view>
#include <vector>

namespace encdec::fuzz {

/// The vocab.json of a SentencePiece model: its pieces by their ids, then `more`.
std::string vocabularyOf(std::string_view spm, const std::vector<std::string> &more);

/// Requires that the pieces of `text` cover its normal form, one after the other, each
/// with a piece that stands for these bytes.
void requireCover(const test::Loaded &model, std::string_view text);

} // namespace encdec::fuzz
