//===- Text.h - a text in work, and where its bytes come from -------------===//

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace encdec {

/// Bytes of the text that the caller gave.
struct Origin {
  uint32_t begin = 0, end = 0;
  bool operator==(const Origin &) const = default;
};

/// A text between two stages. Origins cost four times the text, so they are kept only
/// where the caller asks for offsets.
struct Text {
  explicit Text(bool tracks = false) : tracks(tracks) {}

  std::string bytes;
  std::vector<Origin> origins; ///< Of each byte; empty unless `tracks`.
  bool tracks;

  size_t size() const { return bytes.size(); }
  void add(std::string_view more, Origin from) {
    bytes += more;
    if (tracks)
      origins.insert(origins.end(), more.size(), from);
  }
  /// Adds [begin, end) of another text.
  void copy(const Text &text, size_t begin, size_t end) {
    bytes.append(text.bytes, begin, end - begin);
    if (tracks)
      origins.insert(origins.end(), text.origins.begin() + begin,
                     text.origins.begin() + end);
  }
  /// Where [begin, end) of the bytes, which is not empty, comes from.
  Origin originOf(size_t begin, size_t end) const {
    return tracks ? Origin{origins[begin].begin, origins[end - 1].end} : Origin{};
  }
  Origin originAt(size_t byte) const { return tracks ? origins[byte] : Origin{}; }
  void clear() {
    bytes.clear();
    origins.clear();
  }
};

/// A part of a text that the model splits by itself: [begin, end) of its bytes.
struct Word {
  uint32_t begin, end;
};

} // namespace encdec
