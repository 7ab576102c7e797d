//===- MarianVocab.cpp - vocab.json: which id a piece has for the model ---===//

#include "runtime/text/MarianVocab.h"

#include "runtime/text/PlainVocab.h"
#include "runtime/text/StrictJson.h"
#include "runtime/text/Utf8.h"

namespace encdec {

static constexpr int64_t maxVocabulary = 4'000'000;
static constexpr size_t maxFileBytes = size_t(1) << 30;

/// Any JSON text, slowly: says what is wrong with a file, and where.
Status MarianVocab::visitEntries(std::string_view json,
                                 std::vector<Entry> &entries) {
  auto add = [&](JsonPath &path, JsonScalar &&value) -> Status {
    const int64_t *id = std::get_if<int64_t>(&value);
    if (!id)
      return badModel("expected an integer id for key " + inQuotes(path[0]) +
                      ", found " + describe(value));
    if (*id < 0 || *id >= maxVocabulary)
      return badModel("id " + std::to_string(*id) + " of key " +
                      inQuotes(path[0]) + " is outside 0..3999999");
    entries.push_back({{static_cast<uint32_t>(text.size()),
                        static_cast<uint32_t>(path[0].size())},
                       *id});
    text += path[0];
    return Status::success();
  };
  // Depth 1: the values are no lists and no objects.
  return visitJson(json, 1, add, Twins::VisitorFinds);
}

Status MarianVocab::number(const std::vector<Entry> &entries) {
  spans.resize(entries.size());
  table = StringTable(entries.size());
  std::vector<bool> taken(entries.size(), false);
  const auto count = static_cast<int64_t>(entries.size());
  auto pieceOf = [this](int32_t id) { return piece(id); };
  for (const auto &[span, id] : entries) {
    const std::string_view name =
        std::string_view(text).substr(span.begin, span.length);
    if (id >= count)
      return badModel("the ids have a gap: key " + inQuotes(name) + " has id " +
                      std::to_string(id) + ", but there are only " +
                      std::to_string(count) + " pieces");
    if (table.insert(name, static_cast<int32_t>(id), pieceOf) >= 0)
      return badModel("key " + inQuotes(name) + " stands there twice");
    if (taken[id])
      return badModel("keys " + inQuotes(piece(int32_t(id))) + " and " +
                      inQuotes(name) + " share id " + std::to_string(id));
    taken[id] = true;
    spans[id] = span;
  }
  return Status::success();
}

Result<MarianVocab> MarianVocab::parse(std::string_view json) {
  if (json.size() > maxFileBytes)
    return Status(Code::Limit, "the file has " + std::to_string(json.size()) +
                                   " bytes; the limit is 1 GB");
  MarianVocab vocab;
  std::vector<Entry> entries;
  vocab.text.reserve(json.size()); // escapes are longer than what they stand for
  const bool isPlain = readPlainVocab(
      json, maxVocabulary, vocab.text,
      [&](size_t begin, size_t length, int64_t id) {
        entries.push_back({{static_cast<uint32_t>(begin),
                            static_cast<uint32_t>(length)},
                           id});
      });
  if (!isPlain) {
    entries.clear();
    vocab.text.clear();
    ENCDEC_RETURN_IF_ERROR(vocab.visitEntries(json, entries));
  }
  if (entries.empty())
    return badModel("the vocabulary is empty");
  ENCDEC_RETURN_IF_ERROR(vocab.number(entries));
  return vocab;
}

} // namespace encdec
