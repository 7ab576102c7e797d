//===- MarianVocab.cpp - vocab.json: which id a piece has for the model ---===//

#include "runtime/text/MarianVocab.h"

#include "runtime/text/StrictJson.h"
#include "runtime/text/Utf8.h"

#include <bit>
#include <functional>

namespace encdec {

static constexpr int64_t maxVocabulary = 4'000'000;

Result<MarianVocab> MarianVocab::parse(std::string_view json) {
  std::vector<std::pair<std::string, int64_t>> entries;
  auto add = [&](JsonPath &path, JsonScalar &&value) -> Status {
    const int64_t *id = std::get_if<int64_t>(&value);
    if (!id)
      return badModel("expected an integer id for key " + inQuotes(path[0]) +
                      ", found " + describe(value));
    if (*id < 0 || *id >= maxVocabulary)
      return badModel("id " + std::to_string(*id) + " of key " +
                      inQuotes(path[0]) + " is outside 0..3999999");
    entries.emplace_back(std::move(path[0]), *id);
    return Status::success();
  };
  // Depth 1: the values are no lists and no objects.
  ENCDEC_RETURN_IF_ERROR(visitJson(json, 1, add, Twins::VisitorFinds));
  if (entries.empty())
    return badModel("the vocabulary is empty");

  MarianVocab vocab;
  vocab.pieces.resize(entries.size());
  vocab.table.assign(std::bit_ceil(2 * entries.size()), -1);
  std::vector<bool> taken(entries.size(), false);
  const auto count = static_cast<int64_t>(entries.size());
  for (auto &[piece, id] : entries) {
    if (id >= count)
      return badModel("the ids have a gap: key " + inQuotes(piece) +
                      " has id " + std::to_string(id) +
                      ", but there are only " + std::to_string(count) +
                      " pieces");
    int32_t &slot = vocab.table[vocab.slotOf(piece)];
    if (slot >= 0)
      return badModel("key " + inQuotes(piece) + " stands there twice");
    if (taken[id])
      return badModel("keys " + inQuotes(vocab.pieces[id]) + " and " +
                      inQuotes(piece) + " share id " + std::to_string(id));
    taken[id] = true;
    slot = static_cast<int32_t>(id);
    vocab.pieces[id] = std::move(piece);
  }
  return vocab;
}

size_t MarianVocab::slotOf(std::string_view piece) const {
  const size_t mask = table.size() - 1; // a power of two, never full
  size_t slot = std::hash<std::string_view>()(piece) & mask;
  while (table[slot] >= 0 && pieces[table[slot]] != piece)
    slot = (slot + 1) & mask;
  return slot;
}

int32_t MarianVocab::find(std::string_view piece) const {
  return table.empty() ? -1 : table[slotOf(piece)];
}

} // namespace encdec
