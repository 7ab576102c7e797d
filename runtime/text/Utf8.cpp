//===- Utf8.cpp - the few questions about characters that tokenizers ask --===//

#include "runtime/text/Utf8.h"

namespace encdec {

void appendWithSpaces(std::string_view text, std::string &out) {
  for (size_t at; (at = text.find(kSpaceSymbol)) != std::string_view::npos;) {
    out += text.substr(0, at);
    out += ' ';
    text.remove_prefix(at + kSpaceSymbol.size());
  }
  out += text;
}

void appendCharacter(uint32_t point, std::string &out) {
  if (point < 0x80) {
    out += static_cast<char>(point);
    return;
  }
  const int trails = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
  out += static_cast<char>((0xF00 >> (trails + 1) & 0xFF) | point >> (6 * trails));
  for (int i = trails - 1; i >= 0; --i)
    out += static_cast<char>(0x80 | (point >> (6 * i) & 0x3F));
}

bool isWideWhiteSpace(uint32_t point) {
  return point == 0x85 || point == 0xA0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200A) || point == 0x2028 || point == 0x2029 ||
         point == 0x202F || point == 0x205F || point == 0x3000;
}

size_t brokenPart(std::string_view text, bool atEnd) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0xC2 || lead > 0xF4)
    return 1;
  const size_t length = announcedCharLength(lead);
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size())
      return atEnd ? i : 0;
    const auto byte = static_cast<unsigned char>(text[i]);
    // The second byte of some characters has a narrower range (Unicode 15, table 3-7).
    const unsigned char low =
        i > 1 ? 0x80 : lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high =
        i > 1 ? 0xBF : lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte < low || byte > high)
      return i;
  }
  return 1; // not reached: the character is whole
}

} // namespace encdec
