//===- PieceTrie.cpp - finds the pieces that start a text -----------------===//

#include "runtime/text/PieceTrie.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace encdec {

/// Sorts by text, as unsigned bytes. The first eight bytes, read as one number, nearly
/// always decide, and a radix sort of numbers takes a tenth of the time of comparing
/// texts.
static std::vector<PieceTrie::Entry>
sortedByText(const std::vector<PieceTrie::Entry> &entries) {
  struct Keyed {
    uint64_t key;
    uint32_t index;
  };
  std::vector<Keyed> keyed(entries.size()), other(entries.size());
  for (uint32_t i = 0; i < entries.size(); ++i) {
    const std::string_view text = entries[i].first;
    uint64_t key = 0;
    for (size_t b = 0; b < 8; ++b)
      key = key << 8 | (b < text.size() ? static_cast<unsigned char>(text[b]) : 0);
    keyed[i] = {key, i};
  }
  for (int shift = 0; shift < 64; shift += 8) {
    std::array<uint32_t, 257> start{};
    for (const Keyed &k : keyed)
      ++start[(k.key >> shift & 0xFF) + 1];
    std::partial_sum(start.begin(), start.end(), start.begin());
    for (const Keyed &k : keyed)
      other[start[k.key >> shift & 0xFF]++] = k;
    keyed.swap(other);
  }
  for (auto run = keyed.begin(); run != keyed.end();) {
    auto end = std::find_if(run, keyed.end(),
                            [&](const Keyed &k) { return k.key != run->key; });
    std::sort(run, end, [&](const Keyed &a, const Keyed &b) {
      return entries[a.index].first < entries[b.index].first;
    });
    run = end;
  }
  std::vector<PieceTrie::Entry> sorted;
  sorted.reserve(entries.size());
  for (const Keyed &k : keyed)
    sorted.push_back(entries[k.index]);
  return sorted;
}

PieceTrie::PieceTrie(std::vector<Entry> entries) {
  entries = sortedByText(entries);
  // Node n covers entries[begin, end), which agree on their first `depth`
  // bytes. Children are appended while nodes are visited in order.
  struct Range {
    uint32_t begin, end, depth;
  };
  // Children come out sorted, as the entries are.
  std::vector<Range> ranges{{0, static_cast<uint32_t>(entries.size()), 0}};
  nodes.reserve(3 * entries.size() + 1);
  ranges.reserve(3 * entries.size() + 1);
  for (size_t n = 0; n < ranges.size(); ++n) {
    auto [begin, end, depth] = ranges[n];
    if (begin < end && entries[begin].first.size() == depth)
      nodes[n].value = entries[begin++].second;
    nodes[n].firstChild = static_cast<uint32_t>(nodes.size());
    while (begin < end) {
      const char byte = entries[begin].first[depth];
      uint32_t next = begin + 1;
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
