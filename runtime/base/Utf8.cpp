//===- Utf8.cpp - well-formed text, and text that may stand in a message --===//

#include "runtime/base/Utf8.h"

#include <cstdint>
#include <cstring>

namespace encdec {

size_t announcedCharLength(unsigned char lead) {
  if (lead < 0xC0)
    return 1;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t validCharLength(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80)
    return 1;
  // 0x80..0xC1 are trail bytes or start overlong forms; 0xF5.. is too large.
  if (lead < 0xC2 || lead > 0xF4)
    return 0;
  const size_t length = announcedCharLength(lead);
  if (text.size() < length || !isTrail(text[1]))
    return 0;
  if (length == 2)
    return 2;
  // Behind these leads, the second byte would make an overlong form, a
  // surrogate, or a value above U+10FFFF.
  const unsigned char second = at(1);
  if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
      (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
    return 0;
  return isTrail(text[2]) && (length == 3 || isTrail(text[3])) ? length : 0;
}

bool isValidUtf8(std::string_view text) {
  while (!text.empty()) {
    // Eight bytes of ASCII at once, which most of a text is.
    if (uint64_t eight; text.size() >= sizeof(eight)) {
      std::memcpy(&eight, text.data(), sizeof(eight));
      if (!(eight & 0x8080808080808080)) {
        text.remove_prefix(sizeof(eight));
        continue;
      }
    }
    const size_t length = validCharLength(text);
    if (length == 0)
      return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string quote(std::string_view text, size_t most, char mark) {
  constexpr char digits[] = "0123456789ABCDEF";
  std::string out(1, mark);
  for (size_t i = 0; i < text.size();) {
    if (out.size() > most)
      return out + "..." + mark;
    const auto byte = static_cast<unsigned char>(text[i]);
    const size_t length = validCharLength(text.substr(i));
    // U+0080..U+009F are control characters, too.
    const bool isControl = byte < 0x20 || byte == 0x7F ||
                           (length == 2 && text.substr(i, 2) < "\xC2\xA0");
    if (length == 0 || isControl || text[i] == mark || text[i] == '\\') {
      out += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
      i += 1;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out + mark;
}

std::string oneLine(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string line;
  for (char c : text)
    if (const auto byte = static_cast<unsigned char>(c); byte < 0x20 || byte == 0x7f)
      line += {'\\', 'x', digits[byte >> 4], digits[byte & 15]};
    else
      line += c;
  return line;
}

} // namespace encdec
