//===- Base.cpp - reads vocabularies --------------------------------------===//

#include "compiler/tokenizer/Base.h"

#include "compiler/import/Fields.h"
#include "compiler/tokenizer/CharsMap.h"
#include "compiler/tokenizer/PieceIndex.h"
#include "compiler/tokenizer/SentencePieceModel.h"
#include "compiler/tokenizer/Stages.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

namespace encdec::tokenizer {
namespace {

using checkpoint::Fields;

/// Finds pieces by their texts. BadModel where two are equal or share an id.
Result<PieceIndex> indexPieces(const std::vector<PieceDescription> &pieces) {
  PieceIndex index(pieces);
  std::vector<bool> used;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const PieceDescription &piece = pieces[i];
    if (index.insert(i) >= 0)
      return badModel(
          fmt::format("piece {} stands twice", quote(piece.text, 40)));
    const auto id = size_t(piece.id);
    if (id >= used.size())
      used.resize(std::max(id + 1, 2 * used.size()));
    if (used[id])
      return badModel(fmt::format("piece {} has id {}, as an earlier one does",
                                  quote(piece.text, 40), id));
    used[id] = true;
  }
  return index;
}

Result<std::vector<PieceDescription>> piecesOf(std::vector<VocabularyEntry> entries) {
  if (entries.empty())
    return badModel("expected pieces, found none");
  std::vector<PieceDescription> pieces;
  pieces.reserve(entries.size());
  for (VocabularyEntry &entry : entries) {
    if (entry.text.empty())
      return badModel("a piece without text");
    pieces.push_back(
        {.text = std::move(entry.text), .score = entry.score, .id = entry.id});
  }
  return pieces;
}

/// Of equal merges only the last stays.
void keepLast(std::vector<std::pair<uint32_t, uint32_t>> &merges) {
  std::unordered_set<uint64_t> seen;
  seen.reserve(merges.size());
  size_t first = merges.size(); // those from here on stay
  for (size_t i = merges.size(); i-- > 0;)
    if (seen.insert(uint64_t(merges[i].first) << 32 | merges[i].second).second)
      merges[--first] = merges[i];
  merges.erase(merges.begin(), merges.begin() + ptrdiff_t(first));
}

/// Turns merges of texts into merges of pieces. Of two equal ones the last
/// counts, as in the tokenizers library.
Status addMerges(const std::vector<std::pair<std::string, std::string>> &merges,
                 const PieceIndex &index, const std::string &where,
                 std::string_view vocabulary, ModelDescription &model) {
  model.merges.reserve(merges.size());
  for (size_t i = 0; i < merges.size(); ++i) {
    const auto &[left, right] = merges[i];
    const auto find = [&](const std::string &text) -> Result<uint32_t> {
      const int32_t at = index.find(text);
      if (at < 0)
        return badModel(fmt::format(
            "{}[{}]: merging {} and {}: {} is not in {}", where, i,
            quote(left, 40), quote(right, 40), quote(text, 40), vocabulary));
      return uint32_t(at);
    };
    ENCDEC_ASSIGN_OR_RETURN(const uint32_t first, find(left));
    ENCDEC_ASSIGN_OR_RETURN(const uint32_t second, find(right));
    ENCDEC_RETURN_IF_ERROR(find(left + right).status());
    model.merges.emplace_back(first, second);
  }
  keepLast(model.merges);
  return Status::success();
}

void refuseAffix(Fields &fields, const char *key) {
  if (!fields.text(key, "").empty())
    fields.fail(key, "nothing (affixes of words are not supported)");
}

Status readBpe(Fields &fields, TokenizerJson &file, Base &base) {
  ModelDescription &model = base.model;
  model.kind = ModelKind::MergesByRank;
  if (!file.vocabularyIsObject)
    return badModel("model.vocab: expected an object of BPE's pieces and their "
                    "ids, found an array");
  if (!file.hasMerges)
    return badModel("model.merges: expected an array of BPE's merges, found nothing");
  refuseAffix(fields, "continuing_subword_prefix");
  refuseAffix(fields, "end_of_word_suffix");
  if (fields.get("dropout"))
    fields.fail("dropout", "null");
  const std::string unk = fields.text("unk_token", "");
  model.fuseUnknown = fields.flag("fuse_unk", false);
  model.byteFallback = fields.flag("byte_fallback", false);
  model.ignoreMerges = fields.flag("ignore_merges", false);
  ENCDEC_RETURN_IF_ERROR(fields.status());
  ENCDEC_ASSIGN_OR_RETURN(const PieceIndex index,
                          indexPieces(model.pieces).withContext("model.vocab"));
  if (!unk.empty()) {
    const int32_t at = index.find(unk);
    if (at < 0) {
      fields.fail("unk_token", "a piece of the vocabulary");
      return fields.status();
    }
    model.unkId = model.pieces[size_t(at)].id;
  }
  return addMerges(file.merges, index, "model.merges", "model.vocab", model);
}

Status readUnigram(Fields &fields, TokenizerJson &file, Base &base) {
  ModelDescription &model = base.model;
  model.kind = ModelKind::Unigram;
  if (file.vocabularyIsObject)
    return badModel("model.vocab: expected an array of Unigram's pairs [piece, "
                    "score], found an object");
  if (file.hasMerges)
    return badModel("model: key \"merges\" is not supported for Unigram");
  model.byteFallback = fields.flag("byte_fallback", false);
  const std::optional<uint64_t> unk = fields.optionalCount(
      "unk_id", 0, model.pieces.empty() ? 0 : model.pieces.size() - 1);
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (unk)
    model.unkId = int32_t(*unk);
  for (size_t i = 0; i < model.pieces.size(); ++i)
    if (!std::isfinite(model.pieces[i].score))
      return badModel(
          fmt::format("model.vocab[{}]: the score is not finite", i));
  return indexPieces(model.pieces).withContext("model.vocab").status();
}

} // namespace

Result<Base> readJsonBase(TokenizerJson &file) {
  const JsonValue *object = file.document.find("model");
  if (!object || object->kind != JsonValue::Object)
    return badModel("key \"model\": expected an object, found " +
                    (object ? object->show() : "nothing"));
  Fields fields(*object, "model");
  // Old files do not say the type; the vocabulary's form does.
  const std::string type =
      fields.text("type", file.vocabularyIsObject ? "BPE" : "Unigram");
  Base base;
  ENCDEC_ASSIGN_OR_RETURN(
      base.model.pieces,
      piecesOf(std::move(file.vocabulary)).withContext("model.vocab"));
  if (type == "BPE")
    ENCDEC_RETURN_IF_ERROR(readBpe(fields, file, base));
  else if (type == "Unigram")
    ENCDEC_RETURN_IF_ERROR(readUnigram(fields, file, base));
  else
    fields.fail("type", "\"Unigram\" or \"BPE\"");
  ENCDEC_RETURN_IF_ERROR(fields.status());
  if (!fields.unused().empty())
    return badModel(fmt::format("model: key {} is not supported",
                                quote(fields.unused()[0])));
  if (const JsonValue *normalizer = file.document.find("normalizer")) {
    ENCDEC_ASSIGN_OR_RETURN(base.charsMap,
                            findCharsMap({normalizer, "normalizer"}));
  }
  return base;
}

Result<Base> readPiecesBase(std::string_view bytes) {
  ENCDEC_ASSIGN_OR_RETURN(const SentencePieceFile file,
                          parseSentencePieceFile(bytes));
  Base base;
  base.model = modelOf(file);
  ENCDEC_ASSIGN_OR_RETURN(base.normalizer, normalizerOf(file));
  base.charsMap = base.normalizer->charsMap;
  base.decoder = decoderOf(file);
  return base;
}

Result<Base> readMergesBase(std::string_view vocabulary,
                            std::string_view vocabularyName,
                            std::string_view merges,
                            std::string_view mergesName) {
  Base base;
  base.model.kind = ModelKind::MergesByRank;
  base.model.fuseUnknown = false;
  ENCDEC_ASSIGN_OR_RETURN(
      auto entries,
      parseVocabularyJson(vocabulary).withContext(std::string(vocabularyName)));
  ENCDEC_ASSIGN_OR_RETURN(
      base.model.pieces,
      piecesOf(std::move(entries)).withContext(std::string(vocabularyName)));
  ENCDEC_ASSIGN_OR_RETURN(
      const PieceIndex index,
      indexPieces(base.model.pieces).withContext(std::string(vocabularyName)));
  ENCDEC_ASSIGN_OR_RETURN(const auto pairs, parseMergesText(merges).withContext(
                                                std::string(mergesName)));
  ENCDEC_RETURN_IF_ERROR(addMerges(
      pairs, index, fmt::format("{}: merges", mergesName), vocabularyName,
      base.model));
  return base;
}

Status generateMerges(ModelDescription &model) {
  // Each cut of each piece is looked up: quadratic in a piece's length.
  constexpr size_t longestPiece = 128;
  ENCDEC_ASSIGN_OR_RETURN(const PieceIndex index, indexPieces(model.pieces));
  struct Made {
    int32_t id;                     ///< Of the piece that the merge makes.
    size_t leftLength, rightLength; ///< In characters.
    uint32_t left, right;
  };
  std::vector<Made> made;
  for (const PieceDescription &piece : model.pieces) {
    const std::string_view text = piece.text;
    if (text.size() > longestPiece)
      return badModel(
          fmt::format("piece {} has {} bytes; the limit for making merges is "
                      "{}",
                      quote(text.substr(0, 40)), text.size(), longestPiece));
    const auto count =
        size_t(std::ranges::count_if(text, [](char c) { return !isTrail(c); }));
    const size_t first = made.size();
    size_t leftLength = 0;
    for (size_t cut = 1; cut < text.size(); ++cut) {
      if (isTrail(text[cut]))
        continue;
      ++leftLength;
      const int32_t left = index.find(text.substr(0, cut));
      const int32_t right = left < 0 ? -1 : index.find(text.substr(cut));
      if (right >= 0)
        made.push_back({piece.id, leftLength, count - leftLength,
                        uint32_t(left), uint32_t(right)});
    }
    std::sort(
        made.begin() + ptrdiff_t(first), made.end(),
        [&](const Made &a, const Made &b) {
          return std::pair(model.pieces[a.left].id, model.pieces[a.right].id) <
                 std::pair(model.pieces[b.left].id, model.pieces[b.right].id);
        });
  }
  std::ranges::sort(made, {}, [](const Made &one) {
    return std::tuple(one.id, one.leftLength, one.rightLength);
  });
  model.kind = ModelKind::MergesByRank;
  model.merges.clear();
  for (const Made &one : made)
    model.merges.emplace_back(one.left, one.right);
  return Status::success();
}

} // namespace encdec::tokenizer
