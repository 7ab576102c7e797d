//===- TrieBuilder.cpp - builds double arrays -----------------------------===//
//
// Nodes are placed depth first, so that a walk stays in few cache lines. The children of
// a node share one block of 256 units, because a child is base ^ byte; a base is found by
// trying free units of the blocks that are not nearly full (Aoe 1989 has double arrays;
// the xor and the blocks are darts-clone's ideas).

#include "compiler/tokenizer/TrieBuilder.h"

#include "encdec/tokenizer.h"

#include <algorithm>

namespace encdec::tokenizer {

namespace {
constexpr uint32_t blockUnits = 256;
constexpr uint32_t maxUnits = 1u << 28; // what a base has bits for
constexpr uint64_t inUse = 256;
/// So many blocks are tried for a node before a new one is begun.
constexpr size_t openBlocks = 16;

class Builder {
public:
  explicit Builder(const std::vector<TrieEntry> &entries) : entries(entries) {
    addBlock();
    units[0] = 0;
    open.clear(); // no node but the root lies in the first block
  }

  bool build();
  std::vector<uint64_t> take() { return std::move(units); }

private:
  /// entries[begin, end) agree on their first `depth` bytes, which lead to `unit`.
  struct Node {
    uint32_t unit, begin, end, depth;
  };

  bool isFree(uint32_t unit) const { return !(units[unit] & inUse); }
  void addBlock() {
    open.push_back(static_cast<uint32_t>(units.size()));
    units.resize(units.size() + blockUnits);
    isBase.resize(units.size());
    freeUnits.push_back(blockUnits);
  }
  /// A base of `block` that no node has and whose children for `bytes` are free, or 0.
  uint32_t baseIn(uint32_t block) const;
  uint32_t findBase();
  void place(const Node &node);

  const std::vector<TrieEntry> &entries;
  std::vector<uint64_t> units;
  std::vector<bool> isBase;
  std::vector<uint32_t> freeUnits; ///< Of each block.
  std::vector<uint32_t> open;      ///< First units of blocks with room.
  std::vector<Node> stack;
  std::vector<Node> children; ///< Of the node in work; their units are bytes yet.
};
} // namespace

uint32_t Builder::baseIn(uint32_t block) const {
  for (uint32_t unit = block; unit < block + blockUnits; ++unit) {
    if (!isFree(unit))
      continue;
    const uint32_t base = unit ^ children.front().unit;
    if (isBase[base])
      continue;
    auto fits = [&](const Node &child) { return isFree(base ^ child.unit); };
    if (std::ranges::all_of(children, fits))
      return base;
  }
  return 0;
}

uint32_t Builder::findBase() {
  for (size_t i = open.size(); i-- > 0;)
    if (freeUnits[open[i] / blockUnits] >= children.size())
      if (const uint32_t base = baseIn(open[i]))
        return base;
  // The oldest block is given up; at most a few of its units stay free.
  if (open.size() == openBlocks)
    open.erase(open.begin());
  addBlock();
  return baseIn(open.back());
}

void Builder::place(const Node &node) {
  auto [unit, begin, end, depth] = node;
  if (begin < end && entries[begin].first.size() == depth)
    units[unit] |= (static_cast<uint64_t>(entries[begin++].second) + 1) << 37;
  children.clear();
  while (begin < end) {
    const char byte = entries[begin].first[depth];
    uint32_t next = begin + 1;
    while (next < end && entries[next].first[depth] == byte)
      ++next;
    children.push_back({static_cast<unsigned char>(byte), begin, next, depth + 1});
    begin = next;
  }
  if (children.empty())
    return;
  const uint32_t base = findBase();
  isBase[base] = true;
  units[unit] |= static_cast<uint64_t>(base) << 9;
  for (const Node &child : children) {
    units[base ^ child.unit] = inUse | child.unit;
    --freeUnits[base / blockUnits];
  }
  std::erase_if(open, [&](uint32_t block) { return freeUnits[block / blockUnits] == 0; });
  for (size_t i = children.size(); i-- > 0;) {
    stack.push_back(children[i]);
    stack.back().unit ^= base;
  }
}

bool Builder::build() {
  stack.push_back({0, 0, static_cast<uint32_t>(entries.size()), 0});
  while (!stack.empty()) {
    const Node node = stack.back();
    stack.pop_back();
    place(node);
    if (units.size() > maxUnits - blockUnits)
      return false;
  }
  return true;
}

Result<std::vector<uint64_t>> buildTrie(std::vector<TrieEntry> entries) {
  if (entries.empty())
    return std::vector<uint64_t>();
  std::ranges::sort(entries);
  Builder builder(entries);
  if (!builder.build())
    return overLimit("the vocabulary needs a trie of more than 268 million units");
  return builder.take();
}

} // namespace encdec::tokenizer
