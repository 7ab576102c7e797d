//===- CharsMap.h - looks up a mapped character map -----------------------===//

#pragma once

#include "encdec/tokenizer.h"
#include "runtime/base/Status.h"

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
  Match longestPrefix(std::string_view text) const { return find(text, 32); }
  /// The first key along the path, which is all that tokenizers looks at.
  Match shortestPrefix(std::string_view text) const { return find(text, 1); }

private:
  Match find(std::string_view text, int keys) const;

  std::span<const uint32_t> units;
  std::span<const char> strings;
};

} // namespace encdec
