//===- Sentences.h - where a text may be cut ------------------------------===//

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace encdec::tools {

/// A part of a text and the white space behind it: parts and gaps, joined, are the text. Only
/// a first part, before white space that the text begins with, has no text itself.
struct TextPart {
  std::string text, gap;
  bool operator==(const TextPart &) const = default;
};

/// Cuts a text at the ends of sentences. A sentence ends with one or more of . ! ? … and the
/// closing quotes and brackets behind them, where white space follows and then no lower-case
/// letter; after a full stop no digit either ("No. 5"), and not where the full stop follows a
/// lone letter ("J. Smith"). 。！？ end a sentence without white space, too. There is no list
/// of abbreviations: "Dr. Smith" is cut.
std::vector<TextPart> splitSentences(std::string_view text);

/// Cuts a text behind , ; : – — with white space, and behind 、，；：.
std::vector<TextPart> splitClauses(std::string_view text);

} // namespace encdec::tools
