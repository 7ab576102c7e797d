//===- Pattern.cpp - parses the few regexes that stages may have ----------===//
//
//   regex       := alternative ('|' alternative)*
//   alternative := '\A'? (literal character* | atom quantifier) '\z'?
//   atom        := character | '\s' | '[' character+ ']'
//   quantifier  := '+' | '{' n ',' '}' | '{' n ',' m '}' | '{' n '}' | nothing
//   character   := one that means itself, or '\' and the letter of a control
//   character
//                  or a sign

#include "compiler/tokenizer/Pattern.h"

#include "runtime/base/Utf8.h"

#include <fmt/format.h>

#include <optional>

namespace encdec::tokenizer {
namespace {

constexpr uint32_t maxCount = 1000;

class Parser {
public:
  explicit Parser(std::string_view regex) : rest(regex) {}

  bool parse(std::vector<Alternative> &alternatives) {
    do {
      Alternative &next = alternatives.emplace_back();
      next.atStart = take("\\A");
      if (!parseAlternative(next.what))
        return false;
      next.atEnd = take("\\z");
    } while (take("|"));
    return rest.empty();
  }

private:
  bool take(std::string_view mark) {
    if (!rest.starts_with(mark))
      return false;
    rest.remove_prefix(mark.size());
    return true;
  }

  /// Appends the next character that means itself.
  bool takeCharacter(std::string &text, std::string_view special) {
    if (rest.empty())
      return false;
    if (!take("\\")) {
      if (special.find(rest[0]) != special.npos)
        return false;
      const size_t length = validCharLength(rest);
      text += rest.substr(0, length);
      rest.remove_prefix(length);
      return length > 0;
    }
    constexpr std::string_view letters = "ntrfv", meant = "\n\t\r\f\v";
    if (rest.empty())
      return false;
    const char c = rest[0];
    const size_t index = letters.find(c);
    // Other letters and digits name classes, anchors and groups.
    if (index == letters.npos &&
        (uint8_t(c) >= 0x80 || std::isalnum(uint8_t(c))))
      return false;
    rest.remove_prefix(1);
    text += index == letters.npos ? c : meant[index];
    return true;
  }

  bool takeNumber(uint32_t &number) {
    number = 0;
    size_t digits = 0;
    for (; digits < 4 && digits < rest.size() &&
           std::isdigit(uint8_t(rest[digits]));
         ++digits)
      number = number * 10 + uint32_t(rest[digits] - '0');
    rest.remove_prefix(digits);
    return digits > 0 && number <= maxCount;
  }

  bool takeQuantifier(ReplacePattern &pattern) {
    if (take("+")) {
      pattern.atMost = 0;
      return true;
    }
    if (!take("{"))
      return true; // once
    if (!takeNumber(pattern.atLeast) || pattern.atLeast == 0)
      return false;
    pattern.atMost = pattern.atLeast;
    if (take(",")) {
      pattern.atMost = 0;
      if (!rest.starts_with('}') &&
          (!takeNumber(pattern.atMost) || pattern.atMost < pattern.atLeast))
        return false;
    }
    return take("}");
  }

  bool parseAlternative(ReplacePattern &pattern) {
    constexpr std::string_view special = "|()[]{}*+?.^$";
    pattern.kind = ReplacePattern::Kind::Class;
    if (take("\\s")) {
      pattern.kind = ReplacePattern::Kind::Whitespace;
      return takeQuantifier(pattern) && atEnd();
    }
    if (take("[")) {
      while (!rest.starts_with(']'))
        if (!takeCharacter(pattern.text, "[]^-&"))
          return false;
      return take("]") && !pattern.text.empty() && takeQuantifier(pattern) &&
             atEnd();
    }
    if (!takeCharacter(pattern.text, special))
      return false;
    if (rest.starts_with('{') || rest.starts_with('+'))
      return takeQuantifier(pattern) && atEnd();
    pattern.kind = ReplacePattern::Kind::Literal;
    while (!atEnd())
      if (!takeCharacter(pattern.text, special))
        return false;
    return true;
  }

  /// Whether the alternative ends here.
  bool atEnd() const {
    return rest.empty() || rest[0] == '|' || rest.starts_with("\\z");
  }

  std::string_view rest;
};

} // namespace

Result<std::vector<Alternative>> parsePattern(std::string_view regex) {
  std::vector<Alternative> alternatives;
  if (!Parser(regex).parse(alternatives))
    return badModel(
        fmt::format("regex {} is not supported; expected literals, runs as "
                    "in \" {{2,}}\", \\s, classes as in \"[\\n\\r]\", \\A in front "
                    "of an alternative and \\z behind it",
                    quote(regex, 60)));
  return alternatives;
}

std::optional<NormalizerStage>
replaceStage(const std::vector<Alternative> &alternatives, std::string content) {
  ReplaceNormalizer replace;
  StripNormalizer strip{false, false, {}};
  size_t starts = 0, ends = 0, runs = 0;
  for (const auto &[what, atStart, atEnd] : alternatives) {
    const bool isRun = what.kind != ReplacePattern::Kind::Literal &&
                       what.atLeast == 1 && what.atMost == 0;
    runs += isRun && atStart != atEnd && what.text == alternatives[0].what.text;
    starts += atStart;
    ends += atEnd;
    strip.left |= atStart;
    strip.right |= atEnd;
    strip.characters = what.text;
    replace.alternatives.push_back(what);
  }
  if (content.empty() && runs > 0 && runs == alternatives.size())
    return strip;
  if (ends > 0 || (starts > 0 && starts < alternatives.size()))
    return std::nullopt;
  replace.content = std::move(content);
  replace.atStart = starts > 0;
  return replace;
}

} // namespace encdec::tokenizer
