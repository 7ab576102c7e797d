//===- Normalizer.cpp - a text as a SentencePiece model is given it -------===//

#include "runtime/text/Normalizer.h"

#include "runtime/text/Utf8.h"

namespace encdec {

/// The most bytes of a text and of its normal form: short texts may have long
/// replacements.
static constexpr size_t maxTextBytes = size_t(16) << 20;

Result<Normalizer> Normalizer::create(const NormalizerOptions &options,
                                      PieceTrie userDefined) {
  Normalizer normalizer;
  normalizer.options = options;
  normalizer.options.charsMap = {};
  normalizer.userDefined = std::move(userDefined);
  ENCDEC_ASSIGN_OR_RETURN(
      normalizer.charsMap,
      CharsMap::create(options.charsMap, options.charsMapOffset));
  return normalizer;
}

Normalizer::Step Normalizer::nextStep(std::string_view text) const {
  if (const size_t length = userDefined.longestPrefix(text))
    return {text.substr(0, length), length};
  if (const CharsMap::Match match = charsMap.longestPrefix(text); match.length)
    return {match.replacement, match.length};
  if (const size_t length = validCharLength(text))
    return {text.substr(0, length), length};
  return {kReplacementCharacter, 1};
}

Result<std::string> Normalizer::normalize(std::string_view text) const {
  if (text.size() > maxTextBytes)
    return Status(Code::Limit, "the text has " + std::to_string(text.size()) +
                                   " bytes; the limit is 16 MB");
  const std::string_view space =
      options.escapeWhitespaces ? kSpaceSymbol : std::string_view(" ");
  if (options.removeExtraWhitespaces) {
    while (!text.empty()) {
      const Step step = nextStep(text);
      if (step.replacement != " ")
        break;
      text.remove_prefix(step.consumed);
    }
  }
  std::string out;
  if (text.empty())
    return out;
  out.reserve(text.size() + text.size() / 2 + space.size());
  if (options.addDummyPrefix && !options.whitespaceAsSuffix)
    out += space;

  bool afterSpace = options.removeExtraWhitespaces;
  while (!text.empty()) {
    Step step = nextStep(text);
    text.remove_prefix(step.consumed);
    std::string_view piece = step.replacement;
    while (afterSpace && piece.starts_with(' '))
      piece.remove_prefix(1);
    for (const char c : piece)
      if (c == ' ')
        out += space;
      else
        out += c;
    // Where the map deletes a character, a space before it still counts.
    if (!piece.empty())
      afterSpace = options.removeExtraWhitespaces && piece.ends_with(' ');
    if (out.size() > maxTextBytes)
      return Status(Code::Limit, "the normalized text exceeds 16 MB");
  }

  if (options.removeExtraWhitespaces)
    while (out.ends_with(space))
      out.resize(out.size() - space.size());
  if (options.addDummyPrefix && options.whitespaceAsSuffix)
    out += space;
  return out;
}

} // namespace encdec
