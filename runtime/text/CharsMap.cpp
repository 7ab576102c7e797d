//===- CharsMap.cpp - looks up a mapped character map ---------------------===//

#include "runtime/text/CharsMap.h"

#include "runtime/base/Utf8.h"

#include <algorithm>

namespace encdec {

// The fields of a unit, see encdec/tokenizer.h.
static bool isLeaf(uint32_t unit) { return unit >> 31; }
static uint32_t leafValue(uint32_t unit) { return unit & 0x7FFFFFFF; }
/// Above 0xFF for a leaf, so that no byte leads to one.
static uint32_t label(uint32_t unit) { return unit & 0x800000FF; }
static bool hasLeaf(uint32_t unit) { return unit >> 8 & 1; }
static uint32_t childOffset(uint32_t unit) {
  return unit >> 10 << ((unit & (1u << 9)) >> 6);
}

static Status checkUnits(std::span<const uint32_t> units, std::span<const char> strings) {
  if (units.size() % 256 != 0)
    return badModel("a character map has " + std::to_string(units.size()) +
                    " units, expected a multiple of 256");
  for (size_t i = 0; i < units.size(); ++i) {
    const uint32_t unit = units[i];
    if (isLeaf(unit) && leafValue(unit) < strings.size() &&
        !isTrail(strings[leafValue(unit)]))
      continue;
    // Children are base ^ byte, so their whole block of 256 must be there.
    const uint64_t base = i ^ childOffset(unit);
    if (isLeaf(unit) || (base | 0xFF) >= units.size() ||
        (hasLeaf(unit) && !isLeaf(units[base])))
      return badModel("unit " + std::to_string(i) +
                      " of a character map points outside of it");
  }
  return Status::success();
}

Result<CharsMap> CharsMap::open(std::span<const uint32_t> units,
                                std::span<const char> strings) {
  CharsMap map;
  if (units.empty())
    return map;
  ENCDEC_RETURN_IF_ERROR(checkUnits(units, strings));
  const std::string_view text(strings.data(), strings.size());
  if (!text.ends_with('\0') || !isValidUtf8(text))
    return badModel("the strings of a character map are not UTF-8 or not ended");
  for (size_t start = 0; start < text.size();) {
    const size_t end = text.find('\0', start);
    if (end - start > ENCDEC_TOKENIZER_MAX_KEY_BYTES)
      return badModel("a string of a character map has " + std::to_string(end - start) +
                      " bytes; the limit is 256");
    start = end + 1;
  }
  map.units = units;
  map.strings = strings;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    const uint32_t unit = units[childOffset(units[0]) ^ byte];
    map.starts[byte] = label(unit) == byte;
    map.keys[byte] = map.starts[byte] && hasLeaf(unit);
  }
  return map;
}

CharsMap::Match CharsMap::find(std::string_view text, int keys) const {
  Match match;
  uint32_t value = 0;
  size_t base = childOffset(units[0]);
  const size_t end = std::min<size_t>(text.size(), ENCDEC_TOKENIZER_MAX_KEY_BYTES);
  for (size_t i = 0; i < end && keys > 0; ++i) {
    const uint32_t byte = static_cast<unsigned char>(text[i]);
    const size_t child = base ^ byte;
    if (label(units[child]) != byte)
      break;
    base = child ^ childOffset(units[child]);
    if (hasLeaf(units[child])) {
      match.length = i + 1;
      value = leafValue(units[base]);
      --keys;
    }
  }
  if (match.length > 0)
    match.replacement = std::string_view(strings.data() + value);
  return match;
}

} // namespace encdec
