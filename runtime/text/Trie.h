//===- Trie.h - walks a mapped trie ---------------------------------------===//

#pragma once

#include "encdec/tokenizer.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace encdec {

/// A view of a trie of a tokenizer's table (layout: encdec/tokenizer.h). Borrows the
/// units; any number of threads may walk it.
class Trie {
public:
  /// What a walk has reached. Holds no value and leads nowhere where `unit` is 0.
  struct Place {
    uint64_t unit = 0;
    bool isNowhere() const { return unit == 0; }
    /// The value of the text that ends here, or -1.
    int32_t value() const { return ENCDEC_TOKENIZER_TRIE_VALUE(unit); }
  };
  struct Match {
    size_t length = 0; ///< In bytes; 0: nothing matches.
    int32_t value = -1;
  };

  Trie() = default; ///< Holds nothing.

  /// BadModel unless each walk stays inside and each value is below `values`. Time:
  /// linear in the units.
  static Result<Trie> open(std::span<const uint64_t> units, uint64_t values);

  bool empty() const { return units == nothing; }
  /// Where walks start; not nowhere, but in an empty trie it leads nowhere.
  Place root() const { return {units[0] | rootMark}; }
  Place next(Place from, char byte) const {
    const uint32_t label = static_cast<unsigned char>(byte);
    const uint64_t unit = units[ENCDEC_TOKENIZER_TRIE_BASE(from.unit) ^ label];
    return {ENCDEC_TOKENIZER_TRIE_LABEL(unit) == (256 | label) ? unit : 0};
  }

  /// The longest and the shortest text at the front of `text`, of at most `limit` bytes.
  Match longestPrefix(std::string_view text, size_t limit) const {
    Match match;
    const size_t end = text.size() < limit ? text.size() : limit;
    Place place = root();
    for (size_t i = 0; i < end && !(place = next(place, text[i])).isNowhere(); ++i)
      if (const int32_t value = place.value(); value >= 0)
        match = {i + 1, value};
    return match;
  }
  Match shortestPrefix(std::string_view text, size_t limit) const {
    const size_t end = text.size() < limit ? text.size() : limit;
    Place place = root();
    for (size_t i = 0; i < end && !(place = next(place, text[i])).isNowhere(); ++i)
      if (const int32_t value = place.value(); value >= 0)
        return {i + 1, value};
    return {};
  }
  /// The value of exactly `text`, or -1.
  int32_t find(std::string_view text) const {
    Place place = root();
    for (const char byte : text)
      if ((place = next(place, byte)).isNowhere())
        return -1;
    return place.value();
  }

private:
  static const uint64_t nothing[256];
  static constexpr uint64_t rootMark = 1; ///< A bit of the label, which a root lacks.
  const uint64_t *units = nothing;
};

} // namespace encdec
