//===- Utf8.cpp - the few UTF-8 questions that tokenizers ask -------------===//

#include "runtime/text/Utf8.h"

#include <cstdint>

namespace encdec {

static bool isTrail(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

size_t announcedCharLength(unsigned char lead) {
  if (lead < 0xC0)
    return 1;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t validCharLength(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80)
    return 1;
  // 0x80..0xC1 are trail bytes or start overlong forms; 0xF5.. is too large.
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  const size_t length = announcedCharLength(lead);
  if (text.size() < length)
    return 0;
  uint32_t point = lead & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (!isTrail(text[i]))
      return 0;
    point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  static constexpr uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool isSurrogate = point >= 0xD800 && point < 0xE000;
  return point < smallest[length] || point > 0x10FFFF || isSurrogate ? 0
                                                                     : length;
}

bool isValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = validCharLength(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

void appendWithSpaces(std::string_view text, std::string &out) {
  for (size_t at; (at = text.find(kSpaceSymbol)) != std::string_view::npos;) {
    out += text.substr(0, at);
    out += ' ';
    text.remove_prefix(at + kSpaceSymbol.size());
  }
  out += text;
}

/// The characters for which Python's str.isspace() holds.
static bool isWhitespace(std::string_view character) {
  if (character.size() == 1) {
    const char c = character[0];
    return c == ' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  }
  if (character.size() == 2)
    return character == "\xC2\x85" || character == "\xC2\xA0";
  if (character.size() != 3)
    return false;
  if (character.substr(0, 2) == "\xE2\x80") { // U+2000..200A, 2028, 2029, 202F
    const auto last = static_cast<unsigned char>(character[2]);
    return last <= 0x8A || last == 0xA8 || last == 0xA9 || last == 0xAF;
  }
  return character == "\xE1\x9A\x80" || character == "\xE2\x81\x9F" ||
         character == "\xE3\x80\x80";
}

std::string_view stripWhitespace(std::string_view text) {
  while (!text.empty()) {
    const size_t length = validCharLength(text);
    if (length == 0 || !isWhitespace(text.substr(0, length)))
      break;
    text.remove_prefix(length);
  }
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && text.size() - start < 4 && isTrail(text[start]))
      --start;
    if (!isWhitespace(text.substr(start)))
      break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::string inQuotes(std::string_view text) {
  constexpr size_t limit = 40;
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out = "'";
  for (size_t i = 0; i < text.size();) {
    if (i >= limit)
      return out + "...'";
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = validCharLength(text.substr(i));
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      i += 1;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out + "'";
}

} // namespace encdec
