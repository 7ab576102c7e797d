//===- StringIndex.h - finds a string among many, without copies ----------===//

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

/// A hash table from strings, which stay where the owner has them, to their
/// numbers: linear probing, at most half full, no node or copy per string,
/// because vocabularies have 256,000 of them. The owner passes `textOf`, which
/// gives the string of a number that it has put in.
class StringIndex {
public:
  StringIndex() = default;
  /// Room for `count` strings; more make it grow.
  explicit StringIndex(size_t count) : slots(std::bit_ceil(2 * count + 2)) {}

  /// The number of a string that equals `text`, or -1.
  template <typename TextOf>
  int32_t find(std::string_view text, TextOf textOf) const {
    return slots.empty() ? -1
                         : slots[slotOf(text, hashOf(text), textOf)].number;
  }

  /// Puts in `number` >= 0 for `text` and returns -1, or returns the number of
  /// the equal string that is there already.
  template <typename TextOf>
  int32_t insert(std::string_view text, int32_t number, TextOf textOf) {
    if (2 * (size + 1) > slots.size())
      grow();
    const uint32_t hash = hashOf(text);
    Slot &slot = slots[slotOf(text, hash, textOf)];
    if (slot.number >= 0)
      return slot.number;
    slot = {hash, number};
    ++size;
    return -1;
  }

private:
  struct Slot {
    uint32_t hash = 0; ///< Compared first: different strings mostly differ here.
    int32_t number = -1;
  };

  static uint32_t hashOf(std::string_view text) {
    return static_cast<uint32_t>(std::hash<std::string_view>()(text));
  }

  /// Where the string is, or the free place for it.
  template <typename TextOf>
  size_t slotOf(std::string_view text, uint32_t hash, TextOf textOf) const {
    const size_t mask = slots.size() - 1;
    size_t at = hash & mask;
    while (slots[at].number >= 0 &&
           (slots[at].hash != hash || textOf(slots[at].number) != text))
      at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Slot> old(std::max<size_t>(16, 2 * slots.size()));
    old.swap(slots);
    for (const Slot &slot : old) {
      size_t at = slot.hash & (slots.size() - 1);
      while (slot.number >= 0 && slots[at].number >= 0)
        at = (at + 1) & (slots.size() - 1);
      if (slot.number >= 0)
        slots[at] = slot;
    }
  }

  std::vector<Slot> slots; // a power of two of them, or none
  size_t size = 0;         // of them that hold a string
};

} // namespace encdec::tokenizer
