//===- PreTokenizer.cpp - a normalized text into words --------------------===//

#include "runtime/text/PreTokenizer.h"

#include "runtime/text/Normalizer.h"
#include "runtime/text/Utf8.h"

#include <algorithm>

namespace encdec {

namespace {
enum class Prepend { Never, Always, First };
} // namespace

/// Room for the words of most texts.
static std::vector<Word> wordsFor(std::string_view bytes) {
  std::vector<Word> words;
  words.reserve(8 + bytes.size() / 6);
  return words;
}

static void pushWord(std::vector<Word> &words, size_t begin, size_t end) {
  if (begin < end)
    words.push_back({static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
}

static void splitAtWhitespace(std::string_view bytes, std::vector<Word> &words) {
  std::vector<Word> parts = wordsFor(bytes);
  for (const auto [begin, end] : words) {
    size_t start = begin;
    for (size_t at = begin; at < end;) {
      const Character character = characterAt(bytes.substr(at));
      if (isWhiteSpace(character.point)) {
        pushWord(parts, start, at);
        start = at + character.length;
      }
      at += character.length;
    }
    pushWord(parts, start, end);
  }
  words.swap(parts);
}

/// Spaces become U+2581, one more stands in front of words as `prepend` says.
static void putMetaspaces(Prepend prepend, bool split, bool isFirst, Text &text,
                          std::vector<Word> &words) {
  Text out(text.tracks);
  out.bytes.reserve(text.size() + text.size() / 2 + 8);
  std::vector<Word> parts = wordsFor(text.bytes);
  for (size_t w = 0; w < words.size(); ++w) {
    const auto [begin, end] = words[w];
    const std::string_view word =
        std::string_view(text.bytes).substr(begin, end - begin);
    auto isSymbol = [&](size_t at) {
      return word[at] == kSpaceSymbol[0] && word.substr(at).starts_with(kSpaceSymbol);
    };
    size_t start = out.size();
    const bool isWanted =
        prepend == Prepend::Always || (prepend == Prepend::First && isFirst && begin == 0);
    // What is put in front comes from the first character, as tokenizers has it.
    if (isWanted && !word.starts_with(' ') && !word.starts_with(kSpaceSymbol))
      out.add(kSpaceSymbol, text.originAt(begin));
    for (size_t at = 0; at < word.size();) {
      // A run without spaces and symbols at once.
      size_t stop = at;
      while (stop < word.size() && word[stop] != ' ' &&
             !(split && stop > at && isSymbol(stop)))
        ++stop;
      if (split && (word[at] == ' ' || isSymbol(at)) &&
          !(at == 0 && out.size() == start)) {
        pushWord(parts, start, out.size());
        start = out.size();
      }
      if (stop == at) {
        out.add(kSpaceSymbol, text.originAt(begin + at));
        ++at;
        continue;
      }
      out.copy(text, begin + at, begin + stop);
      at = stop;
    }
    pushWord(parts, start, out.size());
  }
  std::swap(text, out);
  words.swap(parts);
}

static void addPrefixSpaces(Text &text, std::vector<Word> &words) {
  Text out(text.tracks);
  std::vector<Word> parts;
  for (const auto [begin, end] : words) {
    const size_t start = out.size();
    if (text.bytes[begin] != ' ')
      out.add(" ", text.originAt(begin));
    out.copy(text, begin, end);
    pushWord(parts, start, out.size());
  }
  std::swap(text, out);
  words.swap(parts);
}

/// The end of the run of characters from `at` on for which `holds`.
template <typename Holds>
static size_t runEnd(std::string_view text, size_t at, Holds holds) {
  while (at < text.size()) {
    const Character character = characterAt(text.substr(at));
    if (!holds(character.point))
      break;
    at += character.length;
  }
  return at;
}

static size_t contractionLength(std::string_view text) {
  for (const std::string_view end : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(end))
      return end.size();
  return 0;
}

size_t gpt2WordEnd(std::string_view text, size_t begin) {
  if (const size_t length = contractionLength(text.substr(begin)))
    return begin + length;
  const size_t start = text[begin] == ' ' ? begin + 1 : begin;
  auto isOther = [](uint32_t point) {
    return !isWhiteSpace(point) && !isLetter(point) && !isNumber(point);
  };
  if (start < text.size()) {
    const uint32_t point = characterAt(text.substr(start)).point;
    if (isLetter(point))
      return runEnd(text, start, isLetter);
    if (isNumber(point))
      return runEnd(text, start, isNumber);
    if (isOther(point))
      return runEnd(text, start, isOther);
  }
  // Whitespace: all of it at the end of the text, else all but the last character, which
  // goes with what follows if it is a space; a single one stands alone.
  const size_t end = runEnd(text, begin, isWhiteSpace);
  if (end == text.size())
    return end;
  size_t last = end - 1;
  while (isTrail(text[last]))
    --last;
  return last > begin ? last : end;
}

static void splitAsGpt2(std::string_view bytes, std::vector<Word> &words) {
  std::vector<Word> parts = wordsFor(bytes);
  for (const auto [begin, end] : words) {
    const std::string_view word = bytes.substr(0, end);
    for (size_t at = begin; at < end;) {
      const size_t next = gpt2WordEnd(word, at);
      pushWord(parts, at, next);
      at = next;
    }
  }
  words.swap(parts);
}

/// The length of the literal at the front of `text` that has the lowest value; 0: none.
static size_t literalLength(const Trie &literals, std::string_view text) {
  Trie::Match match;
  Trie::Place place = literals.root();
  const size_t limit = std::min<size_t>(text.size(), ENCDEC_TOKENIZER_MAX_PIECE_BYTES);
  for (size_t i = 0; i < limit && !(place = literals.next(place, text[i])).isNowhere(); ++i) {
    const int32_t value = place.value();
    const bool isWhole = i + 1 == text.size() || !isTrail(text[i + 1]);
    if (value >= 0 && isWhole && (match.length == 0 || value < match.value))
      match = {i + 1, value};
  }
  return match.length;
}

static void splitAtLiterals(const Trie &literals, std::string_view bytes,
                            std::vector<Word> &words) {
  std::vector<Word> parts = wordsFor(bytes);
  for (const auto [begin, end] : words) {
    size_t start = begin;
    for (size_t at = begin; at < end;) {
      const size_t length = literalLength(literals, bytes.substr(at, end - at));
      if (length) {
        pushWord(parts, start, at);
        pushWord(parts, at, at + length);
        start = at + length;
      }
      at += length ? length : characterAt(bytes.substr(at)).length;
    }
    pushWord(parts, start, end);
  }
  words.swap(parts);
}

void splitIntoWords(const PipelineTable &pipeline, bool isFirst, Text &text,
                    std::vector<Word> &words) {
  words.clear();
  pushWord(words, 0, text.size());
  for (const encdec_tokenizer_stage &stage : pipeline.stages) {
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_WHITESPACE_SPLIT)
      splitAtWhitespace(text.bytes, words);
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_METASPACE)
      putMetaspaces(static_cast<Prepend>(stage.a), stage.b, isFirst, text, words);
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_BYTE_LEVEL && stage.a)
      addPrefixSpaces(text, words);
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_BYTE_LEVEL && stage.b)
      splitAsGpt2(text.bytes, words);
    if (stage.kind == ENCDEC_TOKENIZER_STAGE_LITERALS)
      splitAtLiterals(pipeline.literals, text.bytes, words);
  }
}

} // namespace encdec
