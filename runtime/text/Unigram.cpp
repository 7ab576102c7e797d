//===- Unigram.cpp - SentencePiece's unigram tokenizer --------------------===//

#include "runtime/text/Unigram.h"

#include "runtime/text/Utf8.h"

#include <algorithm>
#include <cfloat>

namespace encdec {

/// What an unknown character scores below the worst piece.
static constexpr float unkPenalty = 10.0f;

/// A user-defined symbol of `length` bytes: always better than a
/// log-probability, and one long symbol better than two short ones.
static float userDefinedScore(size_t length) {
  return static_cast<float>(0.1 * (static_cast<double>(length) - 1));
}

/// The best way found so far to reach one byte of the text.
struct Unigram::BestPath {
  static constexpr uint32_t notReached = UINT32_MAX;
  float score = 0;
  uint32_t begin = notReached; ///< Of the last piece on the way.
  int32_t id = -1;             ///< Of the last piece on the way.

  void offer(float candidate, size_t from, int32_t piece) {
    if (begin != notReached && !(candidate > score))
      return;
    score = candidate;
    begin = static_cast<uint32_t>(from);
    id = piece;
  }
};

Result<Unigram> Unigram::create(SentencePieceFile file) {
  Unigram model;
  std::vector<PieceTrie::Entry> inText, userDefined;
  inText.reserve(file.pieces.size());
  float minScore = FLT_MAX;
  if (file.byteFallback)
    model.bytePieces.resize(256);
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    const Piece &piece = file.pieces[i];
    const auto id = static_cast<int32_t>(i);
    switch (piece.type) {
    case PieceType::Normal:
      minScore = std::min(minScore, piece.score);
      break;
    case PieceType::UserDefined:
      userDefined.emplace_back(piece.text, id);
      break;
    case PieceType::Unused:
      break;
    case PieceType::Byte:
      model.bytePieces[byteOfPiece(piece.text)] = id;
      [[fallthrough]];
    case PieceType::Unknown:
    case PieceType::Control:
      model.reserved.emplace(piece.text, id);
      continue;
    }
    inText.emplace_back(piece.text, id);
  }
  model.unkScore = minScore - unkPenalty;
  model.trie = PieceTrie(std::move(inText));
  ENCDEC_ASSIGN_OR_RETURN(
      model.normalizer,
      Normalizer::create(file.normalizer, PieceTrie(std::move(userDefined))));
  file.normalizer.charsMap = {};
  model.file = std::move(file);
  return model;
}

/// Viterbi over bytes: best[e] = max over pieces [b, e) of best[b] + score.
std::vector<Unigram::BestPath> Unigram::search(std::string_view text) const {
  // A sum beyond this loses digits that decide between pieces. The sums of the open
  // ends are then counted anew from this byte on.
  constexpr float rebaseAt = 100000.0f;
  std::vector<BestPath> best(text.size() + 1);
  size_t frontier = 0; // the furthest byte reached
  for (size_t begin = 0; begin < text.size();) {
    if (const float sum = best[begin].score; sum < -rebaseAt || sum > rebaseAt)
      for (size_t i = begin; i <= frontier; ++i)
        if (i == begin || best[i].begin != BestPath::notReached)
          best[i].score -= sum;
    const float sum = best[begin].score;
    const size_t length =
        std::min(announcedCharLength(static_cast<unsigned char>(text[begin])),
                 text.size() - begin);
    bool hasCharacter = false;
    uint32_t node = PieceTrie::root;
    for (size_t end = begin; end < text.size();) {
      node = trie.child(node, static_cast<unsigned char>(text[end++]));
      if (node == PieceTrie::none)
        break;
      const int32_t id = trie.value(node);
      if (id < 0 || file.pieces[id].type == PieceType::Unused)
        continue;
      const bool isUser = file.pieces[id].type == PieceType::UserDefined;
      const float score =
          isUser ? userDefinedScore(end - begin) : file.pieces[id].score;
      best[end].offer(score + sum, begin, id);
      frontier = std::max(frontier, end);
      hasCharacter |= end - begin == length;
    }
    if (!hasCharacter) {
      best[begin + length].offer(unkScore + sum, begin, file.unkId);
      frontier = std::max(frontier, begin + length);
    }
    begin += length;
  }
  return best;
}

void Unigram::addPiece(Segmentation &result, size_t begin, size_t end, int32_t id) const {
  auto &pieces = result.pieces;
  if (id != file.unkId)
    pieces.push_back({begin, end, id});
  else if (file.byteFallback)
    for (size_t i = begin; i < end; ++i)
      pieces.push_back(
          {i, i + 1, bytePieces[static_cast<unsigned char>(result.text[i])]});
  else if (!pieces.empty() && pieces.back().id == id)
    pieces.back().end = end;
  else
    pieces.push_back({begin, end, id});
}

Result<Segmentation> Unigram::encode(std::string_view text) const {
  Segmentation result;
  ENCDEC_ASSIGN_OR_RETURN(result.text, normalizer.normalize(text));
  const std::vector<BestPath> best = search(result.text);
  std::vector<size_t> ends; // of the best way's pieces, from the last back
  for (size_t end = result.text.size(); end > 0; end = best[end].begin)
    ends.push_back(end);
  for (size_t i = ends.size(); i-- > 0;)
    addPiece(result, best[ends[i]].begin, ends[i], best[ends[i]].id);
  return result;
}

/// Moves collected byte pieces to `out` as text.
static void flushBytes(std::string &bytes, std::string &out) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const size_t length = validCharLength(rest);
    out += length ? rest.substr(0, length) : kReplacementCharacter;
    rest.remove_prefix(length ? length : 1);
  }
  bytes.clear();
}

std::string Unigram::decode(std::span<const std::string_view> pieces) const {
  std::string out, bytes;
  bool stripped = !normalizer.stripsLeadingSpace();
  for (std::string_view piece : pieces) {
    auto type = PieceType::Unknown;
    const auto found = reserved.find(std::string(piece));
    const bool isReserved = found != reserved.end();
    if (isReserved)
      type = file.pieces[found->second].type;
    else if (const int32_t id = trie.find(piece); id >= 0)
      type = file.pieces[id].type;
    if (type == PieceType::Byte) {
      bytes += static_cast<char>(byteOfPiece(piece));
      continue;
    }
    flushBytes(bytes, out);
    if (type == PieceType::Control)
      continue;
    if (type == PieceType::Unknown) {
      out += isReserved ? std::string_view(file.unkSurface) : piece;
      continue;
    }
    // Only a space before any text is the one that encoding put there.
    if (!stripped && out.empty() && piece.starts_with(kSpaceSymbol)) {
      piece.remove_prefix(kSpaceSymbol.size());
      stripped = !normalizer.collapsesSpaces();
    }
    appendWithSpaces(piece, out);
  }
  flushBytes(bytes, out);
  return out;
}

} // namespace encdec
