//===- Bpe.cpp - a word's pieces by merges of neighbours ------------------===//

#include "runtime/text/Bpe.h"

#include "runtime/text/Utf8.h"

#include <algorithm>

namespace encdec {

void BpeSplitter::push(uint32_t begin, uint32_t end, uint32_t piece, bool isFrozen) {
  const auto index = static_cast<uint32_t>(symbols.size());
  if (index > 0)
    symbols.back().after = index;
  symbols.push_back({begin, end, piece, index > 0 ? index - 1 : none, none, isFrozen});
}

void BpeSplitter::makeSymbols(std::string_view bytes, Word word) {
  symbols.clear();
  if (pipeline.has(ENCDEC_TOKENIZER_BYTE_LEVEL)) {
    for (uint32_t at = word.begin; at < word.end; ++at)
      push(at, at + 1, pipeline.bytePieces[static_cast<unsigned char>(bytes[at])]);
    return;
  }
  for (uint32_t at = word.begin; at < word.end;) {
    const std::string_view rest = bytes.substr(at, word.end - at);
    const Trie::Match user =
        pipeline.userDefined.longestPrefix(rest, ENCDEC_TOKENIZER_MAX_PIECE_BYTES);
    const auto length = static_cast<uint32_t>(
        user.length ? user.length
                    : std::min(rest.size(),
                               announcedCharLength(static_cast<unsigned char>(rest[0]))));
    // Not found: -1, which is none.
    const int32_t piece =
        user.length ? user.value : pipeline.inText.find(rest.substr(0, length));
    push(at, at + length, static_cast<uint32_t>(piece), user.length > 0);
    at += length;
  }
}

const encdec_tokenizer_merge *BpeSplitter::findMerge(uint32_t left) const {
  const Symbol &first = symbols[left];
  if (first.after == none || pipeline.merges.empty())
    return nullptr;
  const Symbol &second = symbols[first.after];
  if (first.piece == none || second.piece == none || first.isFrozen || second.isFrozen)
    return nullptr;
  size_t at = encdec_tokenizer_hash_merge(first.piece, second.piece);
  while (true) {
    const encdec_tokenizer_merge &slot =
        pipeline.merges[at &= pipeline.merges.size() - 1];
    if (slot.left == none)
      return nullptr;
    if (slot.left == first.piece && slot.right == second.piece)
      return &slot;
    ++at;
  }
}

bool BpeSplitter::offer(uint32_t left) {
  const encdec_tokenizer_merge *merge = findMerge(left);
  if (!merge)
    return false;
  heap.push_back({merge->rank, left, merge->piece, symbols[symbols[left].after].end});
  if (pipeline.pieces[merge->piece].type == ENCDEC_TOKENIZER_UNUSED)
    halves[merge->piece] = {merge->left, merge->right};
  return true;
}

void BpeSplitter::merge(const Candidate &candidate) {
  Symbol &left = symbols[candidate.left];
  Symbol &right = symbols[left.after];
  left.end = right.end;
  left.piece = candidate.piece;
  left.after = right.after;
  right.begin = right.end; // gone
  if (left.after != none)
    symbols[left.after].before = candidate.left;
  for (const uint32_t first : {left.before, candidate.left})
    if (first != none && offer(first))
      std::push_heap(heap.begin(), heap.end());
}

void BpeSplitter::mergeAll() {
  heap.clear();
  halves.clear();
  for (uint32_t i = 0; i + 1 < symbols.size(); ++i)
    offer(i);
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate candidate = heap.back();
    heap.pop_back();
    const Symbol &left = symbols[candidate.left];
    if (left.begin == left.end)
      continue;
    // Either neighbour may have changed since the candidate was offered.
    if (left.after != none && symbols[left.after].end == candidate.end)
      merge(candidate);
  }
}

void BpeSplitter::emit(const PlacedPiece &made, std::vector<PlacedPiece> &out) {
  // A piece that is never made falls back into what it was merged from, to any depth.
  open.assign(1, made);
  while (!open.empty()) {
    const PlacedPiece part = open.back();
    open.pop_back();
    const auto index = static_cast<uint32_t>(part.piece);
    const int type = index == none ? int(ENCDEC_TOKENIZER_UNKNOWN)
                                   : pipeline.pieces[index].type;
    if (type == ENCDEC_TOKENIZER_UNKNOWN)
      out.push_back({part.begin, part.end, PlacedPiece::unknown});
    else if (type != ENCDEC_TOKENIZER_UNUSED || !openHalves(part))
      out.push_back(part);
  }
}

bool BpeSplitter::openHalves(const PlacedPiece &whole) {
  const auto found = halves.find(static_cast<uint32_t>(whole.piece));
  if (found == halves.end())
    return false;
  const auto [left, right] = found->second;
  const uint32_t middle = whole.begin + pipeline.pieces[left].length;
  if (middle <= whole.begin || middle >= whole.end) // a table that contradicts itself
    return false;
  open.push_back({middle, whole.end, static_cast<int32_t>(right)});
  open.push_back({whole.begin, middle, static_cast<int32_t>(left)});
  return true;
}

void BpeSplitter::split(std::string_view bytes, Word word, std::vector<PlacedPiece> &out) {
  if (pipeline.has(ENCDEC_TOKENIZER_IGNORE_MERGES))
    if (const int32_t whole =
            pipeline.inText.find(bytes.substr(word.begin, word.end - word.begin));
        whole >= 0) {
      out.push_back({word.begin, word.end, whole});
      return;
    }
  makeSymbols(bytes, word);
  mergeAll();
  for (uint32_t i = 0; i < symbols.size(); i = symbols[i].after) {
    const Symbol &symbol = symbols[i];
    emit({symbol.begin, symbol.end, static_cast<int32_t>(symbol.piece)}, out);
    if (symbol.after == none)
      break;
  }
}

} // namespace encdec
