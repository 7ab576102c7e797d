//===- RowTokens.h - the tokens of a source's live rows -------------------===//

#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace encdec::runtime {

/// The rows that a strategy wants to be stepped next; none when it has ended. The spans
/// belong to the strategy.
struct NextRows {
  std::span<const uint32_t> parents; ///< The source's old row that its new row i continues.
  std::span<const int32_t> tokens;   ///< The token to feed to each new row.
};

/// What processors see of the rows of one source: prompt and generated tokens. Allocates at
/// creation only.
class RowTokens {
public:
  RowTokens() = default;
  /// One row holding the prompt but its last token, with room for `rows` rows of `maxLength`.
  RowTokens(std::span<const int32_t> prompt, uint64_t rows, uint64_t maxLength)
      : room(maxLength), length(prompt.size() - 1), tokens(rows * room), spare(rows * room) {
    std::copy(prompt.begin(), prompt.end() - 1, tokens.begin());
  }

  /// Continues the rows as `next` says: each gets its parent's tokens and its own.
  void extend(const NextRows &next) {
    for (size_t row = 0; row < next.tokens.size(); ++row) {
      int32_t *to = spare.data() + row * room;
      std::copy_n(tokens.data() + next.parents[row] * room, length, to);
      to[length] = next.tokens[row];
    }
    tokens.swap(spare);
    ++length;
  }

  std::span<const int32_t> of(size_t row) const {
    return std::span(tokens).subspan(row * room, length);
  }

private:
  uint64_t room = 0, length = 0;
  std::vector<int32_t> tokens, spare; ///< [rows][room]
};

} // namespace encdec::runtime
