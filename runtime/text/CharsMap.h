//===- CharsMap.h - the precompiled character map of SentencePiece --------===//
//
// Which characters become which, as a trie with replacement strings. Layout
// (SentencePiece, src/normalizer.cc): <u32 trie bytes><trie><strings, each
// ended by a zero>. The trie is a double array of little-endian u32 units as
// darts-clone writes them (its include/darts.h, DoubleArrayUnit):
//   bits 0..7   label: the byte that leads here; with bit 31 set this is a
//               leaf whose low 31 bits are the value
//   bit 8       has leaf: child 0 holds a value
//   bits 9..31  offset: bits 10..30, shifted left by 8 if bit 9 is set
// The child of unit i for byte c is unit i ^ offset(i) ^ c, if its label is c.

#pragma once

#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

/// Immutable once made; any number of threads may look up.
class CharsMap {
public:
  CharsMap() = default; ///< Maps nothing.

  /// Checks the whole map, so that looking up can neither leave it, nor loop,
  /// nor blow a text up: children and values inside, no cycle, keys and
  /// replacements of at most 256 bytes. BadModel with the offset in the file
  /// otherwise (`origin` is where the blob starts). Copies the blob.
  static Result<CharsMap> create(std::string_view blob, uint64_t origin);

  struct Match {
    size_t length = 0; ///< Bytes of the longest key; 0: no key matches.
    std::string_view replacement; ///< Borrowed from the map.
  };
  /// The longest key at the front of `text`. Time: at most its length.
  Match longestPrefix(std::string_view text) const;

private:
  Status checkUnits(uint64_t origin) const;
  Status checkDepth(uint64_t origin) const;
  Status checkStrings(uint64_t origin) const;

  std::vector<uint32_t> units;
  std::string strings;
};

} // namespace encdec
