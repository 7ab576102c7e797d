//===- PreTokenizer.h - a normalized text into words ----------------------===//

#pragma once

#include "runtime/text/Table.h"
#include "runtime/text/Text.h"

namespace encdec {

/// Words of `text` as the pre-tokenizers of `pipeline` make them; one word where it has
/// none, and none of an empty text. `text` is changed where they put symbols in; `isFirst`
/// says whether it starts the caller's text. Time: linear.
void splitIntoWords(const PipelineTable &pipeline, bool isFirst, Text &text,
                    std::vector<Word> &words);

/// The end of the part of `text` from `begin` on that GPT-2's pattern matches:
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
/// (GPT-2, src/encoder.py.) `begin` is below the size of `text`, which is UTF-8.
size_t gpt2WordEnd(std::string_view text, size_t begin);

} // namespace encdec
