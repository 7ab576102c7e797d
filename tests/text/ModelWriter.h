//===- ModelWriter.h - writes SentencePiece files, sound and broken -------===//

#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace encdec::test {

inline std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7)
    out += static_cast<char>(0x80 | (value & 0x7F));
  return out + static_cast<char>(value);
}
inline std::string tag(uint32_t number, int wireType) {
  return varint(uint64_t(number) << 3 | wireType);
}
inline std::string number(uint32_t field, uint64_t value) {
  return tag(field, 0) + varint(value);
}
inline std::string bytes(uint32_t field, const std::string &value) {
  return tag(field, 2) + varint(value.size()) + value;
}
inline std::string u32(uint32_t value) {
  std::string out;
  for (int i = 0; i < 4; ++i)
    out += static_cast<char>(value >> (8 * i));
  return out;
}
inline std::string floating(uint32_t field, float value) {
  return tag(field, 5) + u32(std::bit_cast<uint32_t>(value));
}

/// One entry of ModelProto.pieces. Types: 1 normal, 2 unknown, 3 control, 4
/// user-defined, 5 unused, 6 byte.
inline std::string piece(const std::string &text, float score = 0,
                         int type = 1) {
  return bytes(1, bytes(1, text) + floating(2, score) + number(3, type));
}

/// The pieces <unk> <s> </s> ▁a b ▁ c, without any specs.
inline std::string smallPieces() {
  return piece("<unk>", 0, 2) + piece("<s>", 0, 3) + piece("</s>", 0, 3) +
         piece("▁a", -1) + piece("b", -2) + piece("▁", -3) + piece("c", -4) +
         piece("a", -3);
}

struct SmallModelOptions {
  bool addDummyPrefix = true;
  std::string charsMap = {};
};

inline std::string smallModel(const SmallModelOptions &options = {}) {
  std::string normalizer = number(3, options.addDummyPrefix);
  if (!options.charsMap.empty())
    normalizer += bytes(2, options.charsMap);
  return smallPieces() + bytes(2, number(3, 1)) + bytes(3, normalizer);
}

/// A character map of one block of 256 trie units: "x" becomes `strings`' first
/// string. Units are laid out as CharsMap.h says; tests overwrite some.
struct SmallMap {
  std::vector<uint32_t> units;
  std::string strings = std::string("a\0", 2);

  SmallMap() {
    // Unused units: labelled as children of base 255, which no unit has.
    for (uint32_t i = 0; i < 256; ++i)
      units.push_back(i ^ 0xFF);
    units[0] = 1u << 10;                          // root: children at 1 ^ byte
    units[1 ^ 'x'] = 'x' | 1u << 8 | offset('x'); // 'x': its leaf at 2
    units[2] = 1u << 31;                          // leaf: string at byte 0
  }
  /// The offset that takes unit 1 ^ 'x' to base 2.
  static uint32_t offset(unsigned char byte) { return (1u ^ byte ^ 2u) << 10; }

  std::string blob() const {
    std::string out = u32(static_cast<uint32_t>(units.size() * 4));
    for (const uint32_t unit : units)
      out += u32(unit);
    return out + strings;
  }
  std::string model() const { return smallModel({.charsMap = blob()}); }
};

} // namespace encdec::test
