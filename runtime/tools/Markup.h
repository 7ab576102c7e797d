//===- Markup.h - tags and placeholders of a text, and where they go ------===//
//
// Tags are taken out of a text before it is translated and put back into the translation
// where the cross-attention says that the words around them went. Placeholders stay in the
// text, as they are or as a word that stands in for them, or are taken out as tags are.
// Nothing here knows a model.

#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace encdec::tools {

/// Bytes [begin, end) of a text.
struct Range {
  size_t begin = 0, end = 0;
  size_t size() const { return end - begin; }
  /// Whether they have a byte in common.
  bool overlaps(Range other) const {
    return std::max(begin, other.begin) < std::min(end, other.end);
  }
  bool operator==(const Range &) const = default;
};

/// A tag or a placeholder.
struct Mark {
  /// Open and Close are two tags of one pair; a tag without a partner is Single.
  enum Kind { Open, Close, Single, Placeholder } kind = Single;
  std::string text;       ///< As it stands in the text.
  Range place;            ///< In the text; in MarkedText, in the plain text.
  size_t partner = none;  ///< The other tag of the pair.
  /// Of tags that overlap, as in "<b><i></b></i>", there are no pairs; all tags of such a
  /// text keep their order.
  bool inOrder = false;
  /// What stands beside it in the text; Word: a letter or a digit, Other: anything else, or
  /// nothing.
  enum Side { Space, Word, Other } before = Other, after = Other;
  bool apart = false; ///< The plain text has a space for it: "one<br/>two" is "one two".
  static constexpr size_t none = size_t(-1);
};

/// All tags and placeholders of a text, in order:
///   tags            <b>, </b>, <br/>, <a href="x">, <0>, comments
///   placeholders    {name}, {0}, {{name}}, ${x}, %{x}, #{x}, %s, %1$s, %(count)d, %%, &amp;
std::vector<Mark> findMarkup(std::string_view text);

/// A text without its tags.
struct MarkedText {
  std::string plain;
  std::vector<Mark> marks; ///< In the order of the text; places are in the plain text.
};

/// Takes the tags out. Each placeholder becomes `standIn`, and stays as it is where that is
/// empty.
MarkedText takeTagsOut(std::string_view text, std::string_view standIn);

/// A text of which something was left out.
struct Shortened {
  std::string text;
  std::vector<size_t> origin; ///< Of each byte and of the end: its place before.
};
/// A part of the plain text without its placeholders, and without the white space that is
/// too much then.
Shortened withoutPlaceholders(const MarkedText &marked, Range within);

/// Words of a text: runs of letters, digits and bytes beyond ASCII; every other character
/// that is no white space is a word of its own. Ranges of `whole` are one word each.
std::vector<Range> wordRanges(std::string_view text, std::span<const Range> whole = {});

/// Whether there is a letter, a digit or a byte beyond ASCII.
bool hasWords(std::string_view text);

/// How much each piece of a translation attended to each piece of its source. Ranges lie in
/// the whole plain text and in the whole translation; a piece without text is empty.
struct Attention {
  std::vector<Range> source, target;
  std::vector<float> probs; ///< [target][source]
};

/// A translation of the plain text, in as many parts as were translated by themselves.
struct Translation {
  std::string text;
  std::vector<Attention> parts;
  std::vector<std::pair<size_t, Range>> kept; ///< Placeholders that it has: (mark, range).
};

/// Where `translation`, of the part `within` of the plain text, has the part's placeholders:
/// (mark, range). Nothing where it does not have each as often. `attention` tells stand-ins
/// apart; its target ranges count from the translation's beginning.
std::optional<std::vector<std::pair<size_t, Range>>>
findPlaceholders(const MarkedText &marked, Range within, std::string_view translation,
                 std::string_view standIn, const Attention &attention);

/// The translation with each mark once: tags around the words that attended to what they
/// surrounded, nested as they were; what stands alone, between the words that attended to
/// what was before and behind it.
std::string putBack(const MarkedText &marked, Translation translation);

} // namespace encdec::tools
