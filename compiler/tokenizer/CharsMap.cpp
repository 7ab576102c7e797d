//===- CharsMap.cpp - the precompiled character map of SentencePiece ------===//

#include "compiler/tokenizer/CharsMap.h"

#include "compiler/tokenizer/ProtoReader.h"
#include "runtime/base/Checked.h"
#include "runtime/base/Utf8.h"

#include <algorithm>

namespace encdec::tokenizer {

namespace {
constexpr int maxKeyBytes = 256;
constexpr size_t maxReplacementBytes = 256;
constexpr size_t maxMapBytes = size_t(16) << 20;

// The fields of a unit, see the header.
bool isLeaf(uint32_t unit) { return unit >> 31; }
uint32_t leafValue(uint32_t unit) { return unit & 0x7FFFFFFF; }
/// Above 0xFF for a leaf, so that no byte leads to one.
uint32_t label(uint32_t unit) { return unit & 0x800000FF; }
bool hasLeaf(uint32_t unit) { return unit >> 8 & 1; }
uint32_t childOffset(uint32_t unit) {
  return unit >> 10 << ((unit & (1u << 9)) >> 6);
}

uint32_t littleEndian32(const char *bytes) {
  uint32_t value = 0;
  for (int i = 3; i >= 0; --i)
    value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Finds how deep the trie is below its root, visiting each unit once: equal
/// tails may share units, so the trie is a graph, and a hostile one may have
/// cycles. Descending stops past maxKeyBytes, which also ends every cycle.
class DepthFinder {
public:
  explicit DepthFinder(const std::vector<uint32_t> &units)
      : units(units), heights(units.size(), -1),
        firstOfBase(units.size() + 1, 0), byBase(units.size()) {
    // Unit c is a child of every unit whose base (i ^ offset) is c ^ label(c):
    // a counting sort by that base lists the children of each.
    for (uint32_t c = 0; c < units.size(); ++c)
      if (hasBase(c))
        ++firstOfBase[baseOf(c) + 1];
    for (size_t b = 1; b < firstOfBase.size(); ++b)
      firstOfBase[b] += firstOfBase[b - 1];
    std::vector<uint32_t> next(firstOfBase.begin(), firstOfBase.end() - 1);
    for (uint32_t c = 0; c < units.size(); ++c)
      if (hasBase(c))
        byBase[next[baseOf(c)]++] = c;
  }

  /// Longest path down from `unit`, which lies `depth` below the root; at most
  /// maxKeyBytes + 1 when the path is too long or endless.
  int heightBelow(uint32_t unit, int depth) {
    if (depth > maxKeyBytes)
      return 1;
    if (heights[unit] >= 0)
      return heights[unit];
    const uint32_t base = unit ^ childOffset(units[unit]);
    int height = 0;
    for (uint32_t k = firstOfBase[base]; k < firstOfBase[base + 1]; ++k) {
      height = std::max(height, 1 + heightBelow(byBase[k], depth + 1));
      if (height + depth > maxKeyBytes)
        return height;
    }
    return heights[unit] = height;
  }

private:
  uint32_t baseOf(uint32_t c) const { return c ^ label(units[c]); }
  bool hasBase(uint32_t c) const {
    return !isLeaf(units[c]) && baseOf(c) < units.size();
  }

  const std::vector<uint32_t> &units;
  std::vector<int> heights; // -1: not visited
  std::vector<uint32_t> firstOfBase, byBase;
};

struct Reader {
  std::vector<uint32_t> units;
  std::string_view strings;

  Status split(std::string_view blob, uint64_t origin);
  Status checkUnits(uint64_t origin) const;
  Status checkStrings(uint64_t origin) const;
};
} // namespace

Status Reader::split(std::string_view blob, uint64_t origin) {
  if (blob.size() > maxMapBytes)
    return Status(Code::Limit, "the character map has " +
                                   std::to_string(blob.size()) +
                                   " bytes; the limit is 16 MB");
  if (blob.size() < 4)
    return badByte(origin, "the character map is too short for its header");
  const uint32_t trieBytes = littleEndian32(blob.data());
  blob.remove_prefix(4);
  // darts-clone allocates its units in blocks of 256.
  if (trieBytes == 0 || trieBytes % 1024 != 0 || trieBytes >= blob.size())
    return badByte(origin, "expected a trie in blocks of 1024 bytes and "
                           "strings behind it, found a trie of " +
                               std::to_string(trieBytes) + " of " +
                               std::to_string(blob.size()) + " bytes");
  units.reserve(trieBytes / 4);
  for (size_t i = 0; i < trieBytes; i += 4)
    units.push_back(littleEndian32(blob.data() + i));
  strings = blob.substr(trieBytes);
  ENCDEC_RETURN_IF_ERROR(checkStrings(origin + 4 + trieBytes));
  return checkUnits(origin + 4);
}

Status Reader::checkUnits(uint64_t origin) const {
  if (label(units[0]) != 0 || hasLeaf(units[0]))
    return badByte(origin, "the character map's trie has a broken root");
  for (size_t i = 0; i < units.size(); ++i) {
    const uint32_t unit = units[i];
    const uint64_t offset = origin + 4 * i;
    if (isLeaf(unit)) {
      if (leafValue(unit) >= strings.size())
        return badByte(offset, "the character map points at string byte " +
                                   std::to_string(leafValue(unit)) + " of " +
                                   std::to_string(strings.size()));
      if (isTrail(strings[leafValue(unit)]))
        return badByte(offset, "the character map points into a character");
      continue;
    }
    // Children are base ^ byte, so their whole block of 256 must be there.
    const uint64_t base = i ^ childOffset(unit);
    if ((base | 0xFF) >= units.size())
      return badByte(offset, "the character map points at trie unit " +
                                 std::to_string(base) + " of " +
                                 std::to_string(units.size()));
    if (hasLeaf(unit) && !isLeaf(units[base]))
      return badByte(offset, "the character map's trie promises a value "
                             "where none is");
  }
  return Status::success();
}

Status Reader::checkStrings(uint64_t origin) const {
  if (strings.back() != '\0')
    return badByte(origin + strings.size() - 1,
                   "the character map's last string is not ended by a zero");
  if (!isValidUtf8(strings))
    return badByte(origin, "the character map's strings are not UTF-8");
  size_t start = 0;
  while (start < strings.size()) {
    const size_t end = strings.find('\0', start);
    if (end - start > maxReplacementBytes)
      return badByte(origin + start, "a string of the character map has " +
                                         std::to_string(end - start) +
                                         " bytes; the limit is 256");
    start = end + 1;
  }
  return Status::success();
}

Result<CharsMap> readCharsMap(std::string_view blob, uint64_t origin) {
  if (blob.empty())
    return CharsMap();
  Reader reader;
  ENCDEC_RETURN_IF_ERROR(reader.split(blob, origin));
  if (DepthFinder(reader.units).heightBelow(0, 0) > maxKeyBytes)
    return badByte(origin + 4, "the character map's trie loops or has keys of "
                               "more than 256 bytes");
  return CharsMap{std::move(reader.units), std::string(reader.strings)};
}

} // namespace encdec::tokenizer
