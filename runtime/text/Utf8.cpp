//===- Utf8.cpp - the few UTF-8 questions that tokenizers ask -------------===//

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

} // namespace encdec
