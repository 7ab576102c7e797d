//===- MergesWriter.cpp - which neighbouring pieces merge -----------------===//

#include "compiler/tokenizer/MergesWriter.h"

#include "compiler/tokenizer/PieceIndex.h"
#include "runtime/base/Utf8.h"

#include <algorithm>
#include <bit>
#include <unordered_set>

namespace encdec::tokenizer {

/// Calls visit(begin, end) for each character.
template <typename Visit> static void forCharacters(std::string_view text, Visit visit) {
  for (size_t begin = 0; begin < text.size();) {
    const size_t length = std::max<size_t>(1, validCharLength(text.substr(begin)));
    visit(begin, begin + length);
    begin += length;
  }
}

void addMissingCharacters(std::vector<PieceDescription> &pieces) {
  std::unordered_set<std::string> known;
  for (const PieceDescription &piece : pieces)
    if (isFoundInText(piece.type))
      known.insert(piece.text);
  const size_t count = pieces.size();
  for (size_t i = 0; i < count; ++i) {
    if (!isFoundInText(pieces[i].type))
      continue;
    const std::string text = pieces[i].text; // the vector grows below
    forCharacters(text, [&](size_t begin, size_t end) {
      std::string character = text.substr(begin, end - begin);
      if (known.insert(character).second)
        pieces.push_back({character, 0, PieceType::Unknown, -1});
    });
  }
}

/// Every way to halve a piece into two others, ranked by the score of the whole.
static std::vector<encdec_tokenizer_merge>
mergesByScore(const std::vector<PieceDescription> &pieces, size_t described) {
  std::vector<float> scores;
  PieceIndex numbers(pieces);
  auto takesPart = [&](size_t i) {
    return isFoundInText(pieces[i].type) || i >= described;
  };
  for (size_t i = 0; i < pieces.size(); ++i)
    if (takesPart(i)) {
      numbers.insert(i);
      scores.push_back(static_cast<float>(pieces[i].score));
    }
  std::ranges::sort(scores, std::greater());
  scores.erase(std::ranges::unique(scores).begin(), scores.end());
  std::vector<encdec_tokenizer_merge> merges;
  for (size_t i = 0; i < described; ++i) {
    if (!takesPart(i))
      continue;
    const std::string_view text = pieces[i].text;
    const auto rank = static_cast<uint32_t>(
        std::ranges::lower_bound(scores, static_cast<float>(pieces[i].score),
                                 std::greater()) -
        scores.begin());
    forCharacters(text, [&](size_t, size_t end) {
      if (end == text.size())
        return;
      const int32_t left = numbers.find(text.substr(0, end));
      const int32_t right = left < 0 ? -1 : numbers.find(text.substr(end));
      if (right >= 0)
        merges.push_back({static_cast<uint32_t>(left), static_cast<uint32_t>(right), rank,
                          static_cast<uint32_t>(i)});
    });
  }
  return merges;
}

static Result<std::vector<encdec_tokenizer_merge>>
mergesByRank(const ModelDescription &model) {
  PieceIndex numbers(model.pieces);
  for (size_t i = 0; i < model.pieces.size(); ++i)
    numbers.insert(i);
  std::vector<encdec_tokenizer_merge> merges;
  merges.reserve(model.merges.size());
  for (const auto &[left, right] : model.merges) {
    const size_t number = merges.size();
    if (left >= model.pieces.size() || right >= model.pieces.size())
      return badModel("merge " + std::to_string(number) +
                      " names a piece that is not there");
    const std::string whole = model.pieces[left].text + model.pieces[right].text;
    const int32_t found = numbers.find(whole);
    if (found < 0)
      return badModel("merge " + std::to_string(number) + " makes " + inQuotes(whole) +
                      ", which is no piece of the vocabulary");
    merges.push_back(
        {left, right, static_cast<uint32_t>(number), static_cast<uint32_t>(found)});
  }
  return merges;
}

Result<std::vector<encdec_tokenizer_merge>>
mergesOf(const ModelDescription &model, const std::vector<PieceDescription> &pieces) {
  std::vector<encdec_tokenizer_merge> merges;
  if (model.kind == ModelKind::MergesByScore) {
    merges = mergesByScore(pieces, model.pieces.size());
  } else if (model.kind == ModelKind::MergesByRank) {
    ENCDEC_ASSIGN_OR_RETURN(merges, mergesByRank(model));
  }
  std::vector<encdec_tokenizer_merge> slots;
  if (merges.empty())
    return slots;
  slots.resize(std::bit_ceil(merges.size() + merges.size() / 4 + 1),
               {ENCDEC_TOKENIZER_NONE, 0, 0, 0});
  for (const encdec_tokenizer_merge &merge : merges) {
    size_t at = encdec_tokenizer_hash_merge(merge.left, merge.right);
    auto isOther = [&](const encdec_tokenizer_merge &slot) {
      return slot.left != ENCDEC_TOKENIZER_NONE &&
             (slot.left != merge.left || slot.right != merge.right);
    };
    while (isOther(slots[at &= slots.size() - 1]))
      ++at;
    slots[at] = merge; // of two that merge the same, the last one counts
  }
  return slots;
}

} // namespace encdec::tokenizer
