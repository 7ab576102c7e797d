//===- MarkupKept.cpp - what of the markup a translation has kept ---------===//

#include "runtime/tools/MarkupPlaces.h"

#include <algorithm>
#include <map>

namespace encdec::tools {
namespace {

/// The first thing in a text that reads as a mark of the source, or as any tag; empty where
/// there is none.
Range firstMark(const MarkedText &marked, const std::string &text) {
  for (const Mark &mark : marked.marks)
    if (const size_t at = text.find(mark.text); at != std::string::npos)
      return {at, at + mark.text.size()};
  for (const Mark &mark : findMarkup(text))
    if (mark.kind != Mark::Placeholder)
      return mark.place;
  return {};
}

/// Erases marks that the translation has outside of `kept`: they are the model's own.
void clean(const MarkedText &marked, Translation &made) {
  std::string text;
  std::vector<size_t> moved(made.text.size() + 1); // place of each byte in the clean text
  std::ranges::sort(made.kept, {}, [](const auto &one) { return one.second.begin; });
  const auto add = [&](Range range, bool mayHaveMarks) {
    std::string part = made.text.substr(range.begin, range.size());
    std::vector<size_t> origin(part.size());
    for (size_t i = 0; i < origin.size(); ++i)
      origin[i] = range.begin + i;
    for (Range own; mayHaveMarks && (own = firstMark(marked, part)).size() > 0;) {
      part.erase(own.begin, own.size());
      origin.erase(origin.begin() + int64_t(own.begin), origin.begin() + int64_t(own.end));
    }
    size_t next = 0;
    for (size_t i = range.begin; i < range.end; ++i) {
      moved[i] = text.size() + next;
      next += next < origin.size() && origin[next] == i;
    }
    text += part;
  };
  size_t at = 0;
  for (const auto &[mark, range] : made.kept) {
    add({at, range.begin}, true);
    add(range, false);
    at = range.end;
  }
  add({at, made.text.size()}, true);
  moved.back() = text.size();
  const auto move = [&](Range &range) { range = {moved[range.begin], moved[range.end]}; };
  for (auto &[mark, range] : made.kept)
    move(range);
  for (Attention &part : made.parts)
    std::ranges::for_each(part.target, move);
  made.text = std::move(text);
}

/// Whether a line has each mark as often as the source, and no other tag.
bool holdsEach(const MarkedText &marked, std::string_view line) {
  std::map<std::string_view, int> missing;
  for (const Mark &mark : marked.marks)
    ++missing[mark.text];
  const std::vector<Mark> found = findMarkup(line);
  for (const Mark &mark : found)
    if (const auto at = missing.find(mark.text); at != missing.end())
      --at->second;
    else if (mark.kind != Mark::Placeholder)
      return false;
  return std::ranges::all_of(missing, [](const auto &one) { return one.second == 0; });
}

/// How much the pieces of a range attended to those of another.
float attended(const Attention &attention, Range target, Range source) {
  float sum = 0;
  const size_t S = attention.source.size();
  for (size_t t = 0; t < attention.target.size(); ++t)
    for (size_t s = 0; s < S; ++s)
      if (attention.target[t].overlaps(target) && attention.source[s].overlaps(source))
        sum += attention.probs[t * S + s];
  return sum;
}

/// Where a word stands in a text, as a word of its own or not.
std::vector<Range> occurrences(std::string_view text, std::string_view word) {
  std::vector<Range> found;
  for (size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; at += word.size())
    found.push_back({at, at + word.size()});
  return found;
}

} // namespace

std::optional<std::vector<std::pair<size_t, Range>>>
findPlaceholders(const MarkedText &marked, Range within, std::string_view translation,
                 std::string_view standIn, const Attention &attention) {
  std::vector<size_t> wanted;
  std::map<std::string_view, std::vector<Range>> places;
  for (size_t i = 0; i < marked.marks.size(); ++i)
    if (marked.marks[i].kind == Mark::Placeholder && marked.marks[i].place.overlaps(within))
      wanted.push_back(i);
  std::vector<std::pair<size_t, Range>> found;
  if (standIn.empty()) {
    const std::vector<Mark> marks = findMarkup(translation);
    for (const Mark &mark : marks)
      places[mark.text].push_back(mark.place);
    // One that has grown together with a word was not understood: "Les%s".
    for (const Mark &mark : marks)
      for (size_t i : wanted)
        if (const Mark &own = marked.marks[i];
            own.text == mark.text &&
            ((mark.before == Mark::Word && own.before != Mark::Word) ||
             (mark.after == Mark::Word && own.after != Mark::Word)))
          return std::nullopt;
    for (size_t i : wanted) { // alike ones are as good as each other
      std::vector<Range> &left = places[marked.marks[i].text];
      if (left.empty())
        return std::nullopt;
      found.emplace_back(i, left.back());
      left.pop_back();
    }
    for (size_t i : wanted)
      if (!places[marked.marks[i].text].empty())
        return std::nullopt;
    return found;
  }
  std::vector<Range> left = occurrences(translation, standIn);
  const std::string_view source =
      std::string_view(marked.plain).substr(within.begin, within.size());
  if (left.size() != wanted.size() || occurrences(source, standIn).size() != wanted.size())
    return std::nullopt;
  while (!wanted.empty()) { // the strongest link first
    size_t bestMark = 0, bestPlace = 0;
    float best = -1;
    for (size_t i = 0; i < wanted.size(); ++i)
      for (size_t j = 0; j < left.size(); ++j)
        if (const float sum = attended(attention, left[j], marked.marks[wanted[i]].place);
            sum > best) {
          best = sum;
          bestMark = i;
          bestPlace = j;
        }
    found.emplace_back(wanted[bestMark], left[bestPlace]);
    wanted.erase(wanted.begin() + int64_t(bestMark));
    left.erase(left.begin() + int64_t(bestPlace));
  }
  return found;
}

std::string putBack(const MarkedText &marked, Translation translation) {
  Translation made = translation;
  clean(marked, made);
  std::string line = placeMarks(marked, std::move(made));
  if (holdsEach(marked, line))
    return line;
  // Text beside a mark makes it another: a "%" before a "%s". Then all marks are placed, with
  // white space around placeholders, and the text loses what markup begins with.
  for (const auto &[mark, range] : translation.kept)
    std::fill_n(translation.text.begin() + int64_t(range.begin), range.size(), ' ');
  translation.kept.clear();
  for (char &c : translation.text)
    if (std::string_view("<{%&$#").find(c) != std::string_view::npos)
      c = ' ';
  MarkedText loose = marked;
  for (Mark &mark : loose.marks)
    if (mark.kind == Mark::Placeholder)
      mark.before = mark.after = Mark::Space;
  return placeMarks(loose, std::move(translation));
}

} // namespace encdec::tools
