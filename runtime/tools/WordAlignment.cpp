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

WordAlignment alignWords(std::span<const std::string> sourcePieces,
                         std::span<const std::string> targetPieces,
                         const std::vector<bool> &sourceSpecial,
                         const std::vector<bool> &targetSpecial,
                         std::span<const float> probs, uint64_t heads) {
  const size_t S = sourcePieces.size(), T = targetPieces.size();
  WordAlignment made;
  made.source = wordsOf(sourcePieces, sourceSpecial);
  made.target = wordsOf(targetPieces, targetSpecial);
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
