//===- Utf8.h - the few UTF-8 questions that tokenizers ask ---------------===//

#pragma once

#include "runtime/base/Utf8.h"

namespace encdec {

/// U+2581, which SentencePiece writes in place of a space.
inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";
/// U+FFFD, which stands for a byte that is no UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// Appends `text` to `out`, a space for each space symbol.
void appendWithSpaces(std::string_view text, std::string &out);

/// `text` without the whitespace at both ends, whitespace as Python's
/// str.strip() sees it (the detokenizer of the reference ends with it).
std::string_view stripWhitespace(std::string_view text);

/// `text` in single quotes, as messages of the tokenizers show it.
inline std::string inQuotes(std::string_view text) {
  return quote(text, 40, '\'');
}

} // namespace encdec
