//===- Vocabulary.cpp - vocab.json: which id a piece has for the model ---===//

#include "compiler/tokenizer/Vocabulary.h"

#include "runtime/base/Json.h"
#include "compiler/tokenizer/PlainVocab.h"
#include "runtime/base/Utf8.h"

#include <algorithm>

namespace encdec::tokenizer {

static constexpr uint64_t maxVocabulary = 4'000'000;
static constexpr size_t maxFileBytes = size_t(1) << 30;

namespace {
/// Reads any JSON text, slowly, and says what is wrong with a file and where.
class EntryReader : public JsonEvents {
public:
  using Add = std::function<void(std::string_view piece, int64_t id)>;
  explicit EntryReader(Add add) : add(std::move(add)) {}

  std::string key(std::string_view name) override {
    piece = name;
    return {};
  }
  std::string scalar(JsonValue id) override {
    const bool isNegative = id.kind == JsonValue::Negative;
    if (id.kind != JsonValue::Unsigned && !isNegative)
      return "expected an integer id for key " + inQuotes(piece) + ", found " +
             id.kindName();
    if (isNegative || id.integer >= maxVocabulary)
      return "id " +
             (isNegative ? std::to_string(id.negative)
                         : std::to_string(id.integer)) +
             " of key " + inQuotes(piece) + " is outside 0..3999999";
    add(piece, int64_t(id.integer));
    return {};
  }

private:
  Add add;
  std::string piece;
};
} // namespace

Status Vocabulary::number(const std::vector<Entry> &entries) {
  int64_t greatest = 0;
  for (const Entry &entry : entries)
    greatest = std::max(greatest, entry.id);
  spans.resize(greatest + 1);
  ids = StringIndex(entries.size());
  auto pieceOf = [this](int32_t id) { return piece(id); };
  for (const auto &[span, id] : entries) {
    const std::string_view name =
        std::string_view(text).substr(span.begin, span.length);
    if (ids.insert(name, static_cast<int32_t>(id), pieceOf) >= 0)
      return badModel("key " + inQuotes(name) + " stands there twice");
    if (contains(static_cast<int32_t>(id)))
      return badModel("keys " + inQuotes(piece(int32_t(id))) + " and " +
                      inQuotes(name) + " share id " + std::to_string(id));
    spans[id] = span;
  }
  return Status::success();
}

VocabularyDescription Vocabulary::describe() const {
  VocabularyDescription description;
  for (int32_t id = 0; id < size(); ++id)
    if (contains(id))
      description.names.emplace_back(piece(id), id);
  return description;
}

Result<Vocabulary> Vocabulary::parse(std::string_view json) {
  if (json.size() > maxFileBytes)
    return Status(Code::Limit, "the file has " + std::to_string(json.size()) +
                                   " bytes; the limit is 1 GB");
  Vocabulary vocab;
  std::vector<Entry> entries;
  vocab.text.reserve(json.size()); // an escape is longer than its character
  auto add = [&](size_t begin, size_t length, int64_t id) {
    entries.push_back(
        {{static_cast<uint32_t>(begin), static_cast<uint32_t>(length)}, id});
  };
  if (!readPlainVocab(json, maxVocabulary, vocab.text, add)) {
    entries.clear();
    vocab.text.clear();
    EntryReader reader([&](std::string_view piece, int64_t id) {
      add(vocab.text.size(), piece.size(), id);
      vocab.text += piece;
    });
    // Depth 1: the values are no lists and no objects.
    ENCDEC_RETURN_IF_ERROR(
        scanJson(json, reader, {.depth = 1, .values = maxVocabulary + 1}));
  }
  if (entries.empty())
    return badModel("the vocabulary is empty");
  ENCDEC_RETURN_IF_ERROR(vocab.number(entries));
  return vocab;
}

} // namespace encdec::tokenizer
