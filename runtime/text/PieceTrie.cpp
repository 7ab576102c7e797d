//===- PieceTrie.cpp - finds the pieces that start a text -----------------===//

#include "runtime/text/PieceTrie.h"

#include <algorithm>

namespace encdec {

PieceTrie::PieceTrie(std::vector<Entry> entries) {
  // string_view compares as unsigned bytes, so children come out sorted.
  std::sort(entries.begin(), entries.end());
  // Node n covers entries[begin, end), which agree on their first `depth`
  // bytes. Children are appended while nodes are visited in order.
  struct Range {
    size_t begin, end, depth;
  };
  std::vector<Range> ranges{{0, entries.size(), 0}};
  for (size_t n = 0; n < ranges.size(); ++n) {
    auto [begin, end, depth] = ranges[n];
    if (begin < end && entries[begin].first.size() == depth)
      nodes[n].value = entries[begin++].second;
    nodes[n].firstChild = static_cast<uint32_t>(nodes.size());
    while (begin < end) {
      const char byte = entries[begin].first[depth];
      size_t next = begin + 1;
      while (next < end && entries[next].first[depth] == byte)
        ++next;
      ranges.push_back({begin, next, depth + 1});
      nodes.emplace_back();
      nodes.back().byte = static_cast<unsigned char>(byte);
      ++nodes[n].childCount;
      begin = next;
    }
  }
}

uint32_t PieceTrie::child(uint32_t node, unsigned char byte) const {
  const Node *first = nodes.data() + nodes[node].firstChild;
  const Node *last = first + nodes[node].childCount;
  const Node *found =
      std::lower_bound(first, last, byte, [](const Node &n, unsigned char b) {
        return n.byte < b;
      });
  return found != last && found->byte == byte
             ? static_cast<uint32_t>(found - nodes.data())
             : none;
}

int32_t PieceTrie::find(std::string_view text) const {
  uint32_t node = root;
  for (const char c : text)
    if ((node = child(node, static_cast<unsigned char>(c))) == none)
      return -1;
  return value(node);
}

size_t PieceTrie::longestPrefix(std::string_view text) const {
  size_t longest = 0;
  uint32_t node = root;
  for (size_t i = 0; i < text.size(); ++i) {
    node = child(node, static_cast<unsigned char>(text[i]));
    if (node == none)
      break;
    if (value(node) >= 0)
      longest = i + 1;
  }
  return longest;
}

} // namespace encdec
