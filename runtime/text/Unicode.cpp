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

namespace {
/// The parts of a segment's characters, as they decompose.
struct Parts {
  std::vector<utf8proc_int32_t> points;
  std::vector<bool> isFirst; ///< Of its character.
  void clear() {
    points.clear();
    isFirst.clear();
  }
};
} // namespace

/// Sorts each run of marks by class, marks of one class staying in order.
static void sortMarks(Parts &parts) {
  std::vector<uint64_t> keys; // class, place, isFirst and character of each mark
  for (size_t begin = 0, end; begin < parts.points.size(); begin = end + 1) {
    keys.clear();
    for (end = begin; end < parts.points.size(); ++end) {
      const int order = combiningClass(parts.points[end]);
      if (order == 0)
        break;
      keys.push_back(uint64_t(order) << 56 | uint64_t(end) << 22 |
                     uint64_t(parts.isFirst[end]) << 21 | uint64_t(parts.points[end]));
    }
    std::ranges::sort(keys);
    for (size_t i = 0; i < keys.size(); ++i) {
      parts.points[begin + i] = static_cast<utf8proc_int32_t>(keys[i] & 0x1FFFFF);
      parts.isFirst[begin + i] = keys[i] >> 21 & 1;
    }
  }
}

namespace {
/// Says where the characters come from that a segment's parts have composed to, as the
/// tokenizers library counts: each takes as many of the segment's characters, in their
/// order, as it has first parts, and comes from the first of them; one that takes none
/// comes from where the one before it does.
class Alignment {
public:
  explicit Alignment(const Parts &parts) : parts(parts) {}

  /// Begins anew, with the parts of the next segment.
  void start() {
    isTaken.assign(parts.points.size(), false);
    next = 0;
  }
  /// How many characters the next composed one takes.
  size_t take(utf8proc_int32_t point) {
    made.clear();
    decompose(static_cast<uint32_t>(point), false, made);
    size_t count = 0;
    for (const utf8proc_int32_t part : made) {
      while (next < isTaken.size() && isTaken[next])
        ++next;
      // Marks that compose may stand behind others that do not.
      size_t at = next;
      while (at < isTaken.size() && (isTaken[at] || parts.points[at] != part))
        ++at;
      if (at == isTaken.size())
        continue;
      isTaken[at] = true;
      count += parts.isFirst[at];
    }
    return count;
  }

private:
  const Parts &parts;
  std::vector<bool> isTaken;
  size_t next = 0; ///< No part before it is left.
  std::vector<utf8proc_int32_t> made;
};
} // namespace

void normalizeUnicode(const Text &text, uint32_t form, Text &out) {
  const bool composes = form == 0 || form == 2, compatible = form >= 2;
  const std::string_view bytes = text.bytes;
  Parts parts;
  Alignment alignment(parts);
  std::vector<utf8proc_int32_t> points; // of the composed characters
  std::vector<size_t> starts;           // of the segment's characters in `bytes`
  std::string character;
  for (size_t begin = 0; begin < bytes.size() && !isTooLong(out);) {
    parts.clear();
    starts.clear();
    size_t end = begin;
    do {
      const Character next = characterAt(bytes.substr(end));
      if (end > begin && startsSegment(next.point))
        break;
      starts.push_back(end);
      if (decompose(next.point, compatible, parts.points))
        parts.isFirst.push_back(true);
      parts.isFirst.resize(parts.points.size());
      end += next.length;
    } while (end < bytes.size());
    sortMarks(parts);
    points = parts.points;
    auto count = static_cast<utf8proc_ssize_t>(points.size());
    if (composes && count > 1) {
      const auto options =
          static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE);
      points.push_back(0); // utf8proc may write one behind the last
      count = std::max<utf8proc_ssize_t>(
          0, utf8proc_normalize_utf32(points.data(), count, options));
    }
    if (text.tracks)
      alignment.start();
    size_t taken = 0; // of the segment's characters
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      character.clear();
      appendCharacter(static_cast<uint32_t>(points[i]), character);
      const size_t takes = !text.tracks ? 0
                           : composes   ? alignment.take(points[i])
                                        : size_t(parts.isFirst[i]);
      const size_t from = takes ? taken : std::max<size_t>(taken, 1) - 1;
      out.add(character, text.originAt(starts[std::min(from, starts.size() - 1)]));
      taken += takes;
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
