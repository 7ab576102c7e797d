//===- Utf8.h - the few UTF-8 questions that tokenizers ask ---------------===//

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace encdec {

/// U+2581, which SentencePiece writes in place of a space.
inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";
/// U+FFFD, which stands for a byte that is no UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// Bytes of the well-formed character at the front of `text`, or 0 when there
/// is none: a stray or missing trail byte, an overlong form, a surrogate, a
/// value above U+10FFFF (Unicode 15, table 3-7). `text` is not empty.
size_t validCharLength(std::string_view text);

/// Bytes that the lead byte announces, 1 for bytes that lead nothing.
size_t announcedCharLength(unsigned char lead);

/// Whether all of `text` is well formed.
bool isValidUtf8(std::string_view text);

/// Appends `text` to `out`, a space for each space symbol.
void appendWithSpaces(std::string_view text, std::string &out);

/// `text` without the whitespace at both ends, whitespace as Python's
/// str.strip() sees it (the detokenizer of the reference ends with it).
std::string_view stripWhitespace(std::string_view text);

/// `text` in quotes for an error message: at most 40 bytes of it, control
/// characters and broken UTF-8 as \xNN.
std::string inQuotes(std::string_view text);

} // namespace encdec
