//===- MarkupPlaces.cpp - where tags and placeholders go in a translation -===//

#include "runtime/tools/MarkupPlaces.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace encdec::tools {
namespace {

/// How much less a piece counts than its neighbour that is nearer to a mark.
constexpr float fading = 0.5f;

bool isWordByte(char c) { return hasWords(std::string_view(&c, 1)); }
bool isSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

class Places {
public:
  Places(const MarkedText &marked, Translation translation);
  std::string put();

private:
  struct Node {
    size_t mark = Mark::none; ///< The opening tag of a pair.
    std::vector<size_t> children;
    Range gaps; ///< Gap i is before word i.
  };
  /// What a word of the translation attended to: of one part, the mean of its pieces' rows.
  struct Row {
    const Attention *part = nullptr;
    std::vector<float> probs;
  };
  /// A word, or else a mark.
  struct Token {
    bool isWord;
    size_t index;
  };

  void readRows();
  void readTree();
  Range sourceOf(const Node &node) const;
  bool hasSource(const Node &node) const;
  float preference(const Row &row, Range source) const;
  float sideOf(const Row &row, size_t place) const;
  void placeChildren(size_t parent);
  void placePair(Node &node, std::vector<bool> &taken, Range within);
  void placePoint(Node &node, const std::vector<size_t> &siblings, Range within, size_t least);
  void list(size_t parent, Range within, std::vector<Token> &tokens) const;
  std::string write(const std::vector<Token> &tokens) const;
  void writeGap(std::string &out, std::span<const Token> tokens, std::string space,
                const char *left, const char *right) const;
  bool sticksLeft(const Mark &mark) const;

  const MarkedText &marked;
  Translation made;
  std::vector<Range> words;
  std::vector<size_t> markOfWord; ///< Of a placeholder that the translation has.
  std::vector<Row> rows;
  std::vector<Range> spans; ///< Of the parts' sources.
  std::vector<Node> nodes{1}; ///< The first is the whole line.
};

Places::Places(const MarkedText &marked, Translation translation)
    : marked(marked), made(std::move(translation)) {
  std::vector<Range> whole;
  for (const auto &[mark, range] : made.kept)
    whole.push_back(range);
  words = wordRanges(made.text, whole);
  markOfWord.assign(words.size(), Mark::none);
  for (const auto &[mark, range] : made.kept)
    if (const auto word = std::ranges::find(words, range); word != words.end())
      markOfWord[size_t(word - words.begin())] = mark;
  readRows();
  readTree();
}

void Places::readRows() {
  rows.resize(words.size());
  for (const Attention &attention : made.parts) {
    const size_t S = attention.source.size();
    for (size_t t = 0; t < attention.target.size(); ++t) {
      const Range range = attention.target[t];
      auto word = std::ranges::upper_bound(words, range.begin, {}, &Range::end);
      for (; word != words.end() && range.size() > 0 && word->overlaps(range); ++word) {
        Row &row = rows[size_t(word - words.begin())];
        if (row.part != &attention) {
          row.part = &attention;
          row.probs.assign(S, 0);
        }
        for (size_t s = 0; s < S; ++s)
          if (attention.source[s].size() > 0)
            row.probs[s] += attention.probs[t * S + s];
      }
    }
  }
  for (Row &row : rows) {
    float sum = 0;
    for (float prob : row.probs)
      sum += prob;
    for (float &prob : row.probs)
      prob = sum > 0 ? prob / sum : 0;
  }
}

void Places::readTree() {
  std::vector<size_t> open{0};
  for (size_t i = 0; i < marked.marks.size(); ++i) {
    const Mark &mark = marked.marks[i];
    const bool isKept = std::ranges::any_of(
        made.kept, [i](const auto &one) { return one.first == i; });
    if (isKept)
      continue;
    if (mark.kind == Mark::Close) {
      open.pop_back();
      continue;
    }
    nodes.push_back({i, {}, {}});
    nodes[open.back()].children.push_back(nodes.size() - 1);
    if (mark.kind == Mark::Open)
      open.push_back(nodes.size() - 1);
  }
}

/// What a pair surrounds; of one mark, where it stands.
Range Places::sourceOf(const Node &node) const {
  const Mark &mark = marked.marks[node.mark];
  return mark.kind == Mark::Open ? Range{mark.place.end, marked.marks[mark.partner].place.begin}
                                 : Range{mark.place.begin, mark.place.begin};
}

bool Places::hasSource(const Node &node) const {
  const Range source = sourceOf(node);
  if (marked.marks[node.mark].kind != Mark::Open || source.size() == 0)
    return false;
  for (const Attention &part : made.parts)
    if (std::ranges::any_of(part.source, [&](Range piece) { return piece.overlaps(source); }))
      return true;
  return false;
}

/// From -1, all attention goes elsewhere, to 1, all goes to `source`.
float Places::preference(const Row &row, Range source) const {
  float sum = 0;
  for (size_t s = 0; s < row.probs.size(); ++s)
    if (row.part->source[s].overlaps(source))
      sum += row.probs[s];
  return row.part ? 2 * sum - 1 : 0;
}

/// From -1, all attention goes to what is just behind the place, to 1, to just before it.
float Places::sideOf(const Row &row, size_t place) const {
  float sum = 0, weight = 1;
  if (!row.part)
    return 0;
  const auto &source = row.part->source;
  size_t middle = 0; // first piece behind the place
  while (middle < source.size() && (source[middle].size() == 0 || source[middle].begin < place))
    ++middle;
  for (size_t s = middle; s < source.size(); ++s, weight *= fading)
    sum -= weight * row.probs[s];
  weight = 1;
  for (size_t s = middle; s > 0; --s, weight *= fading)
    sum += weight * row.probs[s - 1];
  return sum;
}

/// Takes the words in a row that together attend most to what the pair surrounds, and least
/// to the rest.
void Places::placePair(Node &node, std::vector<bool> &taken, Range within) {
  const Range source = sourceOf(node);
  float best = -std::numeric_limits<float>::infinity(), sum = 0;
  size_t begin = within.begin;
  for (size_t word = within.begin; word < within.end; ++word) {
    if (taken[word]) {
      sum = 0;
      begin = word + 1;
      continue;
    }
    if (sum < 0) {
      sum = 0;
      begin = word;
    }
    sum += preference(rows[word], source);
    if (sum > best) {
      best = sum;
      node.gaps = {begin, word + 1};
    }
  }
  for (size_t word = node.gaps.begin; word < node.gaps.end; ++word)
    taken[word] = true;
}

/// Takes the gap for which the words before it attend most to what was before the mark, and
/// those behind to what was behind; from `least` on.
void Places::placePoint(Node &node, const std::vector<size_t> &siblings, Range within,
                        size_t least) {
  const size_t place = sourceOf(node).begin;
  float sum = 0, best = -std::numeric_limits<float>::infinity();
  for (size_t word = within.begin; word < within.end; ++word)
    sum -= sideOf(rows[word], place);
  for (size_t gap = within.begin;; ++gap) {
    const bool inside = std::ranges::any_of(siblings, [&](size_t sibling) {
      const Range other = nodes[sibling].gaps;
      return other.begin < gap && gap < other.end;
    });
    if (gap >= least && !inside && sum > best) {
      best = sum;
      node.gaps = {gap, gap};
    }
    if (gap == within.end)
      return;
    sum += 2 * sideOf(rows[gap], place);
  }
}

void Places::placeChildren(size_t parent) {
  const Range within = nodes[parent].gaps;
  std::vector<bool> taken(words.size());
  std::vector<size_t> placed, points;
  for (size_t child : nodes[parent].children) {
    nodes[child].gaps = {within.begin, within.begin};
    if (!hasSource(nodes[child])) {
      points.push_back(child);
      continue;
    }
    placePair(nodes[child], taken, within);
    placed.push_back(child);
  }
  size_t last = within.begin; // gap of the last tag that keeps its order
  for (size_t child : points) {
    const bool inOrder = marked.marks[nodes[child].mark].inOrder;
    placePoint(nodes[child], placed, within, inOrder ? last : within.begin);
    if (inOrder)
      last = nodes[child].gaps.begin;
    placed.push_back(child);
  }
  for (size_t child : nodes[parent].children)
    placeChildren(child);
}

/// Words and marks in the order of the translation.
void Places::list(size_t parent, Range within, std::vector<Token> &tokens) const {
  std::vector<size_t> sorted = nodes[parent].children; // by their place, then as in the source
  std::ranges::sort(sorted, {}, [this](size_t child) {
    return std::tuple(nodes[child].gaps.begin, nodes[child].gaps.end, child);
  });
  size_t word = within.begin;
  const auto wordsTo = [&](size_t end) {
    for (; word < end; ++word)
      tokens.push_back({true, word});
  };
  for (size_t child : sorted) {
    const Node &node = nodes[child];
    wordsTo(node.gaps.begin);
    tokens.push_back({false, node.mark});
    list(child, node.gaps, tokens);
    word = node.gaps.end;
    if (marked.marks[node.mark].kind == Mark::Open)
      tokens.push_back({false, marked.marks[node.mark].partner});
  }
  wordsTo(within.end);
}

/// Whether a mark belongs to what is before it rather than to what is behind.
bool Places::sticksLeft(const Mark &mark) const {
  if (mark.kind == Mark::Close)
    return true;
  return mark.kind != Mark::Open && mark.before != Mark::Space &&
         (mark.after == Mark::Space || mark.before == Mark::Word);
}

/// Writes the marks between two words (null: there is none) with `space`, the white space
/// of the translation there, and with more where they would touch what they did not touch.
void Places::writeGap(std::string &out, std::span<const Token> tokens, std::string space,
                      const char *left, const char *right) const {
  bool opens = false, closes = false, alone = false, placeholder = false;
  size_t slot = 0; // the mark before which the white space goes
  for (const Token &token : tokens) {
    const Mark &mark = marked.marks[token.index];
    opens |= mark.apart && mark.kind == Mark::Open;
    closes |= mark.apart && mark.kind == Mark::Close;
    alone |= mark.apart && mark.kind == Mark::Single;
    placeholder |= mark.kind == Mark::Placeholder;
  }
  if (alone || (opens && closes))
    space.clear();
  while (slot < tokens.size() && sticksLeft(marked.marks[tokens[slot].index]))
    ++slot;
  if (placeholder && right && !isWordByte(*right)) // "Hello {name} !"
    slot = tokens.size();
  const auto part = [&] {
    if (!out.empty() && !isSpace(out.back()))
      out += ' ';
  };
  // Words that touched no mark touch none here.
  const auto wordBefore = [&] { return left && isWordByte(*left) && !isSpace(out.back()); };
  if (!tokens.empty() && slot > 0 && wordBefore() &&
      marked.marks[tokens.front().index].before == Mark::Space)
    part();
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Mark &mark = marked.marks[tokens[i].index];
    const bool first = i == 0, last = i + 1 == tokens.size();
    if (i == slot)
      out += space;
    const auto kindOf = [&](size_t other) { return marked.marks[tokens[other].index].kind; };
    if (mark.kind == Mark::Placeholder) {
      const bool touches = left && (isWordByte(*left) || std::string_view(",.;:!?%").find(
                                                             *left) != std::string_view::npos);
      if (first ? touches && mark.before != Mark::Word
                : kindOf(i - 1) != Mark::Open && mark.before == Mark::Space)
        part();
      out += mark.text;
      if (last ? right && isWordByte(*right) && mark.after != Mark::Word &&
                     !(slot == tokens.size() && !space.empty())
               : kindOf(i + 1) != Mark::Close && mark.after == Mark::Space)
        part();
      continue;
    }
    const bool apart = mark.kind == Mark::Single && mark.before == Mark::Space &&
                       mark.after == Mark::Space;
    if (apart && left)
      part();
    out += mark.text;
    if (apart && right)
      part();
  }
  if (slot == tokens.size()) {
    if (!space.empty() && !out.empty() && isSpace(out.back()))
      space.erase(0, 1);
    out += space;
  }
  if (!tokens.empty() && right && isWordByte(*right) &&
      marked.marks[tokens.back().index].after == Mark::Space)
    part();
}

std::string Places::write(const std::vector<Token> &tokens) const {
  std::string out;
  size_t at = 0; // of the translation
  const char *left = nullptr;
  for (size_t first = 0, last = 0; first <= tokens.size(); first = last + 1) {
    for (last = first; last < tokens.size() && !tokens[last].isWord;)
      ++last;
    const bool ends = last == tokens.size();
    const Range word = ends ? Range{made.text.size(), made.text.size()}
                            : words[tokens[last].index];
    writeGap(out, std::span(tokens).subspan(first, last - first),
             made.text.substr(at, word.begin - at), left,
             ends ? nullptr : made.text.data() + word.begin);
    if (ends)
      break;
    const size_t mark = markOfWord[tokens[last].index];
    out += mark == Mark::none ? made.text.substr(word.begin, word.size())
                              : marked.marks[mark].text;
    at = word.end;
    left = made.text.data() + word.end - 1;
  }
  return out;
}

std::string Places::put() {
  nodes[0].gaps = {0, words.size()};
  placeChildren(0);
  std::vector<Token> tokens;
  list(0, nodes[0].gaps, tokens);
  return write(tokens);
}

} // namespace

std::string placeMarks(const MarkedText &marked, Translation translation) {
  return Places(marked, std::move(translation)).put();
}

} // namespace encdec::tools
