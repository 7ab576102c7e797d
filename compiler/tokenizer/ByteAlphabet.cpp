//===- ByteAlphabet.cpp - GPT-2's spelling of bytes as characters ---------===//

#include "compiler/tokenizer/ByteAlphabet.h"

#include "runtime/base/Utf8.h"

#include <array>

namespace encdec::tokenizer {

static bool standsForItself(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

static std::array<char32_t, 256> makeAlphabet() {
  std::array<char32_t, 256> points{};
  char32_t next = 256;
  for (int byte = 0; byte < 256; ++byte)
    points[byte] = standsForItself(byte) ? static_cast<char32_t>(byte) : next++;
  return points;
}

char32_t alphabetPoint(unsigned char byte) {
  static const std::array<char32_t, 256> points = makeAlphabet();
  return points[byte];
}

std::optional<std::string> bytesOfAlphabet(std::string_view name) {
  static const auto bytes = [] {
    std::array<int, 0x144> all; // the greatest point is 0x143
    all.fill(-1);
    for (int byte = 0; byte < 256; ++byte)
      all[alphabetPoint(static_cast<unsigned char>(byte))] = byte;
    return all;
  }();
  std::string out;
  while (!name.empty()) {
    const size_t length = validCharLength(name);
    if (length == 0 || length > 2)
      return std::nullopt;
    const auto lead = static_cast<unsigned char>(name[0]);
    const char32_t point =
        length == 1 ? lead
                    : (lead & 0x1F) << 6 | (static_cast<unsigned char>(name[1]) & 0x3F);
    if (point >= bytes.size() || bytes[point] < 0)
      return std::nullopt;
    out += static_cast<char>(bytes[point]);
    name.remove_prefix(length);
  }
  return out;
}

} // namespace encdec::tokenizer
