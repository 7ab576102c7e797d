//===- Escape.h - texts, ids and offsets as goldens.py writes them --------===//

#pragma once

#include "runtime/base/Utf8.h"
#include "runtime/text/Tokenizer.h"

#include <cstdio>
#include <span>
#include <string>
#include <string_view>

namespace encdec::test {

/// One line of UTF-8: controls, line separators, backslashes and broken bytes
/// as \xNN.
inline std::string escape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t length = validCharLength(text);
    const std::string_view c = text.substr(0, length ? length : 1);
    const auto first = uint8_t(c[0]), second = uint8_t(c.size() > 1 ? c[1] : 0);
    if (length == 0 || c == "\\" || first < 0x20 || first == 0x7F ||
        (first == 0xC2 && second < 0xA0) || c == "\u2028" || c == "\u2029") {
      for (const char byte : c) {
        char hex[5];
        std::snprintf(hex, sizeof hex, "\\x%02X", unsigned(uint8_t(byte)));
        out += hex;
      }
    } else {
      out += c;
    }
    text.remove_prefix(c.size());
  }
  return out;
}

inline std::string unescape(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i)
    if (line.substr(i, 2) == "\\x") {
      out += char(std::stoi(std::string(line.substr(i + 2, 2)), nullptr, 16));
      i += 3;
    } else {
      out += line[i];
    }
  return out;
}

inline std::string join(std::span<const int32_t> ids) {
  std::string out;
  for (const int32_t id : ids)
    out += (out.empty() ? "" : " ") + std::to_string(id);
  return out;
}

/// "-" for an id that stands for no text.
inline std::string showOffsets(const Encoding &encoding) {
  std::string out;
  for (const Origin &origin : encoding.offsets) {
    out += out.empty() ? "" : " ";
    out += origin.begin == origin.end ? "-"
                                      : std::to_string(origin.begin) + ":" +
                                            std::to_string(origin.end);
  }
  return out;
}

} // namespace encdec::test
