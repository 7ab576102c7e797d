//===- Sentences.cpp - where a text may be cut ----------------------------===//

#include "runtime/tools/Sentences.h"

#include "runtime/base/Utf8.h"

#include <algorithm>
#include <clocale>
#include <cwctype>
#include <locale.h>

namespace encdec::tools {
namespace {

/// A character, where it begins, and how many bytes it has. A broken byte is U+FFFD.
struct Letter {
  char32_t point;
  size_t begin, size;
};

std::vector<Letter> lettersOf(std::string_view text) {
  std::vector<Letter> letters;
  for (size_t at = 0; at < text.size();) {
    const size_t size = validCharLength(text.substr(at));
    char32_t point = 0xFFFD;
    if (size > 0) {
      const auto lead = static_cast<unsigned char>(text[at]);
      point = size == 1 ? lead : lead & (0x7F >> size);
      for (size_t i = 1; i < size; ++i)
        point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3F);
    }
    letters.push_back({point, at, std::max<size_t>(size, 1)});
    at += letters.back().size;
  }
  return letters;
}

bool isOneOf(char32_t point, std::u32string_view set) {
  return set.find(point) != std::u32string_view::npos;
}

/// Unicode's classes, whatever the user's locale.
locale_t unicode() {
  static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  return locale;
}
bool isLower(char32_t point) {
  return unicode() ? iswlower_l(wint_t(point), unicode()) : point >= 'a' && point <= 'z';
}
bool isLetter(char32_t point) {
  return unicode() ? iswalpha_l(wint_t(point), unicode())
                   : (point | 32) >= 'a' && (point | 32) <= 'z';
}
bool isDigit(char32_t point) { return point >= '0' && point <= '9'; }
bool isSpace(char32_t point) {
  return isOneOf(point, U" \t\v\f\r\n\u00A0\u2028\u2029\u3000") ||
         (point >= 0x2000 && point <= 0x200A);
}
bool isWideEnd(char32_t point) { return isOneOf(point, U"。！？"); }
bool isEnd(char32_t point) { return isOneOf(point, U".!?…") || isWideEnd(point); }
bool isCloser(char32_t point) { return isOneOf(point, U"\"')]}»”’」』）】》"); }
bool isOpener(char32_t point) { return isOneOf(point, U"\"'([{«“‘„¿¡「『（【《"); }
bool isClauseEnd(char32_t point) { return isOneOf(point, U",;:–—、，；："); }
bool isWideClauseEnd(char32_t point) { return isOneOf(point, U"、，；："); }

/// Cuts where ends(letters, i, next) says that a part ends before letter `next`, which is
/// the first behind the marks at i that is no white space.
template <typename Marks, typename Ends>
std::vector<TextPart> split(std::string_view text, Marks isMark, Ends ends) {
  const std::vector<Letter> letters = lettersOf(text);
  const size_t count = letters.size();
  auto beginOf = [&](size_t i) { return i < count ? letters[i].begin : text.size(); };
  std::vector<TextPart> parts;
  size_t first = 0; // byte at which the next part begins
  auto cut = [&](size_t end, size_t next) {
    parts.push_back({std::string(text.substr(first, beginOf(end) - first)),
                     std::string(text.substr(beginOf(end), beginOf(next) - beginOf(end)))});
    first = beginOf(next);
  };
  auto skipSpace = [&](size_t i) {
    while (i < count && isSpace(letters[i].point))
      ++i;
    return i;
  };
  if (const size_t begin = skipSpace(0); begin > 0 && begin < count)
    cut(0, begin);
  for (size_t i = 0; i < count; ++i) {
    if (!isMark(letters[i].point))
      continue;
    size_t end = i + 1;
    while (end < count && (isMark(letters[end].point) || isCloser(letters[end].point)))
      ++end;
    const size_t next = skipSpace(end);
    if (next < count && ends(letters, i, end, next))
      cut(end, next);
    i = end - 1;
  }
  size_t end = count; // white space at the end is a gap
  while (end > 0 && isSpace(letters[end - 1].point) && letters[end - 1].begin >= first)
    --end;
  cut(end, count);
  return parts;
}

} // namespace

std::vector<TextPart> splitSentences(std::string_view text) {
  return split(text, isEnd, [](const auto &letters, size_t at, size_t end, size_t next) {
    if (std::any_of(letters.begin() + int64_t(at), letters.begin() + int64_t(end),
                    [](const Letter &letter) { return isWideEnd(letter.point); }))
      return true;
    if (next == end)
      return false;
    while (next + 1 < letters.size() && isOpener(letters[next].point))
      ++next;
    const char32_t start = letters[next].point;
    if (isLower(start))
      return false;
    if (letters[at].point != '.' || end - at > 1)
      return true;
    const bool isInitial = at > 0 && isLetter(letters[at - 1].point) &&
                           (at == 1 || !isLetter(letters[at - 2].point));
    return !isDigit(start) && !isInitial;
  });
}

std::vector<TextPart> splitClauses(std::string_view text) {
  return split(text, isClauseEnd, [](const auto &letters, size_t at, size_t end, size_t next) {
    return next > end || isWideClauseEnd(letters[at].point);
  });
}

} // namespace encdec::tools
