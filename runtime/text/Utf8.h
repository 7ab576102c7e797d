//===- Utf8.h - the few questions about characters that tokenizers ask ----===//

#pragma once

#include "runtime/base/Utf8.h"

#include <cstdint>

namespace encdec {

/// U+2581, which SentencePiece writes in place of a space.
inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";
/// U+FFFD, which stands for a byte that is no UTF-8.
inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";

/// Appends `text` to `out`, a space for each space symbol.
void appendWithSpaces(std::string_view text, std::string &out);

/// The number of the character at the front of `text`, which is well formed and not
/// empty, and its length in bytes.
struct Character {
  uint32_t point;
  uint32_t length;
};
inline uint32_t characterLength(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}
inline Character characterAt(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80)
    return {lead, 1};
  const uint32_t length = characterLength(text[0]);
  uint32_t point = lead & (0x7F >> length);
  for (uint32_t i = 1; i < length; ++i)
    point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  return {point, length};
}
void appendCharacter(uint32_t point, std::string &out);

/// Unicode's White_Space: what \s matches, and Rust's char::is_whitespace.
bool isWideWhiteSpace(uint32_t point); ///< Of those that are not ASCII.
inline bool isWhiteSpace(uint32_t point) {
  return point < 0x80 ? point == ' ' || (point >= 0x09 && point <= 0x0D)
                      : isWideWhiteSpace(point);
}
/// The characters for which Python's str.isspace() holds: U+001C ... U+001F, too.
inline bool isPythonSpace(uint32_t point) {
  return isWhiteSpace(point) || (point >= 0x1C && point <= 0x1F);
}

/// The bytes of the longest part at the front of broken UTF-8 that is one error to
/// Python and Rust: the start of a character that breaks off, or one byte. With
/// `atEnd` false, 0 where more bytes could still complete the character. `text` is not
/// empty and starts with no whole character.
size_t brokenPart(std::string_view text, bool atEnd);

} // namespace encdec
