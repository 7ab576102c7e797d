//===- WordAlignment.cpp - which words a word was made from ---------------===//

#include "runtime/tools/WordAlignment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace encdec::tools {
namespace {

constexpr std::array<std::string_view, 3> marks = {"\u2581", "\u0120", " "};
constexpr std::string_view goesOn = "@@";

/// The mark that the piece begins with; empty where it has none.
std::string_view markOf(std::string_view piece) {
  for (std::string_view mark : marks)
    if (piece.starts_with(mark))
      return mark;
  return {};
}

} // namespace

std::vector<Word> wordsIn(std::string_view text, std::span<const Range> bytesOfPieces) {
  constexpr std::string_view space = " \t\n\v\f\r";
  std::vector<Word> words;
  std::vector<size_t> ends; // of the words, in bytes
  for (size_t at = text.find_first_not_of(space); at < text.size();
       at = text.find_first_not_of(space, at)) {
    const size_t end = std::min(text.find_first_of(space, at), text.size());
    words.push_back({std::string(text.substr(at, end - at)), 0, 0});
    ends.push_back(end);
    at = end;
  }
  for (size_t i = 0; i < bytesOfPieces.size(); ++i) {
    const auto [begin, end] = bytesOfPieces[i];
    if (begin == end)
      continue;
    size_t at = text.find_last_not_of(space, end - 1);
    if (at == std::string_view::npos || at < begin)
      at = text.find_first_not_of(space, end);
    if (at == std::string_view::npos)
      continue;
    Word &word = words[size_t(std::ranges::upper_bound(ends, at) - ends.begin())];
    if (word.begin == word.end)
      word.begin = i;
    word.end = i + 1;
  }
  return words;
}

std::vector<Word> wordsOf(std::span<const std::string> pieces,
                          const std::vector<bool> &special) {
  const bool marked = std::ranges::any_of(
      pieces, [](const std::string &piece) { return !markOf(piece).empty(); });
  std::vector<Word> words;
  bool begins = true;
  for (size_t i = 0; i < pieces.size(); ++i) {
    if (special[i]) {
      begins = true;
      continue;
    }
    std::string_view text = pieces[i];
    const std::string_view mark = markOf(text);
    begins = begins || !mark.empty() || (!marked && !pieces[i - 1].ends_with(goesOn));
    text.remove_prefix(mark.size());
    if (!marked && text.ends_with(goesOn))
      text.remove_suffix(goesOn.size());
    if (begins)
      words.push_back({"", i, i});
    words.back().text += text;
    words.back().end = i + 1;
    begins = false;
  }
  // A mark of its own spells no word by itself.
  std::erase_if(words, [](const Word &word) { return word.text.empty(); });
  return words;
}

WordAlignment alignWords(std::vector<Word> source, std::vector<Word> target,
                         std::span<const float> probs, uint64_t heads, size_t S) {
  WordAlignment made{std::move(source), std::move(target), {}, {}};
  const size_t T = probs.size() / (heads * S);
  for (size_t t = 0; t < made.target.size(); ++t) {
    const Word &word = made.target[t];
    float best = 0; // words of which nothing is known have no link
    std::optional<size_t> bestSource;
    for (size_t s = 0; s < made.source.size(); ++s) {
      const Word &from = made.source[s];
      double sum = 0;
      for (uint64_t head = 0; head < heads; ++head)
        for (size_t row = word.begin; row < word.end; ++row)
          for (size_t column = from.begin; column < from.end; ++column)
            sum += double(probs[(head * T + row) * S + column]);
      const auto mean = float(sum / double(heads * (word.end - word.begin)));
      made.probs.push_back(mean);
      if (mean > best) {
        best = mean;
        bestSource = s;
      }
    }
    if (bestSource)
      made.links.emplace_back(*bestSource, t);
  }
  return made;
}

std::string pharaoh(const WordAlignment &alignment) {
  std::string line;
  for (const auto &[source, target] : alignment.links)
    line += fmt::format("{}{}-{}", line.empty() ? "" : " ", source, target);
  return line;
}

} // namespace encdec::tools
