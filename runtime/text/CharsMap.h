//===- CharsMap.h - looks up a mapped character map -----------------------===//

#pragma once

#include "encdec/tokenizer.h"
#include "runtime/base/Status.h"

#include <bitset>
#include <cstdint>
#include <span>
#include <string_view>

namespace encdec {

/// A view of a character map of a tokenizer's table (layout: encdec/tokenizer.h), which
/// SentencePiece precompiles. Borrows; any number of threads may look up.
class CharsMap {
public:
  struct Match {
    size_t length = 0; ///< Bytes of the key; 0: no key matches.
    std::string_view replacement;
  };

  CharsMap() = default; ///< Maps nothing.

  /// BadModel unless looking up stays inside and each string is UTF-8 of at most 256
  /// bytes. (Walks end after as many, so a trie may even loop.) Time: linear.
  static Result<CharsMap> open(std::span<const uint32_t> units,
                               std::span<const char> strings);

  /// The longest key at the front of `text`, of the first 32 keys along its path, which
  /// are all that SentencePiece looks at.
  Match longestPrefix(std::string_view text) const {
    return mayStart(text) ? find(text, 32) : Match();
  }
  /// The first key along the path, which is all that tokenizers looks at.
  Match shortestPrefix(std::string_view text) const {
    return mayStart(text) ? find(text, 1) : Match();
  }
  /// Whether this byte alone is a key.
  bool hasByte(char byte) const { return keys[static_cast<unsigned char>(byte)]; }

private:
  /// Whether some key starts with the text's first byte, which most do not.
  bool mayStart(std::string_view text) const {
    return !text.empty() && starts[static_cast<unsigned char>(text[0])];
  }
  Match find(std::string_view text, int keys) const;

  std::bitset<256> starts; ///< First bytes of keys.
  std::bitset<256> keys;   ///< Keys of one byte.
  std::span<const uint32_t> units;
  std::span<const char> strings;
};

} // namespace encdec
