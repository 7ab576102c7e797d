//===- MarianVocab.h - vocab.json: which id a piece has for the model -----===//

#pragma once

#include "runtime/base/Status.h"
#include "runtime/text/StringTable.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace encdec {

/// Pieces and their ids, one to one, ids 0..n-1 without a gap. Immutable.
class MarianVocab {
public:
  /// Reads {"piece": id, ...}. BadModel for anything but that.
  static Result<MarianVocab> parse(std::string_view json);

  int32_t size() const { return static_cast<int32_t>(spans.size()); }
  /// The id of a piece, or -1.
  int32_t find(std::string_view piece) const {
    return table.find(piece, [this](int32_t id) { return this->piece(id); });
  }
  bool contains(int32_t id) const { return id >= 0 && id < size(); }
  /// The piece of an id that contains() holds for. Borrowed from this object.
  std::string_view piece(int32_t id) const {
    return std::string_view(text).substr(spans[id].begin, spans[id].length);
  }

private:
  struct Span {
    uint32_t begin = 0, length = 0; ///< In `text`.
  };
  struct Entry {
    Span span;
    int64_t id;
  };
  Status number(const std::vector<Entry> &entries);

  std::string text;        ///< All pieces, in the order of the file.
  std::vector<Span> spans; ///< By id.
  StringTable table;
};

} // namespace encdec
