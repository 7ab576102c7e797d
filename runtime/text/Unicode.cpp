//===- Unicode.cpp - normal forms, clusters and classes of characters -----===//
//
// The only file that knows utf8proc. Its own normalization sorts combining marks by
// exchanging neighbours, which takes quadratic time for marks without end; here runs are
// sorted, and utf8proc only decomposes and composes.

#include "runtime/text/Normalizer.h"
#include "runtime/text/Utf8.h"

#include <utf8proc.h>

#include <algorithm>

namespace encdec {

static int combiningClass(uint32_t point) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(point))->combining_class;
}

static utf8proc_category_t categoryOf(uint32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

/// Whether no character can compose with, or be sorted before, what precedes it.
static bool startsSegment(uint32_t point) {
  if (point < 0x300)
    return true;
  const utf8proc_category_t category = categoryOf(point);
  const bool isMark = category == UTF8PROC_CATEGORY_MN ||
                      category == UTF8PROC_CATEGORY_MC || category == UTF8PROC_CATEGORY_ME;
  const bool isJamo = point >= 0x1160 && point <= 0x11FF; // vowels and finals
  return !isMark && !isJamo && combiningClass(point) == 0;
}

/// Appends the parts of a character; returns how many they are.
static size_t decompose(uint32_t point, bool compatible,
                        std::vector<utf8proc_int32_t> &points) {
  const auto options = static_cast<utf8proc_option_t>(
      UTF8PROC_DECOMPOSE | UTF8PROC_STABLE | (compatible ? UTF8PROC_COMPAT : 0));
  utf8proc_int32_t parts[32]; // no character has more than 18
  int lastClass = 0;
  const utf8proc_ssize_t count =
      utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point), parts,
                              std::size(parts), options, &lastClass);
  if (count < 0 || count > static_cast<utf8proc_ssize_t>(std::size(parts)))
    return 0;
  points.insert(points.end(), parts, parts + count);
  return static_cast<size_t>(count);
}

/// Sorts each run of marks by class, marks of one class staying in order.
static void sortMarks(std::vector<utf8proc_int32_t> &points) {
  auto isStarter = [](utf8proc_int32_t point) { return combiningClass(point) == 0; };
  std::vector<uint64_t> keys; // class, place and character of each mark
  for (auto run = points.begin(); run != points.end();) {
    run = std::find_if_not(run, points.end(), isStarter);
    const auto end = std::find_if(run, points.end(), isStarter);
    keys.clear();
    for (auto mark = run; mark != end; ++mark)
      keys.push_back(uint64_t(combiningClass(*mark)) << 56 |
                     uint64_t(mark - run) << 21 | uint64_t(*mark));
    std::ranges::sort(keys);
    for (const uint64_t key : keys)
      *run++ = static_cast<utf8proc_int32_t>(key & 0x1FFFFF);
  }
}

void normalizeUnicode(const Text &text, uint32_t form, Text &out) {
  const bool composes = form == 0 || form == 2, compatible = form >= 2;
  const std::string_view bytes = text.bytes;
  std::vector<utf8proc_int32_t> points, parts;
  std::vector<size_t> sources; // of each part, where its character starts in `bytes`
  std::string character;
  for (size_t begin = 0; begin < bytes.size();) {
    points.clear();
    sources.clear();
    size_t end = begin;
    do {
      const Character next = characterAt(bytes.substr(end));
      if (end > begin && startsSegment(next.point))
        break;
      sources.insert(sources.end(), decompose(next.point, compatible, points), end);
      end += next.length;
    } while (end < bytes.size());
    sortMarks(points);
    auto count = static_cast<utf8proc_ssize_t>(points.size());
    if (composes && count > 1) {
      const auto options =
          static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
      points.push_back(0); // utf8proc may write one behind the last
      count = std::max<utf8proc_ssize_t>(
          0, utf8proc_normalize_utf32(points.data(), count, options));
    }
    // A character comes from where the first of its parts does; parts are counted in the
    // order of the text.
    size_t part = 0;
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      character.clear();
      appendCharacter(static_cast<uint32_t>(points[i]), character);
      out.add(character, text.originAt(sources[std::min(part, sources.size() - 1)]));
      parts.clear();
      part += composes ? decompose(static_cast<uint32_t>(points[i]), false, parts) : 1;
    }
    begin = end;
  }
}

/// Whether a character joins no other one of these, but for CR LF: letters and signs of
/// Latin, Greek, Cyrillic, Armenian and Han, without their marks (UAX #29).
static bool standsAlone(uint32_t point) {
  return point < 0x300 || (point >= 0x370 && point < 0x483) ||
         (point >= 0x48A && point < 0x591) || (point >= 0x4E00 && point < 0xA000);
}

size_t graphemeLength(std::string_view text) {
  size_t length = 0;
  utf8proc_int32_t state = 0;
  uint32_t before = 0;
  while (length < text.size()) {
    const Character next = characterAt(text.substr(length));
    if (length > 0 && standsAlone(before) && standsAlone(next.point) &&
        !(before == '\r' && next.point == '\n'))
      break;
    if (length > 0 && utf8proc_grapheme_break_stateful(
                          static_cast<utf8proc_int32_t>(before),
                          static_cast<utf8proc_int32_t>(next.point), &state))
      break;
    before = next.point;
    length += next.length;
  }
  return length;
}

void appendLowercase(uint32_t point, std::string &out) {
  if (point == 0x130) { // the one character that becomes two
    out += "i\xCC\x87";
    return;
  }
  appendCharacter(
      static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point))), out);
}

bool isLetter(uint32_t point) {
  if (point < 0x80)
    return (point | 0x20) >= 'a' && (point | 0x20) <= 'z';
  const utf8proc_category_t category = categoryOf(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool isNumber(uint32_t point) {
  if (point < 0x80)
    return point >= '0' && point <= '9';
  const utf8proc_category_t category = categoryOf(point);
  return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

bool isWordCharacter(uint32_t point) {
  if (point < 0x80)
    return isLetter(point) || isNumber(point) || point == '_';
  const utf8proc_category_t category = categoryOf(point);
  // Letters, marks, decimal digits, letter numbers, connectors, joiners (UTS #18).
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NL) ||
         category == UTF8PROC_CATEGORY_PC || point == 0x200C || point == 0x200D;
}

} // namespace encdec
