//===- PlainVocab.h - reads {"piece": id, ...} in one sweep ---------------===//
//
// The JSON that every vocabulary is: one flat object from strings to small
// numbers (RFC 8259). The reader takes a tenth of a general parser's time; at 58,000
// entries that time is most of a program's start. It gives no reason for a file that it
// does not take: the caller has the general parser read that file again and report.

#pragma once

#include "runtime/base/Utf8.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace encdec::tokenizer {

class PlainVocabReader {
public:
  /// Appends strings to `text`.
  PlainVocabReader(std::string_view json, std::string &text)
      : at(json.data()), end(json.data() + json.size()), text(text) {}

  /// Takes `c` and the white space before it, if that is what comes next.
  bool take(char c) {
    skipSpace();
    if (at == end || *at != c)
      return false;
    ++at;
    return true;
  }

  bool atEnd() {
    skipSpace();
    return at == end;
  }

  /// A string up to its closing quote, the opening one taken. False where it is
  /// not closed, not UTF-8, or has a control character or a broken escape.
  bool readString() {
    bool isAscii = true;
    const size_t begin = text.size();
    while (true) {
      const char *run = at;
      while (at != end && *at != '"' && *at != '\\' && uint8_t(*at) >= 0x20) {
        isAscii &= uint8_t(*at) < 0x80;
        ++at;
      }
      if (at == end || uint8_t(*at) < 0x20)
        return false;
      // Escapes are whole characters, so each run must be whole, too.
      if (!isAscii && !isValidUtf8({run, size_t(at - run)}))
        return false;
      text.append(run, at);
      if (*at++ == '"')
        return text.size() - begin <= UINT32_MAX;
      if (!readEscape())
        return false;
    }
  }

  /// Up to seven digits, without a zero in front; -1 for anything else.
  int64_t readNumber() {
    skipSpace();
    const char *first = at;
    int64_t value = 0;
    while (at != end && *at >= '0' && *at <= '9' && at - first < 8)
      value = value * 10 + (*at++ - '0');
    const bool isNumber = at - first >= 1 && at - first <= 7;
    return isNumber && (*first != '0' || at - first == 1) ? value : -1;
  }

private:
  void skipSpace() {
    while (at != end &&
           (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
      ++at;
  }

  bool readEscape() {
    if (at == end)
      return false;
    const char kind = *at++;
    if (kind == 'u')
      return readCodePoint();
    constexpr std::string_view written = "\"\\/bfnrt", meant = "\"\\/\b\f\n\r\t";
    const size_t index = written.find(kind);
    if (index == std::string_view::npos)
      return false;
    text += meant[index];
    return true;
  }

  /// Four hexadecimal digits, or -1.
  int32_t readHex() {
    if (end - at < 4)
      return -1;
    int32_t value = 0;
    for (int i = 0; i < 4; ++i, ++at) {
      const char c = *at;
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0)
        return -1;
      value = value << 4 | digit;
    }
    return value;
  }

  /// The character of \uXXXX, or of a pair of surrogates, as UTF-8.
  bool readCodePoint() {
    int32_t point = readHex();
    if (point >= 0xD800 && point < 0xDC00) {
      if (end - at < 2 || at[0] != '\\' || at[1] != 'u')
        return false;
      at += 2;
      const int32_t low = readHex();
      if (low < 0xDC00 || low > 0xDFFF)
        return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    } else if (point < 0 || (point >= 0xDC00 && point < 0xE000)) {
      return false;
    }
    if (point < 0x80) {
      text += char(point);
      return true;
    }
    const int trails = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    text += char((0xF00 >> (trails + 1) & 0xFF) | point >> (6 * trails));
    for (int i = trails - 1; i >= 0; --i)
      text += char(0x80 | (point >> (6 * i) & 0x3F));
    return true;
  }

  const char *at, *end;
  std::string &text;
};

/// Calls add(begin, length, id) for each entry, its piece at [begin, begin +
/// length) of `text`. False for a file that is anything else, or has an id of
/// `limit` or more; what was added is then to be dropped. Equal pieces and ids
/// are the caller's to find.
template <typename Add>
bool readPlainVocab(std::string_view json, int64_t limit, std::string &text,
                    Add add) {
  PlainVocabReader reader(json, text);
  if (!reader.take('{'))
    return false;
  do {
    const size_t begin = text.size();
    if (!reader.take('"') || !reader.readString())
      return false;
    const size_t length = text.size() - begin;
    if (!reader.take(':'))
      return false;
    const int64_t id = reader.readNumber();
    if (id < 0 || id >= limit)
      return false;
    add(begin, length, id);
  } while (reader.take(','));
  return reader.take('}') && reader.atEnd();
}

} // namespace encdec::tokenizer
