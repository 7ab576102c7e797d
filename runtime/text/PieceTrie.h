//===- PieceTrie.h - finds the pieces that start a text -------------------===//

#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace encdec {

/// A byte trie whose nodes lie level by level, the children of one side by
/// side and sorted by byte. Immutable once made; any thread may walk it.
class PieceTrie {
public:
  using Entry = std::pair<std::string_view, int32_t>; ///< Text and its value.

  PieceTrie() = default; ///< Holds nothing; the root has no children.

  /// From entries with distinct, non-empty texts and values >= 0. Copies what
  /// it needs. Time and memory: linear in the bytes of all texts, plus a sort.
  explicit PieceTrie(std::vector<Entry> entries);

  static constexpr uint32_t root = 0;
  static constexpr uint32_t none = UINT32_MAX;

  /// The child of `node` for `byte`, or `none`.
  uint32_t child(uint32_t node, unsigned char byte) const;
  /// The value of the text that ends at `node`, or -1.
  int32_t value(uint32_t node) const { return nodes[node].value; }

  /// The value of exactly `text`, or -1.
  int32_t find(std::string_view text) const;
  /// Bytes of the longest entry at the front of `text`, or 0.
  size_t longestPrefix(std::string_view text) const;

private:
  struct Node {
    uint32_t firstChild = 0;
    int32_t value = -1;
    uint16_t childCount = 0; // 256 must fit
    unsigned char byte = 0;  // that leads here
  };
  std::vector<Node> nodes{1};
};

} // namespace encdec
