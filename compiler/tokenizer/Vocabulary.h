//===- Vocabulary.h - vocab.json: which id a piece has for the model -----===//

#pragma once

#include "compiler/tokenizer/Description.h"
#include "compiler/tokenizer/StringIndex.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tokenizer {

/// Pieces and their ids, one to one. Ids may have gaps: a padded model has more rows
/// than pieces. Immutable.
class Vocabulary {
public:
  /// Reads {"piece": id, ...}. BadModel for anything but that.
  static Result<Vocabulary> parse(std::string_view json);

  /// One more than the greatest id.
  int32_t size() const { return static_cast<int32_t>(spans.size()); }
  /// The id of a piece, or -1.
  int32_t find(std::string_view piece) const {
    return ids.find(piece, [this](int32_t id) { return this->piece(id); });
  }
  /// Whether a piece has this id.
  bool contains(int32_t id) const {
    return id >= 0 && id < size() && spans[id].begin != Span::none;
  }
  /// The piece of an id below size(), empty in a gap. Borrowed from this object.
  std::string_view piece(int32_t id) const {
    if (spans[id].begin == Span::none)
      return {};
    return std::string_view(text).substr(spans[id].begin, spans[id].length);
  }

  /// The names and ids, by ascending id.
  VocabularyDescription describe() const;

private:
  struct Span {
    static constexpr uint32_t none = UINT32_MAX;
    uint32_t begin = none, length = 0; ///< In `text`.
  };
  struct Entry {
    Span span;
    int64_t id;
  };
  Status number(const std::vector<Entry> &entries);

  std::string text;        ///< All pieces, in the order of the file.
  std::vector<Span> spans; ///< By id.
  StringIndex ids;
};

} // namespace encdec::tokenizer
