//===- Unigram.cpp - the most probable pieces of a word -------------------===//

#include "runtime/text/Unigram.h"

#include "runtime/text/Utf8.h"

#include <algorithm>
#include <type_traits>

namespace encdec {

/// A user-defined symbol of `length` bytes: always better than a
/// log-probability, and one long symbol better than two short ones.
static float userDefinedScore(size_t length) {
  return static_cast<float>(0.1 * (static_cast<double>(length) - 1));
}

/// Viterbi over bytes: best[e] = max over pieces [b, e) of best[b] + score. Time grows
/// with the word's length times the number of pieces that match at one character. That
/// number is at most ENCDEC_TOKENIZER_MAX_PIECE_BYTES, with a vocabulary of a, aa, aaa, …
/// The best path may use each matching piece, so SentencePiece visits them all, too.
template <typename Score>
void UnigramSplitter::search(std::string_view word,
                             std::vector<BestPath<Score>> &best) const {
  // A sum of floats beyond this loses digits that decide between pieces. The sums of the
  // open ends are then counted anew from this byte on.
  constexpr Score rebaseAt = 100000;
  const auto unkScore = static_cast<Score>(pipeline.info.unk_score);
  const size_t longest = pipeline.info.longest_piece;
  best.assign(word.size() + 1, {});
  size_t frontier = 0; // the furthest byte reached
  for (size_t begin = 0; begin < word.size();) {
    if (const Score sum = best[begin].score;
        std::is_same_v<Score, float> && (sum < -rebaseAt || sum > rebaseAt))
      for (size_t i = begin; i <= frontier; ++i)
        if (i == begin || best[i].begin != BestPath<Score>::notReached)
          best[i].score -= sum;
    const Score sum = best[begin].score;
    const size_t length =
        std::min<size_t>(characterLength(word[begin]), word.size() - begin);
    bool hasCharacter = false;
    Trie::Place place = pipeline.inText.root();
    const size_t last = std::min(word.size(), begin + longest);
    for (size_t end = begin; end < last;) {
      place = pipeline.inText.next(place, word[end++]);
      if (place.isNowhere())
        break;
      const int32_t index = place.value();
      if (index < 0)
        continue;
      const encdec_tokenizer_piece &piece = pipeline.pieces[index];
      if (piece.type == ENCDEC_TOKENIZER_UNUSED)
        continue;
      const Score score = piece.type == ENCDEC_TOKENIZER_USER_DEFINED
                              ? static_cast<Score>(userDefinedScore(end - begin))
                              : static_cast<Score>(piece.score);
      best[end].offer(score + sum, begin, index);
      frontier = std::max(frontier, end);
      hasCharacter |= end - begin == length;
    }
    if (!hasCharacter) {
      best[begin + length].offer(unkScore + sum, begin, PlacedPiece::unknown);
      frontier = std::max(frontier, begin + length);
    }
    begin += length;
  }
}

template <typename Score>
void UnigramSplitter::splitWith(std::vector<BestPath<Score>> &best, std::string_view bytes,
                                Word word, std::vector<PlacedPiece> &out) {
  search(bytes.substr(word.begin, word.end - word.begin), best);
  const size_t first = out.size();
  for (uint32_t end = word.end - word.begin; end > 0; end = best[end].begin)
    out.push_back({word.begin + best[end].begin, word.begin + end, best[end].piece});
  std::reverse(out.begin() + first, out.end());
}

template void UnigramSplitter::splitWith(std::vector<BestPath<float>> &, std::string_view,
                                         Word, std::vector<PlacedPiece> &);
template void UnigramSplitter::splitWith(std::vector<BestPath<double>> &, std::string_view,
                                         Word, std::vector<PlacedPiece> &);

} // namespace encdec
