//===- Utf8.h - well-formed text, and text that may stand in a message ----===//

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace encdec {

/// Bytes of the well-formed character at the front of `text`, or 0 when there
/// is none: a stray or missing trail byte, an overlong form, a surrogate, a
/// value above U+10FFFF (Unicode 15, table 3-7). `text` is not empty.
size_t validCharLength(std::string_view text);

/// Whether `byte` continues a character.
inline bool isTrail(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Bytes that the lead byte announces, 1 for bytes that lead nothing.
size_t announcedCharLength(unsigned char lead);

/// Whether all of `text` is well formed.
bool isValidUtf8(std::string_view text);

/// `text` between two `mark`s, as it may stand in a message and on a terminal:
/// one line, cut to about `most` bytes. Marks, backslashes, control characters
/// and broken UTF-8 become \xNN.
std::string quote(std::string_view text, size_t most = 100, char mark = '"');

/// `text` as one line that a terminal may show: control characters, which a path or name can
/// hold, become \xNN.
std::string oneLine(std::string_view text);

/// `text` in single quotes, as messages of the tokenizers show it.
inline std::string inQuotes(std::string_view text) {
  return quote(text, 40, '\'');
}

} // namespace encdec
