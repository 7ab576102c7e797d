//===- Markup.cpp - finding tags and placeholders -------------------------===//

#include "runtime/tools/Markup.h"

#include <algorithm>
#include <set>

namespace encdec::tools {
namespace {

/// The most bytes of one tag, so that a text of many '<' is read in time.
constexpr size_t mostOfTag = 4096;
constexpr size_t mostOfPlaceholder = 64;

bool isDigit(char c) { return c >= '0' && c <= '9'; }
bool isLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool isWordByte(char c) { return isLetter(c) || isDigit(c) || (c & 0x80); }
bool isOneOf(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

/// Reads a text from its beginning; what does not match gives length 0.
class Reader {
public:
  explicit Reader(std::string_view text) : text(text) {}
  size_t at = 0;

  char peek(size_t ahead = 0) const {
    return at + ahead < text.size() ? text[at + ahead] : '\0';
  }
  bool take(char c) {
    const bool found = at < text.size() && text[at] == c;
    at += found;
    return found;
  }
  bool take(std::string_view words) {
    const bool found = text.substr(at).starts_with(words);
    at += found ? words.size() : 0;
    return found;
  }
  template <typename Is> size_t skip(Is is, size_t most = mostOfTag) {
    const size_t begin = at;
    while (at < text.size() && at - begin < most && is(text[at]))
      ++at;
    return at - begin;
  }
  /// Goes behind the next `end`.
  bool skipTo(std::string_view end) {
    const size_t found = text.substr(0, std::min(text.size(), at + mostOfTag)).find(end, at);
    at = found == std::string_view::npos ? at : found + end.size();
    return found != std::string_view::npos;
  }

private:
  std::string_view text;
};

struct Tag {
  size_t size = 0;
  enum { Opens, Closes, Alone } how = Alone;
  std::string_view name;
};

/// The tag that the text begins with; size 0 where there is none.
Tag readTag(std::string_view text) {
  Reader reader(text);
  Tag tag;
  if (!reader.take('<'))
    return tag;
  for (const auto &[begin, end] : {std::pair("!--", "-->"), {"?", "?>"}, {"!", ">"}})
    if (reader.take(std::string_view(begin))) {
      if ((*begin == '?' || begin == std::string_view("!")) && !isLetter(reader.peek()))
        return tag;
      tag.size = reader.skipTo(end) ? reader.at : 0;
      return tag;
    }
  tag.how = reader.take('/') ? Tag::Closes : Tag::Opens;
  const size_t begin = reader.at;
  const bool number = isDigit(reader.peek());
  if (!number && !isLetter(reader.peek()) && reader.peek() != '_')
    return tag;
  reader.skip([number](char c) {
    return isDigit(c) || (!number && (isLetter(c) || isOneOf(c, "_:.-")));
  });
  tag.name = text.substr(begin, reader.at - begin);
  if (!isSpace(reader.peek()) && reader.peek() != '>' &&
      !(reader.peek() == '/' && reader.peek(1) == '>'))
    return tag;
  while (reader.at < std::min(text.size(), mostOfTag)) {
    if (reader.take("/>")) {
      tag.how = tag.how == Tag::Opens ? Tag::Alone : tag.how;
      tag.size = reader.at;
      return tag;
    }
    if (reader.take('>')) {
      tag.size = reader.at;
      return tag;
    }
    const char c = reader.peek();
    ++reader.at;
    if (c == '<' || ((c == '"' || c == '\'') && !reader.skipTo(std::string_view(&c, 1))))
      return tag;
  }
  return tag;
}

/// {name}, {{name}}: the bytes up to the last brace.
size_t readBraces(std::string_view text) {
  Reader reader(text);
  const size_t deep = reader.skip([](char c) { return c == '{'; }, 2);
  if (deep == 0)
    return 0;
  reader.skip([](char c) { return c > ' ' && c < 0x7f && !isOneOf(c, "{}<>"); },
              mostOfPlaceholder);
  for (size_t i = 0; i < deep; ++i)
    if (!reader.take('}'))
      return 0;
  return reader.at;
}

/// A conversion of printf: %s, %1$s, %-5.2f, %(count)d. `behind` is what stands before it:
/// "50%off" has none.
size_t readConversion(std::string_view text, char behind) {
  Reader reader(text);
  if (!reader.take('%'))
    return 0;
  if (reader.take('%'))
    return reader.at;
  bool named = false;
  if (reader.take('(')) {
    reader.skip([](char c) { return isWordByte(c) || isOneOf(c, "_.-"); }, mostOfPlaceholder);
    if (!reader.take(')'))
      return 0;
    named = true;
  }
  const size_t before = reader.at;
  reader.skip(isDigit, 3);
  if (reader.at > before && reader.take('$'))
    named = true;
  else
    reader.at = before;
  reader.skip([](char c) { return isOneOf(c, "-+#0"); }, 4);
  reader.skip([](char c) { return isDigit(c) || c == '*'; }, 4);
  if (reader.take('.'))
    reader.skip([](char c) { return isDigit(c) || c == '*'; }, 4);
  reader.skip([](char c) { return isOneOf(c, "hlLzjtq"); }, 2);
  if (!isOneOf(reader.peek(), "diouxXeEfFgGaAcspn@"))
    return 0;
  ++reader.at;
  const bool percent = isDigit(behind) && !named && isLetter(reader.peek());
  return percent ? 0 : reader.at;
}

/// &amp; &#39; &#x27;
size_t readEntity(std::string_view text) {
  Reader reader(text);
  if (!reader.take('&'))
    return 0;
  const bool number = reader.take('#');
  const bool hex = number && (reader.take('x') || reader.take('X'));
  const size_t size = reader.skip(
      [&](char c) {
        return isDigit(c) || (!number && isLetter(c)) ||
               (hex && ((c | 32) >= 'a' && (c | 32) <= 'f'));
      },
      32);
  if (size == 0 || (!number && !isLetter(text[1])) || !reader.take(';'))
    return 0;
  return reader.at;
}

size_t readPlaceholder(std::string_view text, char behind) {
  if (const size_t size = readBraces(text))
    return size;
  if (isOneOf(text.front(), "$%#"))
    if (const size_t size = readBraces(text.substr(1)))
      return 1 + size;
  if (const size_t size = readConversion(text, behind))
    return size;
  return readEntity(text);
}

Mark::Side sideOf(char c) {
  return isSpace(c) ? Mark::Space : isWordByte(c) ? Mark::Word : Mark::Other;
}

/// Finds partners: a closing tag belongs to the last open one of its name.
class Pairs {
public:
  explicit Pairs(std::vector<Mark> &marks) : marks(marks) {}

  void open(size_t mark, std::string_view name) { stack.push_back({mark, name}); }
  void close(size_t mark, std::string_view name) {
    const auto of = [name](const Entry &entry) { return entry.name == name; };
    const auto found = std::find_if(stack.rbegin(), stack.rend(), of);
    if (found == stack.rend()) {
      closed.insert(name);
      return;
    }
    marks[found->mark].kind = Mark::Open;
    marks[found->mark].partner = mark;
    marks[mark].kind = Mark::Close;
    marks[mark].partner = found->mark;
    const size_t index = size_t(stack.rend() - found - 1);
    for (size_t i = index + 1; i < stack.size(); ++i)
      opened.insert(stack[i].name);
    stack.resize(index);
  }
  /// Whether a name has tags of both kinds without a partner.
  bool overlap() {
    for (const Entry &entry : stack)
      opened.insert(entry.name);
    return std::ranges::any_of(opened,
                               [this](std::string_view name) { return closed.contains(name); });
  }

private:
  struct Entry {
    size_t mark;
    std::string_view name;
  };
  std::vector<Mark> &marks;
  std::vector<Entry> stack;
  std::set<std::string_view> opened, closed; ///< Names of tags without a partner.
};

} // namespace

std::vector<Mark> findMarkup(std::string_view text) {
  std::vector<Mark> marks;
  Pairs pairs(marks);
  for (size_t at = 0; at < text.size();) {
    at = std::min(text.find_first_of("<{$%#&", at), text.size());
    if (at == text.size())
      break;
    const std::string_view rest = text.substr(at);
    const Tag tag = readTag(rest);
    size_t size = tag.size;
    Mark mark;
    if (size == 0) {
      size = readPlaceholder(rest, at ? text[at - 1] : ' ');
      mark.kind = Mark::Placeholder;
    }
    if (size == 0) {
      ++at;
      continue;
    }
    mark.text = rest.substr(0, size);
    mark.place = {at, at + size};
    mark.before = at ? sideOf(text[at - 1]) : Mark::Other;
    mark.after = at + size < text.size() ? sideOf(text[at + size]) : Mark::Other;
    marks.push_back(std::move(mark));
    if (tag.size && tag.how == Tag::Opens)
      pairs.open(marks.size() - 1, tag.name);
    else if (tag.size && tag.how == Tag::Closes)
      pairs.close(marks.size() - 1, tag.name);
    at += size;
  }
  if (!pairs.overlap())
    return marks;
  for (Mark &mark : marks)
    if (mark.kind != Mark::Placeholder) {
      mark.kind = Mark::Single;
      mark.partner = Mark::none;
      mark.inOrder = true;
    }
  return marks;
}

namespace {

/// Whether tags between two words of a text leave them two: "one<br/>two",
/// "</li><li>". A pair within a word does not: "un<b>do</b>".
bool separates(std::span<const Mark> run) {
  const auto has = [run](Mark::Kind kind) {
    return std::ranges::any_of(run, [kind](const Mark &mark) { return mark.kind == kind; });
  };
  return has(Mark::Single) || (has(Mark::Open) && has(Mark::Close));
}

} // namespace

MarkedText takeTagsOut(std::string_view text, std::string_view standIn) {
  MarkedText made;
  made.marks = findMarkup(text);
  size_t at = 0;
  const auto copyTo = [&](size_t end) {
    made.plain += text.substr(at, end - at);
    at = end;
  };
  for (size_t first = 0; first < made.marks.size();) {
    Mark &mark = made.marks[first];
    copyTo(mark.place.begin);
    if (mark.kind == Mark::Placeholder) {
      const size_t begin = made.plain.size();
      made.plain += standIn.empty() ? mark.text : std::string(standIn);
      at = mark.place.end;
      mark.place = {begin, made.plain.size()};
      ++first;
      continue;
    }
    size_t last = first; // a run of tags with nothing between
    while (last < made.marks.size() && made.marks[last].kind != Mark::Placeholder &&
           made.marks[last].place.begin == at) {
      at = made.marks[last].place.end;
      made.marks[last].place = {made.plain.size(), made.plain.size()};
      ++last;
    }
    const bool between = !made.plain.empty() && !isSpace(made.plain.back()) &&
                         at < text.size() && !isSpace(text[at]);
    if (between && separates(std::span(made.marks).subspan(first, last - first))) {
      bool opened = false; // closing tags stand before the space
      for (size_t i = first; i < last; ++i) {
        made.marks[i].apart = true;
        opened |= made.marks[i].kind != Mark::Close;
        if (opened)
          made.marks[i].place = {made.plain.size() + 1, made.plain.size() + 1};
      }
      made.plain += ' ';
    }
    first = last;
  }
  copyTo(text.size());
  return made;
}

Shortened withoutPlaceholders(const MarkedText &marked, Range within) {
  Shortened made;
  size_t at = within.begin;
  const auto copyTo = [&](size_t end) {
    for (; at < end; ++at) {
      made.text += marked.plain[at];
      made.origin.push_back(at);
    }
  };
  for (const Mark &mark : marked.marks) {
    if (mark.kind != Mark::Placeholder || !mark.place.overlaps(within))
      continue;
    copyTo(mark.place.begin);
    at = mark.place.end;
    const bool comes = at < within.end;
    if (!made.text.empty() && isSpace(made.text.back()) &&
        (!comes || isSpace(marked.plain[at]) || isOneOf(marked.plain[at], ",.;:!?"))) {
      made.text.pop_back();
      made.origin.pop_back();
    }
  }
  copyTo(within.end);
  made.origin.push_back(within.end);
  return made;
}

std::vector<Range> wordRanges(std::string_view text, std::span<const Range> whole) {
  std::vector<Range> sorted(whole.begin(), whole.end()), words;
  std::ranges::sort(sorted, {}, &Range::begin);
  auto next = sorted.begin();
  bool goesOn = false;
  for (size_t at = 0; at < text.size();) {
    while (next != sorted.end() && next->begin < at)
      ++next;
    if (next != sorted.end() && next->begin == at && next->size() > 0) {
      words.push_back(*next);
      at = next->end;
      goesOn = false;
      continue;
    }
    if (goesOn && isWordByte(text[at]))
      ++words.back().end;
    else if (!isSpace(text[at]))
      words.push_back({at, at + 1});
    goesOn = isWordByte(text[at]);
    ++at;
  }
  return words;
}

bool hasWords(std::string_view text) { return std::ranges::any_of(text, isWordByte); }

} // namespace encdec::tools
