//===- TokenizerJson.cpp - reads tokenizer.json, vocab.json, merges.txt ---===//

#include "compiler/tokenizer/TokenizerJson.h"
#include "encdec/tokenizer.h"

#include <fmt/format.h>

#include <optional>

namespace encdec::tokenizer {
namespace {

constexpr JsonLimits jsonLimits = {.depth = 64, .values = 32u << 20};
constexpr size_t maxEntries = ENCDEC_TOKENIZER_MAX_IDS;

std::string checkPiece(std::string_view text) {
  if (text.size() > ENCDEC_TOKENIZER_MAX_PIECE_BYTES)
    return fmt::format("{}: a piece of {} bytes; the limit is {}",
                       quote(text.substr(0, 40)), text.size(),
                       ENCDEC_TOKENIZER_MAX_PIECE_BYTES);
  return {};
}

/// Fills in `id` from a number that an id may be, else says what is wrong.
std::string readId(const JsonValue &value, std::string_view piece,
                   int32_t &id) {
  const std::optional<uint64_t> number = value.asUnsigned();
  if (!number || *number >= maxEntries)
    return fmt::format("key {}: expected an id from 0 to {}, found {}",
                       quote(piece), maxEntries - 1, value.show());
  id = int32_t(*number);
  return {};
}

/// The two words of a merge that is written with one space between them.
std::optional<std::pair<std::string, std::string>>
splitMerge(std::string_view text) {
  const size_t space = text.find(' ');
  if (space == 0 || space == text.npos || space + 1 == text.size() ||
      text.find(' ', space + 1) != text.npos)
    return std::nullopt;
  return std::pair(std::string(text.substr(0, space)),
                   std::string(text.substr(space + 1)));
}

/// Takes the vocabulary and the merges out of the events and leaves the others
/// to a tree.
class Reader final : public JsonEvents {
public:
  explicit Reader(TokenizerJson &file) : file(file) {}
  JsonTree tree;

  std::string beginObject() override {
    if (part == Part::None)
      return ++depth, tree.beginObject();
    if (part == Part::Vocabulary && depth == partDepth) {
      isMap = file.vocabularyIsObject = true;
      return ++depth, std::string();
    }
    return unexpected("an object");
  }
  std::string beginArray() override {
    if (part == Part::None)
      return ++depth, tree.beginArray();
    if (depth == partDepth || (depth == partDepth + 1 && !isMap)) {
      words.clear();
      score.reset();
      return ++depth, std::string();
    }
    return unexpected("an array");
  }
  std::string key(std::string_view name) override {
    if (part != Part::None) {
      mapKey = name;
      return checkPiece(name);
    }
    if (depth == 1)
      section = name;
    if (depth == partDepth && section == "model" &&
        (name == "vocab" || name == "merges")) {
      part = name == "vocab" ? Part::Vocabulary : Part::Merges;
      isMap = false;
      file.hasMerges |= name == "merges";
      return {};
    }
    return tree.key(name);
  }
  std::string endObject() override { return close(&JsonTree::endObject); }
  std::string endArray() override {
    if (part != Part::None && depth == partDepth + 2)
      return --depth, endEntry();
    return close(&JsonTree::endArray);
  }
  std::string scalar(JsonValue value) override {
    if (part == Part::None)
      return tree.scalar(std::move(value));
    if (depth == partDepth)
      return unexpected(value.kindName());
    return part == Part::Vocabulary ? vocabularyScalar(std::move(value))
                                    : mergeScalar(std::move(value));
  }

private:
  enum class Part { None, Vocabulary, Merges };
  static constexpr unsigned partDepth =
      2; // inside the file's object and "model"

  std::string where() const {
    return part == Part::Merges
               ? fmt::format("model.merges[{}]", file.merges.size())
               : fmt::format("model.vocab[{}]", file.vocabulary.size());
  }
  std::string unexpected(const char *found) const {
    return fmt::format("{}: expected {}, found {}", where(),
                       part == Part::Merges
                           ? "\"a b\" or [\"a\", \"b\"]"
                           : "a piece with its id, or [piece, score]",
                       found);
  }
  std::string close(std::string (JsonTree::*end)()) {
    --depth;
    if (part == Part::None)
      return (tree.*end)();
    part = Part::None; // only the whole vocabulary or list of merges ends here
    return {};
  }
  std::string vocabularyScalar(JsonValue value) {
    if (!isMap && depth == partDepth + 2) { // in an entry [piece, score]
      if (value.kind == JsonValue::String && words.empty())
        words.push_back(std::move(value.text));
      else if (value.asNumber() && words.size() == 1 && !score)
        score = value.asNumber();
      else
        return unexpected(value.kindName());
      return {};
    }
    if (!isMap)
      return unexpected(value.kindName());
    VocabularyEntry entry{.text = mapKey};
    if (std::string wrong = readId(value, mapKey, entry.id); !wrong.empty())
      return "model.vocab: " + wrong;
    file.vocabulary.push_back(std::move(entry));
    return {};
  }
  std::string mergeScalar(JsonValue value) {
    if (value.kind != JsonValue::String)
      return unexpected(value.kindName());
    if (depth == partDepth + 2) {
      words.push_back(std::move(value.text));
      return words.size() <= 2 ? std::string() : unexpected("a third word");
    }
    auto merge = splitMerge(value.text);
    if (!merge)
      return unexpected(value.show().c_str());
    file.merges.push_back(std::move(*merge));
    return {};
  }
  std::string endEntry() {
    if (part == Part::Merges) {
      if (words.size() != 2)
        return unexpected("one word");
      file.merges.emplace_back(std::move(words[0]), std::move(words[1]));
      return {};
    }
    if (words.size() != 1 || !score)
      return unexpected("part of a pair");
    if (std::string wrong = checkPiece(words[0]); !wrong.empty())
      return where() + ": " + wrong;
    if (file.vocabulary.size() == maxEntries)
      return fmt::format("model.vocab: more than {} pieces", maxEntries);
    file.vocabulary.push_back(
        {std::move(words[0]), *score, int32_t(file.vocabulary.size())});
    return {};
  }

  TokenizerJson &file;
  Part part = Part::None;
  unsigned depth = 0;
  bool isMap = false;
  std::string section, mapKey;
  std::vector<std::string> words; ///< Of the entry that is open.
  std::optional<double> score;
};

/// The events of vocab.json.
class VocabularyReader final : public JsonEvents {
public:
  explicit VocabularyReader(std::vector<VocabularyEntry> &entries)
      : entries(entries) {}
  std::string beginObject() override {
    return depth++ == 0 ? std::string() : unexpected("an object");
  }
  std::string beginArray() override { return unexpected("an array"); }
  std::string key(std::string_view name) override {
    piece = name;
    return checkPiece(name);
  }
  std::string scalar(JsonValue value) override {
    VocabularyEntry entry{.text = piece};
    std::string wrong = readId(value, piece, entry.id);
    if (wrong.empty())
      entries.push_back(std::move(entry));
    return wrong;
  }

private:
  std::string unexpected(const char *found) const {
    return fmt::format("key {}: expected an id, found {}", quote(piece), found);
  }
  std::vector<VocabularyEntry> &entries;
  std::string piece;
  int depth = 0;
};

} // namespace

Result<TokenizerJson> parseTokenizerJson(std::string_view text) {
  TokenizerJson file;
  Reader reader(file);
  ENCDEC_RETURN_IF_ERROR(scanJson(text, reader, jsonLimits));
  file.document = std::move(reader.tree.root);
  return file;
}

Result<std::vector<VocabularyEntry>>
parseVocabularyJson(std::string_view text) {
  std::vector<VocabularyEntry> entries;
  VocabularyReader reader(entries);
  ENCDEC_RETURN_IF_ERROR(scanJson(text, reader, jsonLimits));
  return entries;
}

Result<std::vector<std::pair<std::string, std::string>>>
parseMergesText(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> merges;
  for (size_t line = 1; !text.empty(); ++line) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view words = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (words.ends_with('\r'))
      words.remove_suffix(1);
    if (words.starts_with("#version"))
      continue;
    auto merge = isValidUtf8(words) ? splitMerge(words) : std::nullopt;
    if (!merge)
      return badModel(
          fmt::format("line {}: expected two pieces with a space between "
                      "them, found {}",
                      line, quote(words.substr(0, 40))));
    merges.push_back(std::move(*merge));
  }
  return merges;
}

} // namespace encdec::tokenizer
